/**
 * Writes that happen together or not at all. They are kept in the form in which a log holds them, so that a log copies
 * them once:
 *
 * Layout of an operation (little-endian, facts 1.1a):
 *
 *   0  keyBytes u32
 *   4  valueBytes i32      −1: the key is deleted
 *   8  key, value
 */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

export const OPERATION_HEADER_BYTES = 8;
const NO_VALUE = new Uint8Array(0);
const FIRST_BYTES = 256;

export class WriteBatch {
  /** Operations in it. */
  count = 0;
  /** Bytes of `bytes` that are used. */
  sizeBytes = 0;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);

  /** The operations, as a view that the next change makes invalid. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.sizeBytes);
  }

  /** Fails with `too_large` beyond the limits, and with `invalid_parameter` for an empty key; then nothing is added. */
  put(key: Uint8Array, value: Uint8Array): this {
    checkValue(value);
    this.#add(key, value, value.length);
    return this;
  }

  delete(key: Uint8Array): this {
    this.#add(key, NO_VALUE, -1);
    return this;
  }

  clear(): void {
    this.count = 0;
    this.sizeBytes = 0;
  }

  #add(key: Uint8Array, value: Uint8Array, valueBytes: number): void {
    checkKey(key);
    const end = this.sizeBytes + OPERATION_HEADER_BYTES + key.length + value.length;
    if (end > LIMITS.storeBatchBytesMax || this.count >= LIMITS.storeBatchOperationsMax) {
      throw new SentinelError(
        "too_large",
        `A batch of ${this.count + 1} operations and ${end} bytes is larger than ${LIMITS.storeBatchOperationsMax} ` +
          `operations or ${LIMITS.storeBatchBytesMax} bytes`,
      );
    }
    if (end > this.#bytes.length) this.#grow(end);
    const at = this.sizeBytes;
    this.#view.setUint32(at, key.length, true);
    this.#view.setInt32(at + 4, valueBytes, true);
    this.#bytes.set(key, at + OPERATION_HEADER_BYTES);
    this.#bytes.set(value, at + OPERATION_HEADER_BYTES + key.length);
    this.sizeBytes = end;
    this.count += 1;
  }

  #grow(sizeBytes: number): void {
    const larger = new Uint8Array(Math.max(sizeBytes, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.sizeBytes));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Fails with `too_large` or, for an empty key, with `invalid_parameter`. */
export function checkKey(key: Uint8Array): void {
  if (key.length > 0 && key.length <= LIMITS.storeKeyBytesMax) return;
  if (key.length === 0) throw new SentinelError("invalid_parameter", "A key has at least one byte");
  throw new SentinelError(
    "too_large",
    `A key of ${key.length} bytes is larger than ${LIMITS.storeKeyBytesMax} bytes`,
  );
}

export function checkValue(value: Uint8Array): void {
  if (value.length <= LIMITS.storeValueBytesMax) return;
  throw new SentinelError(
    "too_large",
    `A value of ${value.length} bytes is larger than ${LIMITS.storeValueBytesMax} bytes`,
  );
}
