/**
 * Damage to what a volume holds already: the device, not the process, has failed. It changes what is visible and what is
 * durable alike, as a page that is read again from a bad sector does.
 */
import { assert } from "../../src/base/assert.ts";
import type { FileNode, Volume } from "./volume.ts";

export const SECTOR_BYTES = 512;

function fileAt(volume: Volume, path: string): FileNode {
  const node = volume.find(path);
  assert(node?.kind === "file", () => `${path} is no file`);
  return node;
}

/** Puts other bytes in the place of those that are there, within the file. */
export function overwrite(volume: Volume, path: string, position: number, bytes: Uint8Array): void {
  const file = fileAt(volume, path);
  for (const content of [file.visible, file.durable]) {
    const fitting = Math.max(0, Math.min(bytes.length, content.sizeBytes - position));
    if (fitting > 0) content.write(position, bytes.subarray(0, fitting));
  }
}

/** Bit rot: turns one bit over. */
export function flipBit(volume: Volume, path: string, position: number, bit: number): void {
  const byte = new Uint8Array(1);
  fileAt(volume, path).visible.read(position, byte);
  overwrite(volume, path, position, Uint8Array.of(byte[0]! ^ (1 << bit)));
}

/** A sector's bytes: a copy, to be put back later as a stale one, or elsewhere as a misdirected one. */
export function sectorOf(volume: Volume, path: string, sector: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const count = fileAt(volume, path).visible.read(sector * SECTOR_BYTES, bytes);
  return bytes.subarray(0, count);
}

/** A misdirected write: the bytes of one sector stand in another one. */
export function misdirectSector(
  volume: Volume,
  from: { readonly path: string; readonly sector: number },
  to: { readonly path: string; readonly sector: number },
): void {
  overwrite(volume, to.path, to.sector * SECTOR_BYTES, sectorOf(volume, from.path, from.sector));
}

/** A file that ends earlier than it did. */
export function cutShort(volume: Volume, path: string, sizeBytes: number): void {
  const file = fileAt(volume, path);
  for (const content of [file.visible, file.durable]) if (content.sizeBytes > sizeBytes) content.resize(sizeBytes);
}
