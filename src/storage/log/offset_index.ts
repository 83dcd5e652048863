/**
 * Where batches lie in a segment: a sparse map from offsets to byte positions.
 *
 * Layout of `.index` (Kafka's, big-endian), entries of 8 bytes, strictly increasing in both fields:
 *
 *   0  relativeOffset u32   last offset of a batch, less the segment's base offset
 *   4  position u32         where that batch starts in the `.log` file
 *
 * Kafka's rule decides which batches get an entry (LogSegment.append): one that starts more than `index.interval.bytes`
 * after the last entry's start. A segment's first batch never has one; a lookup below the first entry begins at 0.
 *
 * The file is a cache of what the `.log` says. It is read through `decode`, which refuses what cannot be true; what is
 * plausible and still wrong is found by the reader, which checks the batch at the position it was sent to.
 */
import type { Offset } from "../../base/ids.ts";
import { assert } from "../../base/assert.ts";

export const OFFSET_INDEX_ENTRY_BYTES = 8;

/** One entry of the index: a batch's last offset and its start. */
export interface IndexPosition {
  readonly lastOffset: Offset;
  readonly position: number;
}

export class OffsetIndex {
  readonly baseOffset: Offset;
  /** Pairs (relative offset, position); grows by doubling. */
  #entries = new Uint32Array(16);
  #count = 0;

  constructor(baseOffset: Offset) {
    this.baseOffset = baseOffset;
  }

  get count(): number {
    return this.#count;
  }

  /** The last entry, or null. */
  last(): IndexPosition | null {
    return this.#count === 0 ? null : this.#entryAt(this.#count - 1);
  }

  /** The entry with this number, from 0 on. */
  at(entry: number): IndexPosition {
    assert(entry < this.#count, () => `entry ${entry} of ${this.#count}`);
    return this.#entryAt(entry);
  }

  append(lastOffset: Offset, position: number): void {
    const last = this.last();
    assert(
      last === null || (lastOffset > last.lastOffset && position > last.position),
      () => `index entry ${lastOffset}@${position} does not come after ${last?.lastOffset}@${last?.position}`,
    );
    if (this.#count * 2 === this.#entries.length) {
      const grown = new Uint32Array(this.#entries.length * 2);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    this.#entries[this.#count * 2] = lastOffset - this.baseOffset;
    this.#entries[this.#count * 2 + 1] = position;
    this.#count += 1;
  }

  /** The entry with the greatest offset ≤ `offset`, or null: the scan then begins at position 0. */
  lookup(offset: Offset): IndexPosition | null {
    const relative = offset - this.baseOffset;
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle * 2]! <= relative) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.#entryAt(low - 1);
  }

  /** All entries in order. */
  entries(): IndexPosition[] {
    return Array.from({ length: this.#count }, (_, entry) => this.#entryAt(entry));
  }

  /** Drops the entries of batches that start at `position` or later. */
  truncateFrom(position: number): void {
    while (this.#count > 0 && this.#entries[this.#count * 2 - 1]! >= position) this.#count -= 1;
  }

  /** The file's bytes from entry `from` on. */
  encode(from = 0): Uint8Array {
    const bytes = new Uint8Array((this.#count - from) * OFFSET_INDEX_ENTRY_BYTES);
    const view = new DataView(bytes.buffer);
    for (let entry = from, at = 0; entry < this.#count; entry += 1, at += OFFSET_INDEX_ENTRY_BYTES) {
      view.setUint32(at, this.#entries[entry * 2]!);
      view.setUint32(at + 4, this.#entries[entry * 2 + 1]!);
    }
    return bytes;
  }

  /**
   * The index that `bytes` hold, for a segment of `segmentBytes`, or null when they cannot be one: a torn entry, fields
   * that do not increase, or a position beyond the segment.
   */
  static decode(baseOffset: Offset, bytes: Uint8Array, segmentBytes: number): OffsetIndex | null {
    if (bytes.length % OFFSET_INDEX_ENTRY_BYTES !== 0) return null;
    const index = new OffsetIndex(baseOffset);
    const count = bytes.length / OFFSET_INDEX_ENTRY_BYTES;
    index.#entries = new Uint32Array(Math.max(16, count * 2));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let previousOffset = -1;
    let previousPosition = 0;
    for (let entry = 0; entry < count; entry += 1) {
      const relativeOffset = view.getUint32(entry * 8);
      const position = view.getUint32(entry * 8 + 4);
      if (relativeOffset <= previousOffset || position <= previousPosition || position >= segmentBytes) return null;
      index.#entries[entry * 2] = previousOffset = relativeOffset;
      index.#entries[entry * 2 + 1] = previousPosition = position;
    }
    index.#count = count;
    return index;
  }

  #entryAt(entry: number): IndexPosition {
    return {
      lastOffset: this.baseOffset + this.#entries[entry * 2]!,
      position: this.#entries[entry * 2 + 1]!,
    };
  }
}
