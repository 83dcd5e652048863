/**
 * Chance from one seed, in 32-bit integers only: floats differ between engines (reliability §4.2). Each part of the
 * simulated world draws from a stream of its own, so that one draw more in the disk does not change the workload.
 */
import type { Random } from "../../src/platform/random.ts";

const GOLDEN = 0x9e3779b9;

function scramble(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** xoshiro128** (Blackman and Vigna), seeded through splitmix32. */
export class SimulatedRandom implements Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#seed = seed | 0;
    this.#a = scramble(seed + GOLDEN);
    this.#b = scramble(seed + Math.imul(GOLDEN, 2));
    this.#c = scramble(seed + Math.imul(GOLDEN, 3));
    // The state of four zeros is the one that never changes.
    this.#d = scramble(seed + Math.imul(GOLDEN, 4)) | 1;
  }

  /** The stream of this name: always the same for a seed, whatever was drawn from this one. */
  stream(name: string): SimulatedRandom {
    let hash = scramble(this.#seed ^ GOLDEN);
    for (let at = 0; at < name.length; at++) hash = scramble(Math.imul(hash, 31) + name.charCodeAt(at) + at);
    return new SimulatedRandom(hash);
  }

  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result >>> 0;
  }

  fill(into: Uint8Array): void {
    for (let at = 0; at < into.length; at += 4) {
      const word = this.uint32();
      for (let byte = 0; byte < 4 && at + byte < into.length; byte++) into[at + byte] = word >>> (8 * byte);
    }
  }

  /** An integer in [0, count); count at most 2^32. */
  below(count: number): number {
    return this.uint32() % count;
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in n of d cases. */
  chance(n: number, d: number): boolean {
    return this.below(d) < n;
  }

  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.below(choices.length)]!;
  }

  /** Small most of the time, up to `max` now and then: each doubling of the mean is half as likely. */
  skewed(mean: number, max: number): number {
    let bound = mean;
    while (bound < max && this.chance(1, 4)) bound *= 4;
    return Math.min(max, this.below(2 * bound + 1));
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.fill(bytes);
    return bytes;
  }
}
