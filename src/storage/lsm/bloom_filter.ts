/**
 * A Bloom filter of 10 bits a key and 7 probes: at most about one lookup in a hundred of a key that is not there goes on
 * (facts S18).
 *
 * Layout (little-endian): probes u32, then the bits; bit n is bit n % 8 of byte n / 8.
 */
import { murmur2 } from "../../bytes/murmur2.ts";

const BITS_PER_KEY = 10;
const PROBES = 7;
const PROBES_MAX = 30;
const HEADER_BYTES = 4;
const BITS_MIN = 64;

/** What the filters go by. */
export const filterHash: (key: Uint8Array) => number = murmur2;

export class BloomFilter {
  readonly #bytes: Uint8Array;
  readonly #bits: number;
  readonly #probes: number;

  constructor(bytes: Uint8Array, probes: number) {
    this.#bytes = bytes;
    this.#bits = (bytes.length - HEADER_BYTES) * 8;
    this.#probes = probes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** False: no key with this hash is in the table. */
  mayHold(hash: number): boolean {
    const step = ((hash >>> 17) | (hash << 15)) >>> 0;
    let place = hash >>> 0;
    for (let probe = 0; probe < this.#probes; probe++) {
      const bit = place % this.#bits;
      if ((this.#bytes[HEADER_BYTES + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false;
      place = (place + step) >>> 0;
    }
    return true;
  }
}

/** A filter of the first `count` hashes. */
export function encodeBloomFilter(hashes: Int32Array, count: number): Uint8Array {
  const filterBytes = Math.ceil(Math.max(BITS_MIN, count * BITS_PER_KEY) / 8);
  const bytes = new Uint8Array(HEADER_BYTES + filterBytes);
  new DataView(bytes.buffer).setUint32(0, PROBES, true);
  const bits = filterBytes * 8;
  for (let at = 0; at < count; at++) {
    const hash = hashes[at]!;
    const step = ((hash >>> 17) | (hash << 15)) >>> 0;
    let place = hash >>> 0;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = place % bits;
      bytes[HEADER_BYTES + (bit >>> 3)]! |= 1 << (bit & 7);
      place = (place + step) >>> 0;
    }
  }
  return bytes;
}

/** The filter, or null when the bytes are none. */
export function decodeBloomFilter(bytes: Uint8Array): BloomFilter | null {
  if (bytes.length <= HEADER_BYTES) return null;
  const probes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return probes < 1 || probes > PROBES_MAX ? null : new BloomFilter(bytes, probes);
}
