/**
 * The newest offset of each key of the part that is being cleaned, in bounded memory.
 *
 * Kafka keeps a 128-bit hash of each key and takes two keys with the same hash for one: a record is lost then, and with
 * MD5 whoever chooses the keys can make that happen. Here the keys themselves are kept and compared, so that no record is
 * ever dropped for another key's sake. That costs a key's bytes in place of 16; what does not fit is the next pass's. The
 * hash, which only finds the place in the table, has a seed of its own, so that nobody can prepare keys that collide.
 */
import { halfSipHash, type HashSeed } from "../../bytes/half_sip_hash.ts";
import type { Offset } from "../../base/ids.ts";

/** What a map may hold. */
export interface KeyMapBounds {
  readonly keysMax: number;
  /** Of the keys themselves; at least the largest key. */
  readonly bytesMax: number;
}

const SLOTS_MIN = 1_024;
const BYTES_MIN = 64 * 1_024;

export class KeyMap {
  readonly #bounds: KeyMapBounds;
  readonly #seed: HashSeed;
  #count = 0;
  /** Entry number + 1, or 0; open addressing, at most half full. */
  #slots = new Uint32Array(SLOTS_MIN);
  /** Of each entry. Twice as many slots as entries, so these have half the length of `#slots`. */
  #hashes = new Uint32Array(SLOTS_MIN / 2);
  #starts = new Uint32Array(SLOTS_MIN / 2 + 1);
  #offsets = new Float64Array(SLOTS_MIN / 2);
  #keys = new Uint8Array(BYTES_MIN);

  constructor(bounds: KeyMapBounds, seed: HashSeed) {
    this.#bounds = bounds;
    this.#seed = seed;
  }

  get size(): number {
    return this.#count;
  }

  /** Notes that the key bytes [start, end) have a record at `offset`; offsets come ascending. False: there is no room. */
  put(bytes: Uint8Array, start: number, end: number, offset: Offset): boolean {
    const hash = halfSipHash(bytes, start, end, this.#seed);
    const slot = this.#find(hash, bytes, start, end);
    const entry = this.#slots[slot]! - 1;
    if (entry >= 0) {
      this.#offsets[entry] = offset;
      return true;
    }
    const keyStart = this.#starts[this.#count]!;
    const keyEnd = keyStart + end - start;
    if (this.#count >= this.#bounds.keysMax || keyEnd > this.#bounds.bytesMax) return false;
    this.#reserveBytes(keyEnd);
    for (let from = start, to = keyStart; from < end; from += 1, to += 1) this.#keys[to] = bytes[from]!;
    this.#hashes[this.#count] = hash;
    this.#offsets[this.#count] = offset;
    this.#count += 1;
    this.#starts[this.#count] = keyEnd;
    this.#slots[slot] = this.#count;
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    return true;
  }

  /** The newest offset of a key, −1 when it is not here. */
  get(bytes: Uint8Array, start: number, end: number): Offset {
    const entry = this.#slots[this.#find(halfSipHash(bytes, start, end, this.#seed), bytes, start, end)]! - 1;
    return entry < 0 ? -1 : this.#offsets[entry]!;
  }

  /** The slot that holds the key, or the free one where it belongs. */
  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0 || (this.#hashes[entry] === hash && this.#isKey(entry, bytes, start, end))) return slot;
    }
  }

  #isKey(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const keyStart = this.#starts[entry]!;
    if (this.#starts[entry + 1]! - keyStart !== end - start) return false;
    for (let at = 0; at < end - start; at += 1) if (this.#keys[keyStart + at] !== bytes[start + at]) return false;
    return true;
  }

  #reserveBytes(bytes: number): void {
    if (bytes <= this.#keys.length) return;
    const grown = new Uint8Array(Math.min(this.#bounds.bytesMax, Math.max(bytes, this.#keys.length * 2)));
    grown.set(this.#keys);
    this.#keys = grown;
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    this.#hashes = widened(this.#hashes, new Uint32Array(slots.length / 2));
    this.#starts = widened(this.#starts, new Uint32Array(slots.length / 2 + 1));
    this.#offsets = widened(this.#offsets, new Float64Array(slots.length / 2));
    for (let entry = 0; entry < this.#count; entry += 1) {
      let slot = this.#hashes[entry]! & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}

function widened<Numbers extends Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  from: Numbers,
  into: Numbers,
): Numbers {
  into.set(from);
  return into;
}
