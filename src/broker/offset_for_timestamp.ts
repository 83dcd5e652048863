import { SentinelError } from "../base/errors.ts";
import type { Offset, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { Replica } from "../cluster/replica.ts";
import type { Compression } from "../platform/compression.ts";
import { openBatch } from "../records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../records/read_records.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { OffsetAndTimestamp } from "./types.ts";

/** The first committed record at or after a time; with none, the high watermark of now and timestamp −1. */
export async function offsetForTimestamp(
  replica: Replica,
  timestamp: TimestampMs,
  compression: Compression,
): Promise<OffsetAndTimestamp> {
  const end = { offset: replica.highWatermark, timestamp: -1 };
  let from = replica.startOffset;
  while (true) {
    const batch = await replica.batchForTimestamp(timestamp, from);
    if (batch === null) return end;
    const found = await recordAt(batch, timestamp, from, compression);
    if (found !== null) return found;
    // The batch's newest record lies below the log start, or its header says more than its records: on to the next.
    from = batch.endOffset;
  }
}

/** The first record of a batch at or after a time and an offset, or null. */
async function recordAt(
  batch: RecordBatch,
  timestamp: TimestampMs,
  startOffset: Offset,
  compression: Compression,
): Promise<OffsetAndTimestamp | null> {
  const plain = batch.codec === "none" ? undefined : await openBatch(batch, compression, LIMITS.decompressedBytesMax);
  const records = readRecords(batch, { from: startOffset, ...(plain === undefined ? {} : { plain }) });
  if (isRecordsFault(records)) {
    throw new SentinelError(
      "storage_error",
      `The batch at offset ${batch.baseOffset} cannot be read: ${records.fault}`,
    );
  }
  const found = records.find((record) => record.timestamp >= timestamp);
  return found === undefined ? null : { offset: found.offset, timestamp: found.timestamp };
}
