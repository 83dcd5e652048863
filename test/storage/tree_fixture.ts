/** LSM trees on disks in memory, and texts for keys and values. */
import type { Clock } from "../../src/platform/clock.ts";
import type { Disk } from "../../src/platform/disk.ts";
import type { KeyValueStore, ScanOptions } from "../../src/storage/key_value_store.ts";
import { LsmStore } from "../../src/storage/lsm/lsm_store.ts";
import type { TreeLocation } from "../../src/storage/lsm/tree_state.ts";
import type { TreeSettings } from "../../src/storage/lsm/tree_settings.ts";
import { ManualClock } from "../manual_clock.ts";

export const TREE_DIRECTORY = "/data/tree";
export const TREE_IDENTITY = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
/** Few bytes in everything: memtables, tables and levels fill soon. */
export const SMALL_TREE: Partial<TreeSettings> = {
  memtableBytes: 4_096,
  tableBytes: 4_096,
  levelBytesBase: 8_192,
  levelMultiplier: 2,
  blockCacheBytes: 16_384,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
export const textOfBytes = (bytes: Uint8Array | null): string | null => bytes === null ? null : decoder.decode(bytes);

export function treeLocation(disk: Disk, clock: Clock = new ManualClock()): TreeLocation {
  return { disk, clock, directory: TREE_DIRECTORY, identity: TREE_IDENTITY };
}

export async function openTree(disk: Disk, settings: Partial<TreeSettings> = {}, clock?: Clock): Promise<LsmStore> {
  await disk.makeDirectory("/data");
  await disk.syncDirectory("/");
  return await LsmStore.open(treeLocation(disk, clock), { ...SMALL_TREE, ...settings });
}

/** All pairs of a range as `key=value`. */
export async function pairsOf(store: KeyValueStore, options: ScanOptions = {}): Promise<string[]> {
  const scan = store.scan(options);
  const pairs: string[] = [];
  try {
    for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
      pairs.push(`${decoder.decode(pair.key)}=${decoder.decode(pair.value)}`);
    }
  } finally {
    scan.close();
  }
  return pairs;
}

export async function valueOf(store: KeyValueStore, key: string): Promise<string | null> {
  return textOfBytes(await store.get(bytesOf(key)));
}

export async function putText(store: KeyValueStore, key: string, value: string): Promise<void> {
  await store.put(bytesOf(key), bytesOf(value));
}
