/**
 * Makes record batches from records: what the HTTP and native faces, and the broker's own control records, do. The size
 * is computed first, so a batch is one allocation and is written in one pass; its checksum comes last.
 */
import { assert } from "../base/assert.ts";
import type { Epoch, Offset, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { writeInt64 } from "../bytes/int64.ts";
import { utf8Bytes, writeUtf8 } from "../bytes/utf8.ts";
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from "../bytes/varint.ts";
import type { RecordInput } from "./record.ts";
import { BATCH_HEADER_BYTES, BATCH_LENGTH_END, RecordBatch } from "./record_batch.ts";

const CRC_START = 21;
const MAGIC = 2;
const TRANSACTIONAL_BIT = 1 << 4;
const CONTROL_BIT = 1 << 5;

/** What a batch says besides its records. The defaults are what a producer without idempotence sends. */
export interface BuildBatchOptions {
  /** The timestamp of records that name none. */
  readonly nowMs: TimestampMs;
  /** Default 0; the broker stamps the real one at the append. */
  readonly baseOffset?: Offset;
  /** Default −1: none. */
  readonly leaderEpoch?: Epoch;
  /** Default −1n: none. */
  readonly producerId?: bigint;
  /** Default −1: none. */
  readonly producerEpoch?: number;
  /** Default −1: none. */
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  /** A control batch has exactly one record (protocol notes §5.5). */
  readonly isControl?: boolean;
}

/** Records that one batch after another holds, or which record is too large for any. */
export type BatchCut =
  | { readonly batches: readonly (readonly RecordInput[])[] }
  | { readonly tooLargeRecordIndex: number; readonly batchBytes: number };

/**
 * One uncompressed batch of `records`, at least one and at most `LIMITS.batchRecordsMax`. Key, value and header bytes are
 * copied. Timestamps must be safe integers; a header name's lone surrogates turn into U+FFFD.
 */
export function buildRecordBatch(records: readonly RecordInput[], options: BuildBatchOptions): RecordBatch {
  assert(
    records.length > 0 && records.length <= LIMITS.batchRecordsMax,
    () => `A batch of ${records.length} records, not 1 to ${LIMITS.batchRecordsMax}`,
  );
  const baseTimestamp = records[0]!.timestamp ?? options.nowMs;
  let sizeBytes = BATCH_HEADER_BYTES;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    sizeBytes += recordBytes(record, index, (record.timestamp ?? options.nowMs) - baseTimestamp);
  }
  const bytes = new Uint8Array(sizeBytes);
  let at = BATCH_HEADER_BYTES;
  let maxTimestamp = baseTimestamp;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const timestamp = record.timestamp ?? options.nowMs;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    at = writeRecord(bytes, at, record, index, timestamp - baseTimestamp);
  }
  assert(at === sizeBytes, () => `A batch of ${at} bytes was computed to have ${sizeBytes}`);
  writeHeader(bytes, options, records.length, baseTimestamp, maxTimestamp);
  return new RecordBatch(bytes);
}

/**
 * Cuts `records` into runs, in order, each of which fits into a batch of at most `batchBytesMax` bytes with its header:
 * as few as a greedy cut gives. Exact: `buildRecordBatch` with the same `nowMs` makes batches of the computed sizes. A
 * record that fits into no batch is named by its index, with the size of the batch that it would need.
 */
export function cutIntoBatches(
  records: readonly RecordInput[],
  options: { readonly batchBytesMax: number; readonly nowMs: TimestampMs },
): BatchCut {
  const starts: number[] = [];
  let batchBytes = Infinity;
  let baseTimestamp = 0;
  let start = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const timestamp = record.timestamp ?? options.nowMs;
    const added = recordBytes(record, index - start, timestamp - baseTimestamp);
    if (batchBytes + added <= options.batchBytesMax && index - start < LIMITS.batchRecordsMax) {
      batchBytes += added;
      continue;
    }
    start = index;
    baseTimestamp = timestamp;
    batchBytes = BATCH_HEADER_BYTES + recordBytes(record, 0, 0);
    if (batchBytes > options.batchBytesMax) return { tooLargeRecordIndex: index, batchBytes };
    starts.push(index);
  }
  if (starts.length === 1) return { batches: [records] };
  return { batches: starts.map((from, index) => records.slice(from, starts[index + 1])) };
}

/** Bytes of one record inside a batch, its own length field included. */
export function recordBytes(record: RecordInput, offsetDelta: number, timestampDelta: number): number {
  const body = recordBodyBytes(record, offsetDelta, timestampDelta);
  return varintBytes(body) + body;
}

/** Bytes of one record after its length field. */
function recordBodyBytes(record: RecordInput, offsetDelta: number, timestampDelta: number): number {
  const { key, value, headers } = record;
  let bytes = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta) + varintBytes(headers.length);
  bytes += key === null ? 1 : varintBytes(key.length) + key.length;
  bytes += value === null ? 1 : varintBytes(value.length) + value.length;
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    const nameBytes = utf8Bytes(header.key);
    bytes += varintBytes(nameBytes) + nameBytes;
    bytes += header.value === null ? 1 : varintBytes(header.value.length) + header.value.length;
  }
  return bytes;
}

function writeRecord(
  into: Uint8Array,
  start: number,
  record: RecordInput,
  offsetDelta: number,
  timestampDelta: number,
): number {
  let at = writeVarint(into, start, recordBodyBytes(record, offsetDelta, timestampDelta));
  into[at++] = 0; // The record's attributes: Kafka has given them no meaning yet.
  at = writeVarlong(into, at, timestampDelta);
  at = writeVarint(into, at, offsetDelta);
  at = writeNullableBytes(into, at, record.key);
  at = writeNullableBytes(into, at, record.value);
  const headers = record.headers;
  at = writeVarint(into, at, headers.length);
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    at = writeUtf8(into, writeVarint(into, at, utf8Bytes(header.key)), header.key);
    at = writeNullableBytes(into, at, header.value);
  }
  return at;
}

function writeNullableBytes(into: Uint8Array, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(into, at, -1);
  const start = writeVarint(into, at, bytes.length);
  into.set(bytes, start);
  return start + bytes.length;
}

/** Layout: see record_batch.ts. */
function writeHeader(
  bytes: Uint8Array,
  options: BuildBatchOptions,
  recordCount: number,
  baseTimestamp: TimestampMs,
  maxTimestamp: TimestampMs,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  writeInt64(view, 0, options.baseOffset ?? 0);
  view.setInt32(8, bytes.length - BATCH_LENGTH_END);
  view.setInt32(12, options.leaderEpoch ?? -1);
  view.setInt8(16, MAGIC);
  const transactional = options.isTransactional === true ? TRANSACTIONAL_BIT : 0;
  const control = options.isControl === true ? CONTROL_BIT : 0;
  view.setInt16(21, transactional | control);
  view.setInt32(23, recordCount - 1);
  writeInt64(view, 27, baseTimestamp);
  writeInt64(view, 35, maxTimestamp);
  view.setBigInt64(43, options.producerId ?? -1n);
  view.setInt16(51, options.producerEpoch ?? -1);
  view.setInt32(53, options.baseSequence ?? -1);
  view.setInt32(57, recordCount);
  view.setUint32(17, crc32c(bytes, CRC_START));
}
