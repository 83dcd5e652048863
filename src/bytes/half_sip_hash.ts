/**
 * HalfSipHash-2-4 with a 32-bit result (Aumasson and Bernstein's reference): a hash whose collisions nobody can prepare
 * who does not know the seed. Tables whose keys come from clients need that: others let one client make every look-up
 * walk the whole table.
 */

/** Two 32-bit words that are drawn by chance. */
export type HashSeed = readonly [number, number];

/** The hash of bytes [start, end), an unsigned 32-bit number. */
export function halfSipHash(bytes: Uint8Array, start: number, end: number, seed: HashSeed): number {
  const length = end - start;
  let v0 = seed[0] | 0;
  let v1 = seed[1] | 0;
  let v2 = 0x6c796765 ^ seed[0];
  let v3 = 0x74656462 ^ seed[1];
  const wholeEnd = end - (length & 3);
  // One loop for the words, the rest with the length, and the end: a function for the round would cost a call for each.
  for (let at = start, rounds = 2;;) {
    let word = 0;
    const isEnd = rounds === 4;
    if (isEnd) v2 ^= 0xff;
    else if (at < wholeEnd) {
      word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    } else {
      word = length << 24;
      if (at + 2 < end) word |= bytes[at + 2]! << 16;
      if (at + 1 < end) word |= bytes[at + 1]! << 8;
      if (at < end) word |= bytes[at]!;
    }
    v3 ^= word;
    for (let round = 0; round < rounds; round += 1) {
      v0 = v0 + v1 | 0;
      v1 = (v1 << 5 | v1 >>> 27) ^ v0;
      v0 = v0 << 16 | v0 >>> 16;
      v2 = v2 + v3 | 0;
      v3 = (v3 << 8 | v3 >>> 24) ^ v2;
      v0 = v0 + v3 | 0;
      v3 = (v3 << 7 | v3 >>> 25) ^ v0;
      v2 = v2 + v1 | 0;
      v1 = (v1 << 13 | v1 >>> 19) ^ v2;
      v2 = v2 << 16 | v2 >>> 16;
    }
    v0 ^= word;
    if (isEnd) return (v1 ^ v3) >>> 0;
    if (at >= wholeEnd) rounds = 4;
    at += 4;
  }
}
