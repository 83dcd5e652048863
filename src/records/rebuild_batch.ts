/**
 * Batches that compaction writes in place of others: with fewer records, or with none. What a batch stands for stays: its
 * base offset, its last offset, its producer and sequence numbers, its epoch (Kafka's MemoryRecords.filterTo).
 */
import type { TimestampMs } from "../base/ids.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { writeInt64 } from "../bytes/int64.ts";
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from "../bytes/varint.ts";
import { BATCH_HEADER_BYTES, BATCH_LENGTH_END, RecordBatch } from "./record_batch.ts";
import type { RecordCursor } from "./record_cursor.ts";

const CRC_START = 21;
const CODEC_MASK = 7;
const DELETE_HORIZON_BIT = 1 << 6;
const TIMESTAMP_NONE = -1;
/** What another base timestamp can add to a record: its delta and its length grow. */
const RECORD_GROWTH_BYTES_MAX = 14;

/** What a rebuilt batch says of its records. */
export interface RebuiltContent {
  /** As `batch.codec` has it. */
  readonly payload: Uint8Array;
  readonly recordCount: number;
  readonly maxTimestamp: TimestampMs;
  /** Set now, with deltas that count from it; left out: the base timestamp and the mark stay as they are. */
  readonly deleteHorizonMs?: TimestampMs;
}

/** The batch with other records. */
export function rebuiltBatch(batch: RecordBatch, content: RebuiltContent): RecordBatch {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + content.payload.length);
  bytes.set(batch.bytes.subarray(0, BATCH_HEADER_BYTES));
  bytes.set(content.payload, BATCH_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, bytes.length - BATCH_LENGTH_END);
  if (content.deleteHorizonMs !== undefined) {
    view.setInt16(21, batch.attributes | DELETE_HORIZON_BIT);
    writeInt64(view, 27, content.deleteHorizonMs);
  }
  writeInt64(view, 35, content.maxTimestamp);
  view.setInt32(57, content.recordCount);
  view.setUint32(17, crc32c(bytes, CRC_START));
  return new RecordBatch(bytes);
}

/** The batch without any record, as Kafka writes it: what its header says of offsets and producer lives on. */
export function emptyBatch(batch: RecordBatch): RecordBatch {
  const bytes = batch.bytes.slice(0, BATCH_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, BATCH_HEADER_BYTES - BATCH_LENGTH_END);
  view.setInt16(21, batch.attributes & ~(CODEC_MASK | DELETE_HORIZON_BIT));
  writeInt64(view, 27, TIMESTAMP_NONE);
  view.setInt32(57, 0);
  view.setUint32(17, crc32c(bytes, CRC_START));
  return new RecordBatch(bytes);
}

/** Copies records one after another, with deltas from another base timestamp if there is one. */
export class RecordCopier {
  readonly #into: Uint8Array;
  readonly #baseTimestamp: TimestampMs | null;
  #at = 0;

  /** `recordsBytes`: of the records that will come, as they are. */
  constructor(recordsBytes: number, recordCount: number, baseTimestamp: TimestampMs | null) {
    const growthBytes = baseTimestamp === null ? 0 : recordCount * RECORD_GROWTH_BYTES_MAX;
    this.#into = new Uint8Array(recordsBytes + growthBytes);
    this.#baseTimestamp = baseTimestamp;
  }

  get bytes(): Uint8Array {
    return this.#into.subarray(0, this.#at);
  }

  /** The record that the cursor stands at. */
  copy(cursor: RecordCursor): void {
    if (this.#baseTimestamp === null) {
      this.#into.set(cursor.bytes.subarray(cursor.start, cursor.end), this.#at);
      this.#at += cursor.end - cursor.start;
      return;
    }
    const timestampDelta = cursor.timestamp - this.#baseTimestamp;
    const front = 1 + varlongBytes(timestampDelta) + varintBytes(cursor.offsetDelta) + varintBytes(cursor.keyBytes);
    let at = writeVarint(this.#into, this.#at, front + cursor.end - cursor.keyStart);
    this.#into[at++] = 0;
    at = writeVarlong(this.#into, at, timestampDelta);
    at = writeVarint(this.#into, at, cursor.offsetDelta);
    at = writeVarint(this.#into, at, cursor.keyBytes);
    this.#into.set(cursor.bytes.subarray(cursor.keyStart, cursor.end), at);
    this.#at = at + cursor.end - cursor.keyStart;
  }
}
