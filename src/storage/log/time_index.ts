/**
 * Which timestamps a segment has reached by which offset.
 *
 * Layout of `.timeindex` (Kafka's, big-endian), entries of 12 bytes, strictly increasing timestamps:
 *
 *   0  timestamp i64        the largest timestamp of the segment so far
 *   8  relativeOffset u32   last offset of the batch that carried it, less the segment's base offset
 *
 * Written whenever the offset index gets an entry, and once when the segment is sealed or closed, if the timestamp has
 * risen. A cache, as the offset index is.
 */
import type { Offset, TimestampMs } from "../../base/ids.ts";

export const TIME_INDEX_ENTRY_BYTES = 12;

export interface TimePosition {
  readonly timestamp: TimestampMs;
  readonly lastOffset: Offset;
}

export class TimeIndex {
  readonly baseOffset: Offset;
  #entries: TimePosition[] = [];

  constructor(baseOffset: Offset) {
    this.baseOffset = baseOffset;
  }

  get count(): number {
    return this.#entries.length;
  }

  last(): TimePosition | null {
    return this.#entries.at(-1) ?? null;
  }

  /** The entry with this number, from 0 on. */
  at(entry: number): TimePosition {
    return this.#entries[entry]!;
  }

  /** Adds an entry if it comes after the last one in time, and not before it in offset. */
  maybeAppend(timestamp: TimestampMs, lastOffset: Offset): void {
    const last = this.last();
    if (timestamp < 0 || (last !== null && (timestamp <= last.timestamp || lastOffset < last.lastOffset))) return;
    this.#entries.push({ timestamp, lastOffset });
  }

  /** The entry with the greatest timestamp < `timestamp`, or null: what is at or after it lies behind that offset. */
  lookupBefore(timestamp: TimestampMs): TimePosition | null {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.timestamp < timestamp) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.#entries[low - 1]!;
  }

  /** Drops the entries for offsets at or above `offset`. */
  truncateFrom(offset: Offset): void {
    while (this.#entries.length > 0 && this.#entries.at(-1)!.lastOffset >= offset) this.#entries.pop();
  }

  /** The file's bytes from entry `from` on. */
  encode(from = 0): Uint8Array {
    const bytes = new Uint8Array((this.#entries.length - from) * TIME_INDEX_ENTRY_BYTES);
    const view = new DataView(bytes.buffer);
    for (let entry = from, at = 0; entry < this.#entries.length; entry += 1, at += TIME_INDEX_ENTRY_BYTES) {
      const { timestamp, lastOffset } = this.#entries[entry]!;
      view.setBigInt64(at, BigInt(timestamp));
      view.setUint32(at + 8, lastOffset - this.baseOffset);
    }
    return bytes;
  }

  /** The index that `bytes` hold, or null when they cannot be one. */
  static decode(baseOffset: Offset, bytes: Uint8Array, endOffset: Offset): TimeIndex | null {
    if (bytes.length % TIME_INDEX_ENTRY_BYTES !== 0) return null;
    const index = new TimeIndex(baseOffset);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let previousTimestamp = -1;
    let previousOffset = -1;
    for (let at = 0; at < bytes.length; at += TIME_INDEX_ENTRY_BYTES) {
      const timestamp = Number(view.getBigInt64(at));
      const lastOffset = baseOffset + view.getUint32(at + 8);
      if (timestamp <= previousTimestamp || !Number.isSafeInteger(timestamp)) return null;
      if (lastOffset < previousOffset || lastOffset >= endOffset) return null;
      index.#entries.push({ timestamp: previousTimestamp = timestamp, lastOffset: previousOffset = lastOffset });
    }
    return index;
  }
}
