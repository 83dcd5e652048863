import { readInt64 } from "./int64.ts";
import { decodeUtf8 } from "./utf8.ts";

const TWO_POW_32 = 4_294_967_296;
const EMPTY = new Uint8Array(0);

/**
 * Reads big-endian values one after another from bytes that are not trusted.
 *
 * It never throws and never reads outside its range. The first fault is kept in `fault`; from then on every read gives
 * zero or nothing and does not move. So a parser reads straight through and looks at `fault` where it matters: before
 * it allocates by what it read, and at the end. Byte strings are views into the input.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Position of the next read. */
  at: number;
  /** What was wrong first, or null. */
  fault: string | null = null;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = Math.min(end, bytes.length);
  }

  /** Bytes that are left; zero after a fault. */
  get left(): number {
    return this.fault === null ? this.end - this.at : 0;
  }

  /** Keeps the first fault. A parser may add its own. */
  fail(fault: string): void {
    this.fault ??= `${fault} at byte ${this.at}`;
  }

  uint8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.bytes[at]!;
  }

  int8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#view.getInt8(at);
  }

  uint16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at);
  }

  int16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getInt16(at);
  }

  uint32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at);
  }

  int32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getInt32(at);
  }

  /** Exact within ±2^53, else the nearest double. */
  int64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : readInt64(this.#view, at);
  }

  bigInt64(): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#view.getBigInt64(at);
  }

  float64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : this.#view.getFloat64(at);
  }

  /** At most five bytes, in [0, 2^32). */
  unsignedVarint(): number {
    if (this.fault !== null) return 0;
    let value = 0;
    let at = this.at;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= this.end) {
        this.fail("A varint is cut off");
        return 0;
      }
      const byte = this.bytes[at++]!;
      if (shift === 28 && byte > 15) break;
      value |= (byte & 127) << shift;
      if (byte < 128) {
        this.at = at;
        return value >>> 0;
      }
    }
    this.fail("A varint has more than 32 bits");
    return 0;
  }

  /** A zig-zag int32. */
  varint(): number {
    // Lengths and deltas are mostly below 64.
    if (this.fault === null && this.at < this.end) {
      const byte = this.bytes[this.at]!;
      if (byte < 128) {
        this.at++;
        return (byte >>> 1) ^ -(byte & 1);
      }
    }
    const value = this.unsignedVarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A zig-zag int64 of at most ten bytes: exact within ±2^53, else the nearest double. */
  varlong(): number {
    if (this.fault !== null) return 0;
    let low = 0;
    let high = 0;
    let at = this.at;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= this.end) {
        this.fail("A varlong is cut off");
        return 0;
      }
      const byte = this.bytes[at++]!;
      if (shift === 63 && byte > 1) break;
      const bits = byte & 127;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte < 128) {
        this.at = at;
        const sign = -(low & 1);
        const halfLow = ((low >>> 1) | (high << 31)) ^ sign;
        const halfHigh = (high >>> 1) ^ sign;
        return halfHigh * TWO_POW_32 + (halfLow >>> 0);
      }
    }
    this.fail("A varlong has more than 64 bits");
    return 0;
  }

  /** The next `length` bytes as a view; a negative or too large length is a fault. */
  take(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? EMPTY : this.bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** `length` bytes as text; bytes that are not UTF-8 are a fault. */
  text(length: number): string {
    const at = this.#take(length);
    if (at < 0) return "";
    const text = decodeUtf8(this.bytes, at, at + length);
    if (text === null) this.fail("A text is not UTF-8");
    return text ?? "";
  }

  /**
   * `count` of things that take at least `itemBytesMin` bytes each, or 0 with a fault when there cannot be that many:
   * so nobody allocates for a number that only claims to be a length.
   */
  checkCount(count: number, itemBytesMin: number): number {
    if (this.fault !== null) return 0;
    if (count >= 0 && count * itemBytesMin <= this.end - this.at) return count;
    this.fail(`A count of ${count} does not fit into ${this.end - this.at} bytes`);
    return 0;
  }

  /** States that nothing is left. */
  finish(): void {
    if (this.fault === null && this.at !== this.end) this.fail(`${this.end - this.at} bytes are left over`);
  }

  /** Moves over `length` bytes and returns where they start, or −1. */
  #take(length: number): number {
    if (this.fault !== null) return -1;
    const at = this.at;
    if (length >= 0 && length <= this.end - at) {
      this.at = at + length;
      return at;
    }
    this.fail(length < 0 ? `A length of ${length}` : `${length} bytes do not fit into ${this.end - at}`);
    return -1;
  }
}
