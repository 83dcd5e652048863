/** A log as its cleaner sees it, in either storage engine: the cleaner decides what stays, the engine how it is put in place. */
import type { Offset, TimestampMs } from "../../base/ids.ts";
import type { SentinelError } from "../../base/errors.ts";
import type { Clock } from "../../platform/clock.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { LogSettings } from "../partition_log.ts";
import type { ProducerStates } from "../producer_states.ts";
import type { CleaningPace } from "./cleaning_pace.ts";

export interface CleanableSegment {
  readonly baseOffset: Offset;
  /** The next segment's base offset. */
  readonly endOffset: Offset;
  readonly sizeBytes: number;
}

export interface SegmentTimes {
  /** The largest timestamp of the first batch, −1: none, or not known now. */
  readonly first: TimestampMs;
  /** The segment's largest, −1: none, or not known now. */
  readonly newest: TimestampMs;
}

/** What both engines know of an open log. */
export interface CleanableState {
  readonly clock: Clock;
  readonly producers: ProducerStates;
  readonly settings: LogSettings;
  readonly startOffset: Offset;
  readonly generation: number;
  readonly truncations: number;
  readonly failure: SentinelError | null;
}

export interface CleanableLog<Kind extends CleanableSegment> {
  /** What errors call it. */
  readonly name: string;
  readonly state: CleanableState;
  /** From the log's first on; the last one is active and never cleaned. */
  readonly segments: readonly Kind[];
  /** Everything below was under a key map. */
  readonly cleanOffset: Offset;

  /** May have to read; fails where that is not possible. */
  timesOf(segment: Kind): Promise<SegmentTimes>;
  /** What must be so before a pass changes anything. */
  prepare(): Promise<void>;
  /** Gives every batch of a segment, and fails unless they are what was stored. */
  scan(segment: Kind, pace: CleaningPace, onBatch: (batch: RecordBatch) => Promise<void>): Promise<void>;
  /** Begins to write a group of neighbours anew, as one segment. */
  rewrite(group: readonly Kind[], pace: CleaningPace): Promise<GroupRewriter>;
  /** Notes where the log is clean when nothing took anything's place. */
  storeCleanOffset(cleanOffset: Offset, pace: CleaningPace): Promise<void>;
  /** Resolves when nothing is open any more that a pass has opened. */
  settle(): Promise<void>;
}

export interface GroupRewriter {
  /** Every batch of the group comes, in order. `kept`: the batch itself, what stands in its place, or null. */
  put(batch: RecordBatch, kept: RecordBatch | null): Promise<void>;
  /** Everything has come. Returns how many bytes stand in the group's place. */
  finish(): Promise<number>;
  /** What is written takes the group's place. `cleanOffset`: where the log is clean then. */
  swapIn(cleanOffset: Offset): Promise<void>;
  /** In place of `swapIn`: the group stays as it is, but for what was already put in place. */
  discard(): Promise<void>;
}
