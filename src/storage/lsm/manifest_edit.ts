/**
 * A change of the set of live tables, as the manifest holds it.
 *
 * Layout of the file's header, 32 bytes (little-endian):
 *
 *   0  magic u32 0x4e414d53 ("SMAN")
 *   4  formatVersion u32    1
 *   8  generation u64       raised each time the file is written anew
 *  16  reserved             zero
 *  28  crc u32              CRC-32 over bytes 0 … 27, with the tree's seed
 *
 * Layout of an edit:
 *
 *   marker u32 0x54494445 ("EDIT"), crc u32 (over what follows, with the generation's seed at this position),
 *   editBytes u32 (of what follows), flushedSequence u64, lastSequence u64, logNumber u64, nextFileNumber u64,
 *   removedCount u32, addedCount u32, number u64 of each removed table, each added table:
 *     level u8, writtenLevel u8, reserved u16, footerCrc u32, number u64, sizeBytes u64, entryCount u64,
 *     lastSequence u64, minKeyBytes u32, minKey, maxKeyBytes u32, maxKey
 *
 * The first edit of a file adds every table. Each edit is synced before the next is written.
 */
import { LIMITS } from "../../base/limits.ts";
import { crc32Of } from "../../bytes/crc32.ts";
import { seedAt } from "./file_seed.ts";
import { readUint64, writeUint64 } from "./int64_le.ts";
import type { TableMeta } from "./table_meta.ts";

export const MANIFEST_HEADER_BYTES = 32;
const MAGIC = 0x4e414d53;
const FORMAT_VERSION = 1;
const HEADER_CRC_AT = 28;
const MARKER = 0x54494445;
const EDIT_HEADER_BYTES = 12;
const EDIT_FIXED_BYTES = 40;
const ROW_FIXED_BYTES = 48;
/** Levels that a number on the disk may name; one digit in a file's name. */
export const LEVELS_MAX = 10;

/** A table and the level that it is on. */
export interface PlacedTable {
  readonly level: number;
  readonly meta: TableMeta;
}

export interface ManifestEdit {
  /** Every write up to it is in a table. */
  readonly flushedSequence: number;
  /** No sequence up to it is given again. */
  readonly lastSequence: number;
  /** Logs before it are not needed. */
  readonly logNumber: number;
  readonly nextFileNumber: number;
  readonly removed: readonly number[];
  readonly added: readonly PlacedTable[];
}

export function encodeManifestHeader(generation: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(MANIFEST_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT_VERSION, true);
  writeUint64(view, 8, generation);
  view.setUint32(HEADER_CRC_AT, crc32Of(bytes, 0, HEADER_CRC_AT, seed), true);
  return bytes;
}

/** The generation, or what is wrong with the header. */
export function decodeManifestHeader(bytes: Uint8Array, seed: number): number | string {
  if (bytes.length < MANIFEST_HEADER_BYTES) return "the header is cut off";
  const view = new DataView(bytes.buffer, bytes.byteOffset, MANIFEST_HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC) return "the file does not begin with the magic of a manifest";
  if (view.getUint32(HEADER_CRC_AT, true) !== crc32Of(bytes, 0, HEADER_CRC_AT, seed)) {
    return "the header's checksum is wrong";
  }
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION) {
    return `the manifest has format version ${version}; this program reads ${FORMAT_VERSION}`;
  }
  return readUint64(view, 8);
}

/** `position`: where it begins in the file. */
export function encodeManifestEdit(edit: ManifestEdit, seed: number, position: number): Uint8Array {
  const { removed, added } = edit;
  let sizeBytes = EDIT_HEADER_BYTES + EDIT_FIXED_BYTES + 8 * removed.length;
  for (const { meta } of added) sizeBytes += ROW_FIXED_BYTES + meta.minKey.length + meta.maxKey.length;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MARKER, true);
  view.setUint32(8, sizeBytes - EDIT_HEADER_BYTES, true);
  let at = EDIT_HEADER_BYTES;
  for (const value of [edit.flushedSequence, edit.lastSequence, edit.logNumber, edit.nextFileNumber]) {
    writeUint64(view, at, value);
    at += 8;
  }
  view.setUint32(at, removed.length, true);
  view.setUint32(at + 4, added.length, true);
  at += 8;
  for (const number of removed) {
    writeUint64(view, at, number);
    at += 8;
  }
  for (const { level, meta } of added) {
    bytes[at] = level;
    bytes[at + 1] = meta.writtenLevel;
    view.setUint32(at + 4, meta.footerCrc, true);
    writeUint64(view, at + 8, meta.number);
    writeUint64(view, at + 16, meta.sizeBytes);
    writeUint64(view, at + 24, meta.entryCount);
    writeUint64(view, at + 32, meta.lastSequence);
    at += 40;
    for (const key of [meta.minKey, meta.maxKey]) {
      view.setUint32(at, key.length, true);
      bytes.set(key, at + 4);
      at += 4 + key.length;
    }
  }
  view.setUint32(4, crc32Of(bytes, 8, sizeBytes, seedAt(seed, position)), true);
  return bytes;
}

