/**
 * Variable-length integers of Kafka records and messages: seven bits a byte, low ones first. Signed ones are zig-zag
 * coded first (0, −1, 1, −2, …), so that small negative numbers stay short. Reading is `ByteReader`'s work; here are
 * their sizes and how they are written.
 */

const TWO_POW_32 = 4_294_967_296;
const TWO_POW_31 = 2_147_483_648;

/** Bytes of an unsigned varint; `value` is in [0, 2^32). */
export function unsignedVarintBytes(value: number): number {
  // A word of n significant bits needs ⌈n / 7⌉ bytes, and zero needs one: the multiplication divides by 7.
  return ((38 - Math.clz32(value)) * 37 >>> 8) + (value === 0 ? 1 : 0);
}

/** Bytes of a zig-zag varint; `value` is an int32. */
export function varintBytes(value: number): number {
  return unsignedVarintBytes(((value << 1) ^ (value >> 31)) >>> 0);
}

/** Bytes of a zig-zag varlong; `value` is a safe integer. */
export function varlongBytes(value: number): number {
  if (value >= -TWO_POW_31 && value < TWO_POW_31) return varintBytes(value);
  let rest = Math.floor((value < 0 ? -(value + 1) : value) / 64);
  let bytes = 1;
  for (; rest > 0; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Writes `value` in [0, 2^32) and returns the position after it. The room must be there. */
export function writeUnsignedVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 127) {
    into[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  into[at] = rest;
  return at + 1;
}

/** Writes an int32 zig-zag coded and returns the position after it. The room must be there. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  return writeUnsignedVarint(into, at, ((value << 1) ^ (value >> 31)) >>> 0);
}

/** Writes a safe integer zig-zag coded and returns the position after it. The room must be there. */
export function writeVarlong(into: Uint8Array, at: number, value: number): number {
  if (value >= -TWO_POW_31 && value < TWO_POW_31) return writeVarint(into, at, value);
  // For a negative value the zig-zag code is 2 × −(value + 1) + 1; the doubling is done on the two halves, since it
  // may pass 2^53.
  const magnitude = value < 0 ? -(value + 1) : value;
  const magnitudeLow = magnitude >>> 0;
  let high = (Math.floor(magnitude / TWO_POW_32) << 1) | (magnitudeLow >>> 31);
  let low = ((magnitudeLow << 1) | (value < 0 ? 1 : 0)) >>> 0;
  while (high !== 0) {
    into[at++] = (low & 127) | 128;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  return writeUnsignedVarint(into, at, low);
}
