const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * MurmurHash2 as Kafka's Java client has it (Utils.murmur2), a signed 32-bit number: keyed records go where the Java
 * client would send them. `murmur2("21")` is −973932308.
 */
export function murmur2(bytes: Uint8Array): number {
  let hash = SEED ^ bytes.length;
  const wordsEnd = bytes.length & ~3;
  for (let at = 0; at < wordsEnd; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = bytes.length - wordsEnd;
  if (rest === 3) hash ^= bytes[wordsEnd + 2]! << 16;
  if (rest >= 2) hash ^= bytes[wordsEnd + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ bytes[wordsEnd]!, MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** Kafka's `toPositive`: drops the sign bit (it is not the absolute value). A partition is this modulo their number. */
export function toPositive(hash: number): number {
  return hash & 0x7fffffff;
}
