/** What the clients see, as the checkers are told. */
import type { StoredRecord } from "../../src/records/record.ts";
import type { Model, PartitionModel, SentRecord } from "./model.ts";

/** The records of one produce, in order, have the offsets from `first` on. */
export interface Acknowledged {
  readonly kind: "acknowledged";
  readonly partition: PartitionModel;
  readonly first: number;
  readonly records: readonly SentRecord[];
  /** The topic's level promised that it survives a power loss. */
  readonly isStrict: boolean;
}

export interface ReadAnswer {
  readonly kind: "read";
  readonly partition: PartitionModel;
  /** The offset asked for, or null for `earliest` and `latest`. */
  readonly asked: number | null;
  readonly records: readonly StoredRecord[];
  readonly next: number;
  readonly highWatermark: number;
  readonly logStart: number;
  /** What was known when the read began: nothing may be older in its answer. */
  readonly before: { readonly highWatermark: number; readonly logStart: number };
}

/** What a lookup by key answered. */
export interface LookupAnswer {
  readonly kind: "lookup";
  readonly partition: PartitionModel;
  /** In hexadecimal. */
  readonly key: string;
  /** One, or none. */
  readonly records: readonly StoredRecord[];
  readonly highWatermark: number;
  /** What was known when the lookup began: the newest acknowledged record of the key that must be there, −1 for none. */
  readonly before: { readonly highWatermark: number; readonly newest: number };
}

/** A read at `asked` was refused, as the partition holds [earliest, tail]. */
export interface OutOfRange {
  readonly kind: "out-of-range";
  readonly partition: PartitionModel;
  readonly asked: number;
  readonly earliest: number;
  readonly tail: number;
  /** What was to last when the read began. */
  readonly before: { readonly strictEnd: number };
}

/** The last word: everything that a partition holds, read when all faults are over. */
export interface WholePartition {
  readonly kind: "whole";
  readonly partition: PartitionModel;
  readonly logStart: number;
  readonly end: number;
}

export type Observation = Acknowledged | ReadAnswer | LookupAnswer | OutOfRange | WholePartition;

export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** Looks at every observation, and throws a `Violation` when one cannot be. */
export type Checker = (observation: Observation, model: Model) => void;
