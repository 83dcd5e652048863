/**
 * The write-ahead log's file header and records.
 *
 * Layout of the header, 40 bytes (little-endian):
 *
 *   0  magic u32 0x4c415753 ("SWAL")
 *   4  formatVersion u32      1
 *   8  fileNumber u64
 *  16  previousSequence u64   the last sequence of everything before this file: a log that is cut or missing shows here
 *  24  reserved               zero
 *  36  crc u32                CRC-32 over bytes 0 … 35, with the file's seed
 *
 * Layout of a record (little-endian):
 *
 *   0  crc u32                CRC-32 over the rest of the header and the operations, with the file's seed at this position
 *   4  operationsBytes u32
 *   8  firstSequence u64      that of the first operation; the others follow it
 *  16  timestamp u64          milliseconds since 1970, of all of them
 *  24  count u32
 *  28  operations             as in `write_batch.ts`
 *
 * Version 0, the seed's, is `version_zero.ts`.
 */
import { LIMITS } from "../../base/limits.ts";
import { crc32Of } from "../../bytes/crc32.ts";
import { OPERATION_HEADER_BYTES } from "../write_batch.ts";
import { readUint64, writeUint64 } from "./int64_le.ts";

export const LOG_HEADER_BYTES = 40;
export const RECORD_HEADER_BYTES = 28;
export const RECORD_BYTES_MAX: number = RECORD_HEADER_BYTES + LIMITS.storeBatchBytesMax;
const MAGIC = 0x4c415753;
const FORMAT_VERSION = 1;
const HEADER_CRC_AT = 36;
const OPERATIONS_BYTES_AT = 4;
const SEQUENCE_AT = 8;
const TIMESTAMP_AT = 16;
const COUNT_AT = 24;
const CRC_BYTES = 4;

export interface LogHeader {
  readonly number: number;
  readonly previousSequence: number;
}

export function encodeLogHeader(header: LogHeader, seed: number): Uint8Array {
  const bytes = new Uint8Array(LOG_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT_VERSION, true);
  writeUint64(view, 8, header.number);
  writeUint64(view, 16, header.previousSequence);
  view.setUint32(HEADER_CRC_AT, crc32Of(bytes, 0, HEADER_CRC_AT, seed), true);
  return bytes;
}

/** The header, or what is wrong with it. */
export function decodeLogHeader(bytes: Uint8Array, seed: number): LogHeader | string {
  if (bytes.length < LOG_HEADER_BYTES) return "the header is cut off";
  const view = new DataView(bytes.buffer, bytes.byteOffset, LOG_HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC) return "the file does not begin with the magic of a log";
  if (view.getUint32(HEADER_CRC_AT, true) !== crc32Of(bytes, 0, HEADER_CRC_AT, seed)) {
    return "the header's checksum is wrong";
  }
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION) return `the log has format version ${version}; this program reads ${FORMAT_VERSION}`;
  return { number: readUint64(view, 8), previousSequence: readUint64(view, 16) };
}

/** What a record says of its operations. */
export interface RecordHeader {
  readonly operationsBytes: number;
  readonly firstSequence: number;
  readonly timestamp: number;
  readonly count: number;
}

/** Completes a record whose operations stand behind its header at `at`; `recordSeed`: the file's at its position. */
export function encodeRecordHeader(
  into: Uint8Array,
  view: DataView,
  at: number,
  header: RecordHeader,
  recordSeed: number,
): void {
  view.setUint32(at + OPERATIONS_BYTES_AT, header.operationsBytes, true);
  writeUint64(view, at + SEQUENCE_AT, header.firstSequence);
  writeUint64(view, at + TIMESTAMP_AT, header.timestamp);
  view.setUint32(at + COUNT_AT, header.count, true);
  const end = at + RECORD_HEADER_BYTES + header.operationsBytes;
  view.setUint32(at, crc32Of(into, at + CRC_BYTES, end, recordSeed), true);
}

/** The header alone, as it stands: nothing of it is checked but its length. */
export function decodeRecordHeader(bytes: Uint8Array, at: number): RecordHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEADER_BYTES);
  return {
    operationsBytes: view.getUint32(OPERATIONS_BYTES_AT, true),
    firstSequence: readUint64(view, SEQUENCE_AT),
    timestamp: readUint64(view, TIMESTAMP_AT),
    count: view.getUint32(COUNT_AT, true),
  };
}

/** What is wrong with the record in `bytes[at, end)`, or null; `recordSeed`: the file's at its position. */
export function recordFaultOf(bytes: Uint8Array, at: number, end: number, recordSeed: number): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(at, true) !== crc32Of(bytes, at + CRC_BYTES, end, recordSeed)) {
    return "the record's checksum is wrong";
  }
  const { count } = decodeRecordHeader(bytes, at);
  let found = 0;
  const isWhole = forEachOperation(bytes, at + RECORD_HEADER_BYTES, end, () => void found++);
  if (!isWhole) return "the record's operations do not end with it";
  if (found !== count || count === 0) return `the record has ${found} operations and says ${count}`;
  return null;
}

/** Visits the operations in `bytes[from, end)`; false when they do not end there, after those that do. */
export function forEachOperation(
  bytes: Uint8Array,
  from: number,
  end: number,
  visit: (keyAt: number, keyBytes: number, valueBytes: number) => void,
): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = from;
  while (at < end) {
    if (end - at < OPERATION_HEADER_BYTES) return false;
    const keyBytes = view.getUint32(at, true);
    const valueBytes = view.getInt32(at + 4, true);
    const keyAt = at + OPERATION_HEADER_BYTES;
    const next = keyAt + keyBytes + Math.max(0, valueBytes);
    if (keyBytes === 0 || keyBytes > LIMITS.storeKeyBytesMax || valueBytes < -1 || next > end) return false;
    visit(keyAt, keyBytes, valueBytes);
    at = next;
  }
  return true;
}
