/**
 * A block of sorted entries, as data blocks and index blocks of a table have them.
 *
 * Layout (little-endian; the head as in facts 1.1b, then the sequence):
 *
 *   entry    keyBytes u32, valueBytes i32 (−1: deleted), timestamp u64 (ms), sequence u64, key, value
 *   block    entries back to back, the position of each in the block u32 …, count u32
 *   on disk  CRC-32 u32 over the block (with the file's seed at this position), blockBytes u32, block
 *
 * Entries are sorted by key, and of one key the newest comes first. All entries of a key are in one block. The positions
 * make a search of log n steps of a block, at 4 bytes an entry; keys with a common prefix are not shortened, since what
 * that saves is little beside values of record batches and costs every search.
 */
import { compareSlice } from "../../bytes/compare_bytes.ts";
import { crc32Of } from "../../bytes/crc32.ts";
import { readUint64, writeUint64 } from "./int64_le.ts";

export const ENTRY_HEADER_BYTES = 24;
export const BLOCK_HEADER_BYTES = 8;
const KEY_BYTES_AT = 0;
const VALUE_BYTES_AT = 4;
const TIMESTAMP_AT = 8;
const SEQUENCE_AT = 16;
const FIRST_BYTES = 8 * 1024;

export class Block {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #positionsAt: number;

  /** `bytes` are a block that `decodeBlock` has checked. */
  constructor(bytes: Uint8Array, view: DataView, count: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.count = count;
    this.#positionsAt = bytes.length - 4 - 4 * count;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** A view. */
  keyAt(entry: number): Uint8Array {
    const at = this.#at(entry);
    const from = at + ENTRY_HEADER_BYTES;
    return this.#bytes.subarray(from, from + this.#view.getUint32(at + KEY_BYTES_AT, true));
  }

  sequenceAt(entry: number): number {
    return readUint64(this.#view, this.#at(entry) + SEQUENCE_AT);
  }

  timestampAt(entry: number): number {
    return readUint64(this.#view, this.#at(entry) + TIMESTAMP_AT);
  }

  /** A view of the value, or null for a deletion. */
  valueViewAt(entry: number): Uint8Array | null {
    const at = this.#at(entry);
    const valueBytes = this.#view.getInt32(at + VALUE_BYTES_AT, true);
    if (valueBytes < 0) return null;
    const from = at + ENTRY_HEADER_BYTES + this.#view.getUint32(at + KEY_BYTES_AT, true);
    return this.#bytes.subarray(from, from + valueBytes);
  }

  /** A copy of the value, or null for a deletion. */
  valueAt(entry: number): Uint8Array | null {
    return this.valueViewAt(entry)?.slice() ?? null;
  }

  /** The first entry at or after a key; `count` when there is none. */
  lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last entry at or before a key, as an index is asked; −1 when there is none. */
  lastAtOrBefore(key: Uint8Array): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The newest entry of a key that a reader at `sequence` sees, or −1. */
  find(key: Uint8Array, sequence: number): number {
    for (let entry = this.lowerBound(key); entry < this.count && this.#compare(entry, key) === 0; entry++) {
      if (this.sequenceAt(entry) <= sequence) return entry;
    }
    return -1;
  }

  #at(entry: number): number {
    return this.#view.getUint32(this.#positionsAt + 4 * entry, true);
  }

  #compare(entry: number, key: Uint8Array): number {
    const at = this.#at(entry);
    const from = at + ENTRY_HEADER_BYTES;
    return compareSlice(this.#bytes, from, from + this.#view.getUint32(at + KEY_BYTES_AT, true), key);
  }
}

/** The block, or what is wrong with its form. The checksum is the caller's. */
export function decodeBlock(bytes: Uint8Array): Block | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) return "the block has no count";
  const count = view.getUint32(bytes.length - 4, true);
  const positionsAt = bytes.length - 4 - 4 * count;
  if (positionsAt < 0) return `the block has no room for ${count} positions`;
  let at = 0;
  for (let entry = 0; entry < count; entry++) {
    if (view.getUint32(positionsAt + 4 * entry, true) !== at) return `entry ${entry} does not begin at ${at}`;
    if (positionsAt - at < ENTRY_HEADER_BYTES) return `entry ${entry} is cut off`;
    const keyBytes = view.getUint32(at + KEY_BYTES_AT, true);
    const valueBytes = view.getInt32(at + VALUE_BYTES_AT, true);
    if (valueBytes < -1) return `entry ${entry} has a value of ${valueBytes} bytes`;
    const end = at + ENTRY_HEADER_BYTES + keyBytes + Math.max(0, valueBytes);
    if (end > positionsAt) return `entry ${entry} reaches past the block`;
    at = end;
  }
  return at === positionsAt ? new Block(bytes, view, count) : "the block has bytes that are no entry";
}

