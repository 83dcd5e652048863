import type { Offset, TimestampMs } from "../base/ids.ts";
import { ByteReader } from "../bytes/byte_reader.ts";
import { BATCH_HEADER_BYTES, type RecordBatch } from "./record_batch.ts";
import { endRecord, makeRecordFront, readRecordFront } from "./walk_records.ts";

/**
 * Goes over the records of a batch one by one without making objects of them: where each lies, and what decides whether
 * compaction keeps it. Total: any bytes give records or a fault.
 */
export class RecordCursor {
  /** The records' bytes: the batch's own, or its opened ones. */
  readonly bytes: Uint8Array;
  /** The record that `next` has moved to: bytes [start, end), its length field included. */
  start = 0;
  end = 0;
  /** Where the key lies, or would; value and headers follow it up to `end`. */
  keyStart = 0;
  /** −1: the record has no key. */
  keyBytes = -1;
  offset: Offset = -1;
  offsetDelta = -1;
  timestamp: TimestampMs = -1;
  isTombstone = false;
  /** What was wrong, or null. */
  fault: string | null = null;
  readonly #batch: RecordBatch;
  readonly #reader: ByteReader;
  readonly #front = makeRecordFront();
  readonly #recordCount: number;
  readonly #fixedTimestamp: TimestampMs | null;
  #index = 0;

  /** `plain`: the opened records of a compressed batch, null for another. */
  constructor(batch: RecordBatch, plain: Uint8Array | null) {
    this.#batch = batch;
    this.bytes = plain ?? batch.bytes;
    this.#reader = new ByteReader(this.bytes, plain === null ? BATCH_HEADER_BYTES : 0);
    this.#recordCount = batch.recordCount;
    this.#fixedTimestamp = batch.hasLogAppendTime ? batch.maxTimestamp : null;
  }

  /** Moves to the next record; false behind the last one, or at a fault. */
  next(): boolean {
    const reader = this.#reader;
    if (this.fault !== null) return false;
    if (this.#index >= this.#recordCount) {
      reader.finish();
      this.fault = reader.fault;
      return false;
    }
    const front = this.#front;
    this.start = reader.at;
    readRecordFront(reader, front);
    this.keyBytes = front.keyBytes;
    this.keyStart = reader.at;
    if (front.keyBytes !== -1) reader.skip(front.keyBytes);
    const valueBytes = reader.varint();
    this.isTombstone = valueBytes === -1;
    if (valueBytes !== -1) reader.skip(valueBytes);
    const headers = reader.checkCount(reader.varint(), 2);
    for (let header = 0; header < headers && reader.fault === null; header += 1) {
      reader.skip(reader.varint());
      const bytes = reader.varint();
      if (bytes !== -1) reader.skip(bytes);
    }
    endRecord(reader, front);
    if (reader.fault !== null) return this.#fail(reader.fault);
    if (front.offsetDelta <= this.offsetDelta || front.offsetDelta > this.#batch.lastOffsetDelta) {
      return this.#fail(`the offset delta ${front.offsetDelta}`);
    }
    const timestamp = this.#fixedTimestamp ?? this.#batch.baseTimestamp + front.timestampDelta;
    if (!Number.isSafeInteger(timestamp)) return this.#fail(`the timestamp ${timestamp}`);
    this.end = reader.at;
    this.offsetDelta = front.offsetDelta;
    this.offset = this.#batch.baseOffset + front.offsetDelta;
    this.timestamp = timestamp;
    this.#index += 1;
    return true;
  }

  #fail(fault: string): false {
    this.fault = `record ${this.#index}: ${fault}`;
    return false;
  }
}
