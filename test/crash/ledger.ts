/**
 * What the clients of a scenario asked for and what they were told, in order. A crash is checked against a prefix of it:
 * what was acknowledged before the crash must be there, what was asked for may be, what was refused may not.
 */
import type { StoredRecord } from "../../src/records/record.ts";

/** What a topic is, once a change of it is done. */
export interface TopicState {
  readonly name: string;
  /** From 1: which topic of all that were ever made. */
  readonly incarnation: number;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** A partition of one incarnation of a topic. */
export interface PartitionPlace {
  readonly incarnation: number;
  readonly partition: number;
}

export type LedgerEvent =
  /** A change of the topic `name` began; null: it is to be deleted. */
  | { readonly kind: "topic asked"; readonly name: string; readonly state: TopicState | null }
  | { readonly kind: "topic done"; readonly name: string }
  | { readonly kind: "topic refused"; readonly name: string }
  | { readonly kind: "topic id"; readonly incarnation: number; readonly topicId: string }
  | CommitAsked
  | { readonly kind: "commit done"; readonly asked: CommitAsked }
  /** Somebody was shown this position; null: none. */
  | { readonly kind: "commit told"; readonly group: string; readonly place: string; readonly offset: number | null }
  /** A member was given partitions in this generation. */
  | { readonly kind: "generation told"; readonly group: string; readonly generation: number }
  | ProduceAsked
  | { readonly kind: "produce acked"; readonly asked: ProduceAsked; readonly first: number }
  | { readonly kind: "produce refused"; readonly asked: ProduceAsked }
  /** A reader was shown these records: they were committed. */
  | {
    readonly kind: "read";
    readonly place: PartitionPlace;
    readonly first: number;
    readonly digests: readonly string[];
  }
  /** The log may start here, or at any offset up to here when `isLimit`. */
  | { readonly kind: "start asked"; readonly place: PartitionPlace; readonly offset: number; readonly isLimit: boolean }
  /** The log starts at or after this offset, for good. */
  | { readonly kind: "start told"; readonly place: PartitionPlace; readonly offset: number }
  /**
   * Compaction began: a record that another one of its key below `upTo` supersedes may be gone from now on, and where
   * `tombstonesGo`, tombstones below it too.
   */
  | {
    readonly kind: "clean asked";
    readonly place: PartitionPlace;
    readonly upTo: number;
    readonly tombstonesGo: boolean;
  }
  | { readonly kind: "truncate asked"; readonly place: PartitionPlace; readonly boundary: number }
  | { readonly kind: "truncate done"; readonly place: PartitionPlace; readonly boundary: number };

export interface ProduceAsked {
  readonly kind: "produce asked";
  readonly place: PartitionPlace;
  /** Who sent it; one connection's records keep their order. */
  readonly connection: string;
  readonly digests: readonly string[];
}

export interface CommitAsked {
  readonly kind: "commit asked";
  readonly group: string;
  /** `topic-partition` */
  readonly place: string;
  /** Null: the position is to be deleted. */
  readonly offset: number | null;
}

/** All that a record must keep, with its epoch. Every record of a scenario has another one. */
export function digestOf(record: Omit<StoredRecord, "offset">, epoch: number): string {
  const headers = record.headers.map(({ key, value }) => `${key}=${textOf(value)}`).join(",");
  return `${epoch}|${record.timestamp}|${textOf(record.key)}|${textOf(record.value)}|${headers}`;
}

/** The key that a digest tells, and whether its record is a tombstone. */
export function keyOfDigest(digest: string): { readonly key: string; readonly isTombstone: boolean } {
  const [, , key = "", value] = digest.split("|");
  return { key, isTombstone: value === "null" };
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? "null" : `"${decoder.decode(bytes)}"`;
}
