/**
 * Format version 0: the seed's own write-ahead log and tables (facts 1.1a, 1.1b), read to be imported, never written.
 *
 * Layout (little-endian; a valueBytes of −1 deletes; timestamps in nanoseconds since 1970):
 *
 *   log record   CRC-32 u32 (of the payload), payloadBytes u32, timestamp u64, keyBytes u32, valueBytes i32, key, value
 *   table        blocks: CRC-32 u32 (of the data), dataBytes u32, entries: keyBytes u32, valueBytes i32, timestamp u64,
 *                key, value; index, a row for each block: keyBytes u32, first key, position i64, bytes i64;
 *                footer: indexPosition i64, indexBytes i64, entryCount u64, minKeyBytes u32, minKey, maxKeyBytes u32,
 *                maxKey, CRC-32 u32 (of the footer before it), magic u32 0x53535442
 *
 * The footer has no length: it begins where what stands there says that the index ends, and its checksum agrees.
 */
import { corruption } from "../log/corruption.ts";
import { crc32Of } from "../../bytes/crc32.ts";
import type { Disk } from "../../platform/disk.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import { readSmallFile } from "../small_file.ts";
import { readUint64 } from "./int64_le.ts";
import { TABLE_MAGIC } from "./table_footer.ts";

export interface VersionZeroEntry {
  readonly key: Uint8Array;
  /** Null: deleted. */
  readonly value: Uint8Array | null;
  readonly timestampNs: bigint;
}

const RECORD_HEADER_BYTES = 8;
const PAYLOAD_HEADER_BYTES = 16;
const FOOTER_FIXED_BYTES = 40;
/** The seed's memtables had 64 MiB; its logs were never cut. A file beyond this is not read into memory. */
const FILE_BYTES_MAX = 1_024 * 1_024 * 1_024;
const TABLE_REGEXP = /^L0_(\d{1,9})\.sst$/;

/** The good records from the beginning, and what is wrong where they end; null: nothing. */
export function decodeVersionZeroLog(
  bytes: Uint8Array,
): { readonly entries: VersionZeroEntry[]; readonly endPosition: number; readonly fault: string | null } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: VersionZeroEntry[] = [];
  let at = 0;
  let fault: string | null = null;
  while (at < bytes.length && fault === null) {
    const leftBytes = bytes.length - at - RECORD_HEADER_BYTES;
    const payloadBytes = leftBytes < 0 ? 0 : view.getUint32(at + 4, true);
    const from = at + RECORD_HEADER_BYTES;
    const end = from + payloadBytes;
    if (payloadBytes < PAYLOAD_HEADER_BYTES || payloadBytes > leftBytes) fault = "a record is cut off";
    else if (view.getUint32(at, true) !== crc32Of(bytes, from, end)) fault = "a record's checksum is wrong";
    else {
      const entry = readEntry(bytes, view, { headAt: from + 8, timestampAt: from, bodyAt: from + 16, end });
      if (entry === null || entry.end !== end) fault = "a record's key and value do not end with it";
      else {
        entries.push(entry.entry);
        at = end;
      }
    }
  }
  return { entries, endPosition: at, fault };
}

/** All entries of a table, or what is wrong with it. */
export function decodeVersionZeroTable(bytes: Uint8Array): VersionZeroEntry[] | string {
  const footer = findFooter(bytes);
  if (footer === null) return "the table has no footer that is whole";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: VersionZeroEntry[] = [];
  let at = 0;
  while (at < footer.indexPosition) {
    if (footer.indexPosition - at < RECORD_HEADER_BYTES) return "a block's header is cut off";
    const from = at + RECORD_HEADER_BYTES;
    const end = from + view.getUint32(at + 4, true);
    if (end > footer.indexPosition) return "a block reaches past the index";
    if (view.getUint32(at, true) !== crc32Of(bytes, from, end)) return `the checksum of the block at ${at} is wrong`;
    for (let place = from; place < end;) {
      const entry = readEntry(bytes, view, { headAt: place, timestampAt: place + 8, bodyAt: place + 16, end });
      if (entry === null) return `an entry of the block at ${at} is cut off`;
      entries.push(entry.entry);
      place = entry.end;
    }
    at = end;
  }
  return entries.length === footer.entryCount
    ? entries
    : `the table has ${entries.length} entries of ${footer.entryCount}`;
}

function findFooter(bytes: Uint8Array): { readonly indexPosition: number; readonly entryCount: number } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  if (end < FOOTER_FIXED_BYTES || view.getUint32(end - 4, true) !== TABLE_MAGIC) return null;
  const crc = view.getUint32(end - 8, true);
  for (let at = end - FOOTER_FIXED_BYTES; at >= 0; at--) {
    const indexPosition = readUint64(view, at);
    if (indexPosition + readUint64(view, at + 8) !== at || crc !== crc32Of(bytes, at, end - 8)) continue;
    return { indexPosition, entryCount: readUint64(view, at + 16) };
  }
  return null;
}

function readEntry(
  bytes: Uint8Array,
  view: DataView,
  place: { readonly headAt: number; readonly timestampAt: number; readonly bodyAt: number; readonly end: number },
): { readonly entry: VersionZeroEntry; readonly end: number } | null {
  if (place.bodyAt > place.end) return null;
  const keyBytes = view.getUint32(place.headAt, true);
  const valueBytes = view.getInt32(place.headAt + 4, true);
  const valueAt = place.bodyAt + keyBytes;
  const end = valueAt + Math.max(0, valueBytes);
  if (valueBytes < -1 || end > place.end) return null;
  const key = bytes.slice(place.bodyAt, valueAt);
  const value = valueBytes < 0 ? null : bytes.slice(valueAt, end);
  return { entry: { key, value, timestampNs: view.getBigUint64(place.timestampAt, true) }, end };
}

/**
 * Puts everything that a directory of the seed holds into a store, oldest first: tables by number, then the log up to its
 * torn end. Returns how many entries there were. Fails with `storage_error` when a table is damaged.
 */
export async function importVersionZero(disk: Disk, directory: string, store: KeyValueStore): Promise<number> {
  const names = await disk.list(directory);
  const tables = names.flatMap((name) => {
    const match = TABLE_REGEXP.exec(name);
    return match === null ? [] : [{ name, number: Number(match[1]) }];
  }).sort((left, right) => left.number - right.number);
  let count = 0;
  for (const { name } of tables) {
    const path = `${directory}/${name}`;
    const entries = decodeVersionZeroTable(await readWhole(disk, path));
    if (typeof entries === "string") throw corruption(path, 0, entries);
    count += await putAll(store, entries);
  }
  if (names.includes("wal.log")) {
    count += await putAll(store, decodeVersionZeroLog(await readWhole(disk, `${directory}/wal.log`)).entries);
  }
  await store.sync();
  return count;
}

async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  const bytes = await readSmallFile(disk, path, FILE_BYTES_MAX);
  if (bytes === null) throw corruption(path, 0, `the file is missing, or larger than ${FILE_BYTES_MAX} bytes`);
  return bytes;
}

async function putAll(store: KeyValueStore, entries: readonly VersionZeroEntry[]): Promise<number> {
  for (const { key, value } of entries) await (value === null ? store.delete(key) : store.put(key, value));
  return entries.length;
}
