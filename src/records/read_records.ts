/** Turns batches into records for the faces that show them one by one. The Kafka path never does (design D1). */
import { assert } from "../base/assert.ts";
import type { Offset } from "../base/ids.ts";
import { ByteReader } from "../bytes/byte_reader.ts";
import { decodeUtf8Leniently } from "../bytes/utf8.ts";
import type { RecordHeader, StoredRecord } from "./record.ts";
import { BATCH_HEADER_BYTES, type RecordBatch } from "./record_batch.ts";
import { endRecord, makeRecordFront, readRecordFront, skipRecordBody } from "./walk_records.ts";

const NO_HEADERS: readonly RecordHeader[] = [];

export interface ReadRecordsOptions {
  /** The opened records of a compressed batch (`openBatch`); needed for those. */
  readonly plain?: Uint8Array;
  /** Records below it are left out: a fetch may start in the middle of a batch. */
  readonly from?: Offset;
  /** At most so many records; the first of them. */
  readonly recordsMax?: number;
}

/** Why a batch's records cannot be read. */
export interface RecordsFault {
  readonly fault: string;
}

/**
 * The records of a batch, in order. Their bytes are views into it. A control batch has none: its record is the broker's
 * own. Offsets inside must ascend but may have gaps, which compaction leaves.
 *
 * Total: any bytes give records or a fault, and nothing is allocated by a count that the bytes do not bear out. Header
 * names that are not UTF-8 get U+FFFD, as Kafka's own clients do it.
 */
export function readRecords(batch: RecordBatch, options: ReadRecordsOptions = {}): StoredRecord[] | RecordsFault {
  if (batch.isControl) return [];
  assert(batch.codec === "none" || options.plain !== undefined, "A compressed batch must be opened before it is read");
  const reader = options.plain === undefined
    ? new ByteReader(batch.bytes, BATCH_HEADER_BYTES)
    : new ByteReader(options.plain);
  const from = options.from ?? 0;
  const recordsMax = options.recordsMax ?? Infinity;
  const recordCount = batch.recordCount;
  const { baseOffset, baseTimestamp, maxTimestamp, lastOffsetDelta, hasLogAppendTime } = batch;
  const records: StoredRecord[] = [];
  const front = makeRecordFront();
  let offsetDeltaBefore = -1;
  for (let index = 0; index < recordCount && records.length < recordsMax; index++) {
    readRecordFront(reader, front);
    const offsetDelta = front.offsetDelta;
    const offset = baseOffset + offsetDelta;
    const timestamp = hasLogAppendTime ? maxTimestamp : baseTimestamp + front.timestampDelta;
    if (offset < from) {
      skipRecordBody(reader, front);
    } else {
      const key = nullableBytes(reader, front.keyBytes);
      const value = nullableBytes(reader, reader.varint());
      const headers = readHeaders(reader);
      endRecord(reader, front);
      records.push({ offset, timestamp, key, value, headers });
    }
    if (reader.fault !== null) return { fault: `Record ${index}: ${reader.fault}` };
    if (offsetDelta <= offsetDeltaBefore || offsetDelta > lastOffsetDelta) {
      return { fault: `Record ${index} has the offset delta ${offsetDelta}` };
    }
    if (!Number.isSafeInteger(timestamp)) return { fault: `Record ${index} has the timestamp ${timestamp}` };
    offsetDeltaBefore = offsetDelta;
  }
  return records;
}

/** Whether `readRecords` found a fault. */
export function isRecordsFault(answer: StoredRecord[] | RecordsFault): answer is RecordsFault {
  return !Array.isArray(answer);
}

function nullableBytes(reader: ByteReader, length: number): Uint8Array | null {
  return length === -1 ? null : reader.take(length);
}

/** Any number of headers is read: another producer may have written them, and the bytes bound it. */
function readHeaders(reader: ByteReader): readonly RecordHeader[] {
  // A header takes two bytes at least.
  const count = reader.checkCount(reader.varint(), 2);
  if (count === 0) return NO_HEADERS;
  const headers: RecordHeader[] = [];
  for (let index = 0; index < count && reader.fault === null; index++) {
    const key = decodeUtf8Leniently(reader.take(reader.varint()));
    headers.push({ key, value: nullableBytes(reader, reader.varint()) });
  }
  return headers;
}
