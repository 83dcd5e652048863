import { writeInt64 } from "./int64.ts";
import { utf8Bytes, writeUtf8 } from "./utf8.ts";
import { writeUnsignedVarint, writeVarint, writeVarlong } from "./varint.ts";

/**
 * Writes big-endian values one after another into an array that doubles when it is full, so that n bytes cost O(n).
 * Values out of a field's range are the caller's bug; they are cut to the field's width.
 */
export class ByteWriter {
  /** Position of the next write: the number of bytes written. */
  at = 0;
  #bytes: Uint8Array;
  #view: DataView;

  /** `sizeBytes`: what is expected; right guesses save copies. */
  constructor(sizeBytes = 256) {
    this.#bytes = new Uint8Array(Math.max(16, sizeBytes));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written, as a view; later writes may change it. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }

  uint8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  int8(value: number): void {
    this.uint8(value);
  }

  uint16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  int16(value: number): void {
    this.uint16(value);
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  int32(value: number): void {
    this.uint32(value);
  }

  /** A safe integer. */
  int64(value: number): void {
    const at = this.#reserve(8);
    writeInt64(this.#view, at, value);
  }

  bigInt64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  /** In [0, 2^32). */
  unsignedVarint(value: number): void {
    const at = this.#reserve(5);
    this.at = writeUnsignedVarint(this.#bytes, at, value);
  }

  /** An int32, zig-zag coded. */
  varint(value: number): void {
    const at = this.#reserve(5);
    this.at = writeVarint(this.#bytes, at, value);
  }

  /** A safe integer, zig-zag coded. */
  varlong(value: number): void {
    const at = this.#reserve(10);
    this.at = writeVarlong(this.#bytes, at, value);
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }

  /** The text in UTF-8 without a length; `sizeBytes` is its `utf8Bytes`, for callers that have it already. */
  text(value: string, sizeBytes: number = utf8Bytes(value)): void {
    const at = this.#reserve(sizeBytes);
    writeUtf8(this.#bytes, at, value);
  }

  /** Writes again at a place that was written before: a length that is known only now. */
  patchInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** Moves over `sizeBytes` and returns where they start; grows when they do not fit. */
  #reserve(sizeBytes: number): number {
    const at = this.at;
    this.at = at + sizeBytes;
    if (this.at > this.#bytes.length) this.#grow(at);
    return at;
  }

  #grow(used: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.at));
    larger.set(this.#bytes.subarray(0, used));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
