/** 64-bit little-endian integers as numbers, as the seed formats of the tree have them (facts 1.1a, 1.1b). */

const TWO_POW_32 = 4_294_967_296;

/** Exact up to 2^53, else the nearest double, which the callers' bounds refuse. */
export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_POW_32 + view.getUint32(at, true);
}

/** `value`: a safe integer, not negative. */
export function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / TWO_POW_32), true);
}
