import { LIMITS } from "../../base/limits.ts";
import type { DiskFile } from "../../platform/disk.ts";

/** Writes a file's bytes again where they stand: what the page cache shows need not be on the disk. Not synced. */
export async function rewriteRange(file: DiskFile, from: number, to: number): Promise<void> {
  const piece = new Uint8Array(Math.min(LIMITS.segmentReadBytes, Math.max(1, to - from)));
  for (let position = from; position < to; position += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, to - position));
    await file.readAt(position, part);
    await file.writeAt(position, [part]);
  }
}