/** The edit that begins at `at`, which is its position in the file, and where it ends, or what is wrong. */
export function decodeManifestEdit(
  bytes: Uint8Array,
  seed: number,
  at: number,
): { readonly edit: ManifestEdit; readonly end: number } | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const leftBytes = bytes.length - at - EDIT_HEADER_BYTES;
  if (leftBytes < EDIT_FIXED_BYTES) return "an edit is cut off";
  if (view.getUint32(at, true) !== MARKER) return "there is no edit";
  const editBytes = view.getUint32(at + 8, true);
  if (editBytes > leftBytes || editBytes < EDIT_FIXED_BYTES) {
    return `an edit says ${editBytes} bytes; ${leftBytes} are left`;
  }
  const end = at + EDIT_HEADER_BYTES + editBytes;
  if (view.getUint32(at + 4, true) !== crc32Of(bytes, at + 8, end, seedAt(seed, at))) {
    return "an edit's checksum is wrong";
  }
  const from = at + EDIT_HEADER_BYTES;
  const removedCount = view.getUint32(from + 32, true);
  const addedCount = view.getUint32(from + 36, true);
  let next = from + EDIT_FIXED_BYTES + 8 * removedCount;
  if (next + ROW_FIXED_BYTES * addedCount > end) return "an edit's rows do not fit into it";
  const removed = Array.from({ length: removedCount }, (_, row) => readUint64(view, from + EDIT_FIXED_BYTES + 8 * row));
  const added: PlacedTable[] = [];
  for (let row = 0; row < addedCount; row++) {
    const decoded = decodeRow(bytes, view, next, end);
    if (typeof decoded === "string") return decoded;
    added.push(decoded.table);
    next = decoded.end;
  }
  if (next !== end) return "an edit has bytes that are no row";
  const [flushedSequence, lastSequence, logNumber, nextFileNumber] = [0, 8, 16, 24].map((offset) =>
    readUint64(view, from + offset)
  ) as [number, number, number, number];
  return { edit: { flushedSequence, lastSequence, logNumber, nextFileNumber, removed, added }, end };
}

function decodeRow(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): { readonly table: PlacedTable; readonly end: number } | string {
  if (end - at < ROW_FIXED_BYTES) return "a table's row is cut off";
  const level = bytes[at]!;
  const writtenLevel = bytes[at + 1]!;
  if (level >= LEVELS_MAX || writtenLevel >= LEVELS_MAX) return `a table is on level ${level}`;
  const minKeyBytes = view.getUint32(at + 40, true);
  if (minKeyBytes > LIMITS.storeKeyBytesMax || minKeyBytes > end - at - ROW_FIXED_BYTES) {
    return "a table's key is cut off";
  }
  const maxKeyBytes = view.getUint32(at + 44 + minKeyBytes, true);
  const rowEnd = at + ROW_FIXED_BYTES + minKeyBytes + maxKeyBytes;
  if (maxKeyBytes > LIMITS.storeKeyBytesMax || rowEnd > end) return "a table's key is cut off";
  const meta: TableMeta = {
    number: readUint64(view, at + 8),
    writtenLevel,
    sizeBytes: readUint64(view, at + 16),
    entryCount: readUint64(view, at + 24),
    lastSequence: readUint64(view, at + 32),
    footerCrc: view.getUint32(at + 4, true),
    minKey: bytes.slice(at + 44, at + 44 + minKeyBytes),
    maxKey: bytes.slice(at + 48 + minKeyBytes, rowEnd),
  };
  return { table: { level, meta }, end: rowEnd };
}

/** Whether a whole edit begins anywhere behind `from`: what is wrong before it is then no torn end. */
export function hasEditBehind(bytes: Uint8Array, seed: number, from: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from + 1; at + EDIT_HEADER_BYTES <= bytes.length; at++) {
    if (view.getUint32(at, true) === MARKER && typeof decodeManifestEdit(bytes, seed, at) !== "string") return true;
  }
  return false;
}
