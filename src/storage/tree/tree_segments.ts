/** The segments of one open log in a store, and how they grow with what is appended. */
import { assert } from "../../base/assert.ts";
import type { Offset, TimestampMs } from "../../base/ids.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { mustRollBefore } from "../log/must_roll.ts";
import type { LogSettings } from "../partition_log.ts";
import type { WriteBatch } from "../write_batch.ts";
import type { PartitionKeys } from "./partition_keys.ts";
import { encodeTimeEntry } from "./stored_times.ts";
import { emptySegment, encodeTreeSegment, grown, type TreeSegment } from "./tree_segment.ts";

/** How far the active segment's index by time is. */
export interface TimedPoint {
  /** The last entry's, −1: there is none. */
  readonly timestamp: TimestampMs;
  /** Bytes that were appended since then. */
  readonly bytesAbove: number;
}

/**
 * Invariant: each one's base offset is the end offset of the one before it, and the active one ends at `writtenOffset`.
 * Lists are replaced, never changed: who goes over one meanwhile sees a moment.
 */
export class TreeSegments {
  sealed: readonly TreeSegment[];
  /** Takes what is appended; compaction and retention never touch it. */
  active: TreeSegment;
  timed: TimedPoint = { timestamp: -1, bytesAbove: 0 };

  constructor(sealed: readonly TreeSegment[], active: TreeSegment) {
    this.sealed = sealed;
    this.active = active;
  }

  get all(): readonly TreeSegment[] {
    return [...this.sealed, this.active];
  }

  get sizeBytes(): number {
    return this.sealed.reduce((sum, { sizeBytes }) => sum + sizeBytes, this.active.sizeBytes);
  }

  /** The segment that holds `offset`, or would. */
  of(offset: Offset): TreeSegment {
    if (offset >= this.active.baseOffset || this.sealed.length === 0) return this.active;
    let low = 0;
    let high = this.sealed.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.sealed[middle]!.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return this.sealed[low]!;
  }

  /** Takes over what has been written. */
  adopt({ sealed, active, timed }: SegmentGrowth): void {
    if (sealed.length > 0) this.sealed = [...this.sealed, ...sealed];
    this.active = active;
    this.timed = timed;
  }

  /** Puts others in the place of sealed neighbours. */
  replace(sources: readonly TreeSegment[], others: readonly TreeSegment[]): void {
    const at = this.sealed.indexOf(sources[0]!);
    assert(at >= 0 && this.sealed[at + sources.length - 1] === sources.at(-1), "What is replaced is not in the log");
    this.sealed = [...this.sealed.slice(0, at), ...others, ...this.sealed.slice(at + sources.length)];
  }

  /** Ends with `active`, which is what a truncation leaves of one of them. */
  cutTo(active: TreeSegment, timestamp: TimestampMs): void {
    this.sealed = this.sealed.filter(({ baseOffset }) => baseOffset < active.baseOffset);
    this.active = active;
    this.timed = { timestamp, bytesAbove: 0 };
  }

  /** Begins with `first`, which is what a trim leaves of one of them. */
  trimTo(first: TreeSegment): void {
    const behind = this.sealed.filter(({ baseOffset }) => baseOffset > first.baseOffset);
    if (first.baseOffset === this.active.baseOffset) this.active = first;
    else behind.unshift(first);
    this.sealed = behind;
  }
}

/** What batches that come next make of a log's segments; nothing of it counts before it is written. */
export class SegmentGrowth {
  /** Those that are full now. */
  readonly sealed: TreeSegment[] = [];
  active: TreeSegment;
  timed: TimedPoint;
  readonly #settings: LogSettings;
  readonly #keys: PartitionKeys;

  constructor({ active, timed }: TreeSegments, settings: LogSettings, keys: PartitionKeys) {
    this.active = active;
    this.timed = timed;
    this.#settings = settings;
    this.#keys = keys;
  }

  /** Takes the next batch, and puts into `write` what it makes new: a sealed segment's record, an entry by time. */
  add(batch: RecordBatch, write: WriteBatch): void {
    if (mustRollBefore(batch, this.active, this.#settings)) {
      this.sealed.push(this.active);
      write.put(this.#keys.segment(this.active.baseOffset), encodeTreeSegment(this.active));
      this.active = emptySegment(batch.baseOffset);
      this.timed = { timestamp: -1, bytesAbove: 0 };
    }
    this.active = grown(this.active, batch);
    const { baseOffset, maxTimestamp } = this.active;
    const { timestamp, bytesAbove } = this.timed;
    // Kafka's rule: bytes before the batch count, so that a segment's first batch has no entry.
    if (bytesAbove > this.#settings.indexIntervalBytes && maxTimestamp > timestamp) {
      write.put(this.#keys.time(baseOffset, maxTimestamp), encodeTimeEntry(batch.lastOffset));
      this.timed = { timestamp: maxTimestamp, bytesAbove: batch.sizeBytes };
    } else this.timed = { timestamp, bytesAbove: bytesAbove + batch.sizeBytes };
  }
}
