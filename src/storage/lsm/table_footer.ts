/**
 * The end of a table file.
 *
 * Layout (little-endian; up to maxKey as in facts 1.1b, then what format version 1 adds):
 *
 *   indexPosition i64, indexBytes i64, entryCount u64, minKeyBytes u32, minKey, maxKeyBytes u32, maxKey,
 *   filterPosition i64, filterBytes i64, lastSequence u64, footerBytes u32 (of the whole footer), formatVersion u32,
 *   CRC-32 u32 (over the footer before it, with the file's seed at the footer's position), magic u32 0x53535442
 *
 * Version 0, the seed's, ends with CRC-32 and magic behind maxKey: without a length it can only be searched for.
 */
import { LIMITS } from "../../base/limits.ts";
import { crc32Of } from "../../bytes/crc32.ts";
import { seedAt } from "./file_seed.ts";
import { readUint64, writeUint64 } from "./int64_le.ts";

export const TABLE_MAGIC = 0x53535442;
const FORMAT_VERSION = 1;
const FIXED_BEFORE_KEYS = 24;
/** From the end of maxKey. */
const FIXED_AFTER_KEYS = 40;
const FOOTER_FIXED_BYTES = FIXED_BEFORE_KEYS + 8 + FIXED_AFTER_KEYS;
/** footerBytes, formatVersion, CRC, magic: what is read first. */
export const FOOTER_END_BYTES = 16;

export interface TableFooter {
  readonly indexPosition: number;
  readonly indexBytes: number;
  readonly entryCount: number;
  readonly minKey: Uint8Array;
  readonly maxKey: Uint8Array;
  readonly filterPosition: number;
  readonly filterBytes: number;
  readonly lastSequence: number;
}

/** `position`: where it begins in the file. */
export function encodeTableFooter(footer: TableFooter, seed: number, position: number): Uint8Array {
  const { minKey, maxKey } = footer;
  const bytes = new Uint8Array(FOOTER_FIXED_BYTES + minKey.length + maxKey.length);
  const view = new DataView(bytes.buffer);
  writeUint64(view, 0, footer.indexPosition);
  writeUint64(view, 8, footer.indexBytes);
  writeUint64(view, 16, footer.entryCount);
  view.setUint32(24, minKey.length, true);
  bytes.set(minKey, 28);
  view.setUint32(28 + minKey.length, maxKey.length, true);
  bytes.set(maxKey, 32 + minKey.length);
  const at = 32 + minKey.length + maxKey.length;
  writeUint64(view, at, footer.filterPosition);
  writeUint64(view, at + 8, footer.filterBytes);
  writeUint64(view, at + 16, footer.lastSequence);
  view.setUint32(at + 24, bytes.length, true);
  view.setUint32(at + 28, FORMAT_VERSION, true);
  view.setUint32(at + 32, crc32Of(bytes, 0, at + 32, seedAt(seed, position)), true);
  view.setUint32(at + 36, TABLE_MAGIC, true);
  return bytes;
}

/** How long the footer is, from the file's last `FOOTER_END_BYTES`, or what is wrong. */
export function footerBytesOf(end: Uint8Array, fileBytes: number): number | string {
  if (end.length !== FOOTER_END_BYTES) return "the file has no room for a footer";
  const view = new DataView(end.buffer, end.byteOffset, FOOTER_END_BYTES);
  if (view.getUint32(12, true) !== TABLE_MAGIC) return "the file does not end with the magic of a table";
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION) {
    return `the table has format version ${version}; this program reads ${FORMAT_VERSION}`;
  }
  const footerBytes = view.getUint32(0, true);
  const footerBytesMax = Math.min(fileBytes, FOOTER_FIXED_BYTES + 2 * LIMITS.storeKeyBytesMax);
  if (footerBytes < FOOTER_FIXED_BYTES || footerBytes > footerBytesMax) {
    return `the footer says ${footerBytes} bytes; ${FOOTER_FIXED_BYTES} to ${footerBytesMax} are possible`;
  }
  return footerBytes;
}

/** The footer that begins at `position`, or what is wrong. */
export function decodeTableFooter(bytes: Uint8Array, seed: number, position: number): TableFooter | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FOOTER_FIXED_BYTES) return "the footer is cut off";
  if (crc32Of(bytes, 0, bytes.length - 8, seedAt(seed, position)) !== view.getUint32(bytes.length - 8, true)) {
    return "the footer's checksum is wrong";
  }
  const minKeyBytes = view.getUint32(24, true);
  if (minKeyBytes > bytes.length - FOOTER_FIXED_BYTES) return "the footer's first key does not fit into it";
  const maxKeyBytes = view.getUint32(28 + minKeyBytes, true);
  if (minKeyBytes + maxKeyBytes !== bytes.length - FOOTER_FIXED_BYTES) {
    return "the footer's last key does not fit into it";
  }
  const at = 32 + minKeyBytes + maxKeyBytes;
  const footer: TableFooter = {
    indexPosition: readUint64(view, 0),
    indexBytes: readUint64(view, 8),
    entryCount: readUint64(view, 16),
    minKey: bytes.slice(28, 28 + minKeyBytes),
    maxKey: bytes.slice(32 + minKeyBytes, at),
    filterPosition: readUint64(view, at),
    filterBytes: readUint64(view, at + 8),
    lastSequence: readUint64(view, at + 16),
  };
  const isWithin = (from: number, size: number): boolean => size >= 8 && from + size <= position;
  if (!isWithin(footer.indexPosition, footer.indexBytes) || !isWithin(footer.filterPosition, footer.filterBytes)) {
    return "the footer's index or filter does not lie before it";
  }
  return footer;
}
