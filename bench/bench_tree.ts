/** LSM trees for the workloads. */
import { rm } from "node:fs/promises";
import { LsmStore } from "../src/storage/lsm/lsm_store.ts";
import type { TreeSettings } from "../src/storage/lsm/tree_settings.ts";
import { PairFormat } from "./pairs.ts";
import type { BenchContext } from "./workload.ts";

export function openTree(
  { platform }: BenchContext,
  path: string,
  settings: Partial<TreeSettings> = {},
): Promise<LsmStore> {
  const { disk, clock } = platform;
  return LsmStore.open({ disk, clock, directory: path, identity: new Uint8Array(16) }, settings);
}

export async function removeTree(tree: LsmStore, path: string): Promise<void> {
  await tree.close();
  await rm(path, { recursive: true });
}

/** Puts the seed's pairs of these numbers; waits where the tree says so. */
export async function fillTree(tree: LsmStore, count: number, numberAt: (at: number) => number): Promise<void> {
  const pairs = new PairFormat();
  for (let at = 0; at < count; at++) {
    const number = numberAt(at);
    const waited = tree.put(pairs.formatKey(number), pairs.formatValue(number));
    if (waited !== undefined) await waited;
  }
}