/** Puts a block together. */
export class BlockBuilder {
  count = 0;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #end = BLOCK_HEADER_BYTES;
  #positions = new Int32Array(64);

  /** Bytes of the entries so far, with their positions. */
  get sizeBytes(): number {
    return this.#end - BLOCK_HEADER_BYTES + 4 * this.count;
  }

  add(key: Uint8Array, value: Uint8Array | null, timestamp: number, sequence: number): void {
    const at = this.#end;
    const end = at + ENTRY_HEADER_BYTES + key.length + (value?.length ?? 0);
    this.#reserve(end);
    if (this.count === this.#positions.length) {
      const larger = new Int32Array(2 * this.count);
      larger.set(this.#positions);
      this.#positions = larger;
    }
    this.#positions[this.count] = at - BLOCK_HEADER_BYTES;
    this.#view.setUint32(at + KEY_BYTES_AT, key.length, true);
    this.#view.setInt32(at + VALUE_BYTES_AT, value === null ? -1 : value.length, true);
    writeUint64(this.#view, at + TIMESTAMP_AT, timestamp);
    writeUint64(this.#view, at + SEQUENCE_AT, sequence);
    this.#bytes.set(key, at + ENTRY_HEADER_BYTES);
    if (value !== null) this.#bytes.set(value, at + ENTRY_HEADER_BYTES + key.length);
    this.#end = end;
    this.count += 1;
  }

  /** The block as it goes to the disk, in bytes of its own; the builder is empty afterwards. `seed`: at its position. */
  finish(seed: number): Uint8Array {
    const end = this.#end + 4 * this.count + 4;
    this.#reserve(end);
    for (let entry = 0; entry < this.count; entry++) {
      this.#view.setUint32(this.#end + 4 * entry, this.#positions[entry]!, true);
    }
    this.#view.setUint32(end - 4, this.count, true);
    const bytes = this.#bytes.slice(0, end);
    sealBlock(bytes, seed);
    this.#end = BLOCK_HEADER_BYTES;
    this.count = 0;
    return bytes;
  }

  #reserve(end: number): void {
    if (end <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Writes checksum and length before a block that begins at `BLOCK_HEADER_BYTES`. */
export function sealBlock(bytes: Uint8Array, seed: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_HEADER_BYTES);
  view.setUint32(0, crc32Of(bytes, BLOCK_HEADER_BYTES, bytes.length, seed), true);
  view.setUint32(4, bytes.length - BLOCK_HEADER_BYTES, true);
}

/** The bytes behind checksum and length, or what is wrong. */
export function openBlock(bytes: Uint8Array, seed: number): Uint8Array | string {
  if (bytes.length < BLOCK_HEADER_BYTES) return "the block has no header";
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_HEADER_BYTES);
  const blockBytes = view.getUint32(4, true);
  if (blockBytes !== bytes.length - BLOCK_HEADER_BYTES) {
    return `the block says ${blockBytes} bytes where the index says ${bytes.length - BLOCK_HEADER_BYTES}`;
  }
  if (view.getUint32(0, true) !== crc32Of(bytes, BLOCK_HEADER_BYTES, bytes.length, seed)) {
    return "the block's checksum is wrong";
  }
  return bytes.subarray(BLOCK_HEADER_BYTES);
}
