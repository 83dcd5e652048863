/**
 * What the checksums of the tree's files begin with: the tree, the kind of file, its number and the place in it. Bytes of
 * another file, or of another place in it (a misdirected write, a swapped file), do not pass then (I36).
 */
import { crc32 } from "../../bytes/crc32.ts";

/** Numbers that reach the disk. */
export const FILE_KINDS = { log: 1, table: 2, manifest: 3 } as const;
const TWO_POW_32 = 4_294_967_296;
const HIGH_MULTIPLIER = 0x9e3779b1;

/** `identity`: the tree's own. */
export function fileSeed(identity: Uint8Array, kind: keyof typeof FILE_KINDS, number: number): number {
  const bytes = new Uint8Array(identity.length + 9);
  bytes.set(identity);
  const view = new DataView(bytes.buffer);
  view.setUint8(identity.length, FILE_KINDS[kind]);
  view.setBigUint64(identity.length + 1, BigInt(number), true);
  return crc32(bytes);
}

/** The seed at a position: no two within 4 GiB are the same. */
export function seedAt(seed: number, position: number): number {
  return (seed + (position >>> 0) + Math.imul(Math.floor(position / TWO_POW_32), HIGH_MULTIPLIER)) >>> 0;
}
