/**
 * 64-bit big-endian integers as numbers, without BigInt: offsets and timestamps are on the hot path, and all that are
 * allowed lie within ±2^53.
 */

const TWO_POW_32 = 4_294_967_296;

/** Exact within ±2^53; beyond that the nearest double, which the callers' range checks refuse. */
export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_POW_32 + view.getUint32(at + 4);
}

/** `value`: a safe integer, of either sign. */
export function writeInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / TWO_POW_32));
  view.setUint32(at + 4, value >>> 0);
}
