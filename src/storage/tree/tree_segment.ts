/**
 * A stretch of a log in a store that is as long as a segment's file would be. It has no file and is only a record: by
 * segments it is decided what retention removes and what compaction cleans, in both engines alike, and their times are
 * known without reading a batch. The active segment's record is part of the partition's state.
 *
 * Layout (big-endian) under the segment's base offset: endOffset i64, sizeBytes i64, firstTimestamp i64, maxTimestamp i64.
 */
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import type { RecordBatch } from "../../records/record_batch.ts";

export const SEGMENT_RECORD_BYTES = 32;

export interface TreeSegment {
  readonly baseOffset: Offset;
  /** The next segment's base offset. */
  readonly endOffset: Offset;
  /** Of its batches that are not trimmed. */
  readonly sizeBytes: number;
  /** The largest timestamp of the first batch, −1: none. */
  readonly firstTimestamp: TimestampMs;
  /** The largest of the batches that have records, −1: none. */
  readonly maxTimestamp: TimestampMs;
}

export function emptySegment(baseOffset: Offset): TreeSegment {
  return { baseOffset, endOffset: baseOffset, sizeBytes: 0, firstTimestamp: -1, maxTimestamp: -1 };
}

/** The segment with one more batch at its end. */
export function grown(segment: TreeSegment, batch: RecordBatch): TreeSegment {
  return {
    baseOffset: segment.baseOffset,
    endOffset: batch.endOffset,
    sizeBytes: segment.sizeBytes + batch.sizeBytes,
    firstTimestamp: segment.sizeBytes === 0 ? timeOf(batch.maxTimestamp) : segment.firstTimestamp,
    maxTimestamp: batch.recordCount === 0 ? segment.maxTimestamp : newer(segment.maxTimestamp, batch.maxTimestamp),
  };
}

/** Times come from clients: what is no exact number counts as the largest that is. */
function timeOf(timestamp: TimestampMs): TimestampMs {
  return Math.max(-1, Math.min(Number.MAX_SAFE_INTEGER, timestamp));
}

function newer(one: TimestampMs, other: TimestampMs): TimestampMs {
  return Math.max(one, timeOf(other));
}

export function encodeTreeSegment({ endOffset, sizeBytes, firstTimestamp, maxTimestamp }: TreeSegment): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [at, number] of [endOffset, sizeBytes, firstTimestamp, maxTimestamp].entries()) {
    writeInt64(view, 8 * at, number);
  }
  return bytes;
}

/** Null: these bytes are no such record. */
export function decodeTreeSegment(baseOffset: Offset, bytes: Uint8Array): TreeSegment | null {
  if (bytes.length !== SEGMENT_RECORD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [endOffset, sizeBytes, firstTimestamp, maxTimestamp] = [0, 8, 16, 24].map((at) => readInt64(view, at)) as [
    number,
    number,
    number,
    number,
  ];
  const isValid = baseOffset >= 0 && endOffset >= baseOffset && sizeBytes >= 0 && firstTimestamp >= -1 &&
    maxTimestamp >= -1 && [endOffset, sizeBytes, firstTimestamp, maxTimestamp].every(Number.isSafeInteger);
  return isValid ? { baseOffset, endOffset, sizeBytes, firstTimestamp, maxTimestamp } : null;
}
