import { LIMITS } from "../../base/limits.ts";
import type { Segment } from "./segment.ts";

/** Writes a file's bytes again where they stand, and syncs them. */
export async function rewriteRange(segment: Segment, from: number): Promise<void> {
  const piece = new Uint8Array(Math.min(LIMITS.segmentReadBytes, Math.max(1, segment.sizeBytes - from)));
  for (let position = from; position < segment.sizeBytes; position += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, segment.sizeBytes - position));
    await segment.file.readAt(position, part);
    await segment.file.writeAt(position, [part]);
  }
  await segment.file.sync();
}
