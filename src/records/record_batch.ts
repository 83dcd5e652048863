/**
 * A Kafka record batch, version 2: the one unit on disk, on the wire and between nodes (design D1; KIP-98; protocol
 * notes §5.1). Bytes are kept as they came; the broker reads and stamps the header and never builds record objects.
 *
 * Layout (big-endian):
 *
 *   0  baseOffset i64            outside the checksum: the broker stamps it
 *   8  batchLength i32           bytes after this field: size − 12, at least 49; outside the checksum
 *  12  partitionLeaderEpoch i32  outside the checksum: the broker stamps it
 *  16  magic i8                  2
 *  17  crc u32                   CRC-32C over bytes 21 … end
 *  21  attributes i16            bits 0–2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
 *  23  lastOffsetDelta i32
 *  27  baseTimestamp i64         ms; −1 none
 *  35  maxTimestamp i64
 *  43  producerId i64            −1 none
 *  51  producerEpoch i16         −1 none
 *  53  baseSequence i32          −1 none
 *  57  recordCount i32
 *  61  records                   plain, or one compressed block
 */
import type { Epoch, Offset, TimestampMs } from "../base/ids.ts";
import { crc32c } from "../bytes/crc32c.ts";
import type { Lease } from "../bytes/lease.ts";
import { readInt64, writeInt64 } from "../bytes/int64.ts";
import type { Codec } from "../platform/compression.ts";

/** Bytes of the header; also of the smallest batch. */
export const BATCH_HEADER_BYTES = 61;
/** Bytes before the part that `batchLength` counts. */
export const BATCH_LENGTH_END = 12;
const CRC_START = 21;
const MAGIC = 2;

/** Codecs by their number in the attributes; 5–7 are invalid. */
const CODECS: readonly (Codec | "none")[] = ["none", "gzip", "snappy", "lz4", "zstd"];

const TIMESTAMP_TYPE_BIT = 1 << 3;
const TRANSACTIONAL_BIT = 1 << 4;
const CONTROL_BIT = 1 << 5;
const DELETE_HORIZON_BIT = 1 << 6;

/** Why bytes are not a batch. `short`: they may be the start of one. */
export type BatchFault =
  | { readonly fault: "short"; readonly detail: string }
  | { readonly fault: "length" | "magic" | "checksum" | "offset"; readonly detail: string };

/**
 * One whole batch over `bytes`, which hold nothing else. The getters trust the header's size only; `parseRecordBatch`
 * makes a batch from bytes that are not trusted.
 */
export class RecordBatch {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #lease: Lease | null = null;

  /** `bytes`: exactly one batch, whose length field agrees. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  /**
   * The lease of the memory that `bytes` lie in, when it is to be used again. One hold of it is the batch's own, and goes
   * to the log that it is appended to, which releases it when it is written. A log that knows nothing of leases never
   * does, so that the memory stays as it is.
   */
  get lease(): Lease | null {
    return this.#lease;
  }

  /** Its bytes lie in memory that is used again when nobody holds it. Before it is handed to anybody. */
  lieIn(lease: Lease | null): void {
    lease?.hold();
    this.#lease = lease;
  }

