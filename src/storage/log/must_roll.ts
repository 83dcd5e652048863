import type { Offset, TimestampMs } from "../../base/ids.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { LogSettings } from "../partition_log.ts";

/** Largest distance of an offset from its segment's base: index entries are relative, and Kafka reads them signed. */
export const RELATIVE_OFFSET_MAX = 0x7fff_ffff;

/** What counts of the segment that is written to. */
export interface RollingSegment {
  readonly baseOffset: Offset;
  readonly sizeBytes: number;
  /** The largest of the first batch, −1: none. */
  readonly firstTimestamp: TimestampMs;
  readonly indexes?: { readonly isFull: boolean };
}

/** What is about to be written before a batch. */
export interface WrittenBefore {
  readonly bytes: number;
  /** Of its first batch. */
  readonly firstTimestamp: TimestampMs;
}

const NOTHING: WrittenBefore = { bytes: 0, firstTimestamp: -1 };

/**
 * Whether `batch` belongs into a new segment (Kafka's LogSegment.shouldRoll): the active one would grow too large, spans
 * too long a time, or its index is full. An empty segment takes any batch.
 */
export function mustRollBefore(
  batch: RecordBatch,
  active: RollingSegment,
  settings: LogSettings,
  before: WrittenBefore = NOTHING,
): boolean {
  const sizeBytes = active.sizeBytes + before.bytes;
  const firstTimestamp = active.sizeBytes === 0 ? before.firstTimestamp : active.firstTimestamp;
  if (sizeBytes === 0) return false;
  return sizeBytes + batch.sizeBytes > settings.segmentBytes || active.indexes?.isFull === true ||
    batch.lastOffset - active.baseOffset > RELATIVE_OFFSET_MAX ||
    (firstTimestamp >= 0 && batch.maxTimestamp - firstTimestamp > settings.segmentMs);
}
