/** What the workloads write: records whose bytes look like nothing in particular, the same in every run. */
import { buildRecordBatch } from "../src/records/build_batch.ts";
import type { RecordInput } from "../src/records/record.ts";
import type { RecordBatch } from "../src/records/record_batch.ts";

/** The timestamp of all records: runs are alike. */
export const RECORD_TIMESTAMP_MS = 1_760_000_000_000;

/** Letters and digits; a value of theirs stands in JSON as it is. */
export function textValue(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const digit = (state >>> 24) % 36;
    bytes[at] = digit < 10 ? 48 + digit : 87 + digit;
  }
  return bytes;
}

export function makeRecords(count: number, valueBytes: number): RecordInput[] {
  return Array.from({ length: count }, (_, index) => ({
    key: null,
    value: textValue(valueBytes, index + 1),
    headers: [],
  }));
}

export function makeBatch(recordCount: number, valueBytes: number): RecordBatch {
  return buildRecordBatch(makeRecords(recordCount, valueBytes), { nowMs: RECORD_TIMESTAMP_MS });
}

/** One batch of exactly `sizeBytes`, with one record. */
export function makeBatchOfSize(sizeBytes: number): RecordBatch {
  let valueBytes = sizeBytes - 75;
  while (true) {
    const batch = makeBatch(1, valueBytes);
    if (batch.sizeBytes === sizeBytes) return batch;
    valueBytes += sizeBytes - batch.sizeBytes;
  }
}