  /** NaN-free only for offsets below 2^53; `parseRecordBatch` refuses others. */
  get baseOffset(): Offset {
    return readInt64(this.#view, 0);
  }

  get lastOffset(): Offset {
    return this.baseOffset + this.lastOffsetDelta;
  }

  /** One past the last record: the next batch's base offset. */
  get endOffset(): Offset {
    return this.lastOffset + 1;
  }

  get leaderEpoch(): Epoch {
    return this.#view.getInt32(12);
  }

  get magic(): number {
    return this.#view.getInt8(16);
  }

  get crc(): number {
    return this.#view.getUint32(17);
  }

  get attributes(): number {
    return this.#view.getInt16(21);
  }

  /** Null for the numbers 5–7, which no codec has. */
  get codec(): Codec | "none" | null {
    return CODECS[this.attributes & 7] ?? null;
  }

  get hasLogAppendTime(): boolean {
    return (this.attributes & TIMESTAMP_TYPE_BIT) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0;
  }

  /** When its tombstones may go (KIP-534), or null: the base timestamp says it then. */
  get deleteHorizonMs(): TimestampMs | null {
    return (this.attributes & DELETE_HORIZON_BIT) === 0 ? null : this.baseTimestamp;
  }

  get lastOffsetDelta(): number {
    return this.#view.getInt32(23);
  }

  get baseTimestamp(): TimestampMs {
    return readInt64(this.#view, 27);
  }

  get maxTimestamp(): TimestampMs {
    return readInt64(this.#view, 35);
  }

  /** May be beyond 2^53 in bytes that nobody validated, hence a BigInt; −1n is none. */
  get producerId(): bigint {
    return this.#view.getBigInt64(43);
  }

  /** Whether an idempotent or transactional producer sent it; cheaper than the id. */
  get hasProducerId(): boolean {
    return this.#view.getInt32(43) >= 0;
  }

  get producerEpoch(): number {
    return this.#view.getInt16(51);
  }

  get baseSequence(): number {
    return this.#view.getInt32(53);
  }

  get recordCount(): number {
    return this.#view.getInt32(57);
  }

  /** The records' bytes, plain or compressed. */
  get payload(): Uint8Array {
    return this.bytes.subarray(BATCH_HEADER_BYTES);
  }

  /** Whether the checksum agrees with the content. */
  hasValidCrc(): boolean {
    return crc32c(this.bytes, CRC_START) === this.crc;
  }

  /** Writes what the broker assigns. Neither field is under the checksum, so nothing else changes. */
  stamp(baseOffset: Offset, leaderEpoch: Epoch): void {
    writeInt64(this.#view, 0, baseOffset);
    this.#view.setInt32(12, leaderEpoch);
  }

  /** Sets the largest timestamp, and for `message.timestamp.type=LogAppendTime` its kind; the checksum follows. */
  stampMaxTimestamp(maxTimestamp: TimestampMs, logAppendTime: boolean): void {
    writeInt64(this.#view, 35, maxTimestamp);
    const attributes = this.attributes;
    this.#view.setInt16(21, logAppendTime ? attributes | TIMESTAMP_TYPE_BIT : attributes & ~TIMESTAMP_TYPE_BIT);
    this.#view.setUint32(17, crc32c(this.bytes, CRC_START));
  }
}

/**
 * The batch that starts at `at`, as a view, or why there is none. Checks length, magic and that offsets stay below
 * 2^53, and with `verifyCrc` the checksum; the records inside are `validateRecords`'s work. Allocates nothing that
 * depends on the bytes.
 *
 * `batchBytesMax` bounds the length field: a larger one is a fault even when that many bytes follow.
 */
export function parseRecordBatch(
  bytes: Uint8Array,
  at: number,
  options: { readonly verifyCrc: boolean; readonly batchBytesMax: number },
): RecordBatch | BatchFault {
  const left = bytes.length - at;
  if (left < BATCH_LENGTH_END) return { fault: "short", detail: `${left} bytes are no batch header` };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, left);
  const batchLength = view.getInt32(8);
  if (batchLength < BATCH_HEADER_BYTES - BATCH_LENGTH_END) {
    return { fault: "length", detail: `batch length ${batchLength} is below 49` };
  }
  const sizeBytes = batchLength + BATCH_LENGTH_END;
  if (sizeBytes > options.batchBytesMax) {
    return { fault: "length", detail: `batch of ${sizeBytes} bytes is above the limit of ${options.batchBytesMax}` };
  }
  if (left > 16 && view.getInt8(16) !== MAGIC) {
    return { fault: "magic", detail: `magic ${view.getInt8(16)} is not ${MAGIC}` };
  }
  if (sizeBytes > left) return { fault: "short", detail: `${left} of ${sizeBytes} bytes of a batch` };
  const batch = new RecordBatch(bytes.subarray(at, at + sizeBytes));
  const baseOffset = batch.baseOffset;
  const lastOffsetDelta = batch.lastOffsetDelta;
  if (!(baseOffset >= 0 && lastOffsetDelta >= 0 && baseOffset + lastOffsetDelta < Number.MAX_SAFE_INTEGER)) {
    return { fault: "offset", detail: `offsets ${baseOffset} + ${lastOffsetDelta} are out of range` };
  }
  if (options.verifyCrc && !batch.hasValidCrc()) {
    return { fault: "checksum", detail: `checksum ${hex(crc32c(batch.bytes, CRC_START))} is not ${hex(batch.crc)}` };
  }
  return batch;
}

/** Whether `parseRecordBatch` found a fault. */
export function isBatchFault(parsed: RecordBatch | BatchFault): parsed is BatchFault {
  return !(parsed instanceof RecordBatch);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
