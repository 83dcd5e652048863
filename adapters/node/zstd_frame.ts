/**
 * The outline of a zstd frame (RFC 8878 §3.1.1): both runtimes' zstd takes a frame that is cut off for a whole one, and
 * gives what was there without an error. Deno's also passes over whatever follows the first frame in silence.
 *
 *     Layout, all little-endian:
 *     4  magic 0xFD2FB528
 *     1  descriptor: content size code (bits 7-6), single segment (5), reserved (3), checksum (2), dictionary id code (1-0)
 *     1  window, unless single segment
 *     0, 1, 2, 4  dictionary id; 0 to 8 content size
 *     then blocks: 3 header: last (bit 0), kind (1-2: stored, one repeated byte, compressed, reserved), size (3-23); data
 *     4  checksum, if flagged
 */
import { damagedBlock } from "./damaged_block.ts";

const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const REPEATED_BYTE = 1;
const RESERVED_KIND = 3;

/** Fails with `corrupt_batch` unless `bytes` is exactly one frame by its own lengths. The content is not looked at. */
export function checkZstdFrame(bytes: Uint8Array): void {
  const descriptor = bytes[4];
  if (descriptor === undefined) throw damagedBlock("zstd", "the header is cut off");
  if (bytes[0] !== 0x28 || bytes[1] !== 0xb5 || bytes[2] !== 0x2f || bytes[3] !== 0xfd) {
    throw damagedBlock("zstd", "the magic number is wrong");
  }
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSizeCode = descriptor >>> 6;
  let at = 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + CONTENT_SIZE_BYTES[contentSizeCode]!;
  if (isSingleSegment && contentSizeCode === 0) at++;
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) throw damagedBlock("zstd", "a block's header is cut off");
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const kind = (header >>> 1) & 3;
    if (kind === RESERVED_KIND) throw damagedBlock("zstd", "a block's kind is unknown");
    isLast = (header & 1) !== 0;
    at += 3 + (kind === REPEATED_BYTE ? 1 : header >>> 3);
  }
  if ((descriptor & 4) !== 0) at += 4;
  if (at > bytes.length) throw damagedBlock("zstd", "it is cut off");
  if (at < bytes.length) throw damagedBlock("zstd", `${bytes.length - at} bytes follow the frame`);
}
