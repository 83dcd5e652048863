/** What a tree obeys. All of it may be changed while the tree is open. */
import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { LEVELS_MAX } from "./manifest_edit.ts";

/**
 * When a write is done (facts S7). `always`: when it is synced; one sync serves all who wait. `written`: when the operating
 * system has it, which a kill does not take; it is synced by `sync()`, when the log is full, or when the tree is closed:
 * for callers of whom some wait for a sync and some do not. `batch`: at once; it is synced within `syncIntervalMs` and a
 * sync's own time, and a power loss takes at most that, or 16 MiB. `none`: at once; it is written to the system within
 * `syncIntervalMs`, and synced when the log is full or the tree is closed.
 */
export type SyncMode = "none" | "batch" | "written" | "always";

export interface TreeSettings {
  readonly syncMode: SyncMode;
  readonly syncIntervalMs: number;
  /** A memtable that has so many bytes in memory becomes a table (facts S5, S13). */
  readonly memtableBytes: number;
  /** Facts S15: tables on level 0 that start a compaction, levels, and how much larger each is than the one before. */
  readonly level0Trigger: number;
  readonly levelsMax: number;
  readonly levelMultiplier: number;
  /** Size of level 1. */
  readonly levelBytesBase: number;
  /** A compaction's tables have about so many bytes. */
  readonly tableBytes: number;
  readonly blockCacheBytes: number;
}

export const DEFAULT_TREE_SETTINGS: TreeSettings = {
  syncMode: "batch",
  syncIntervalMs: 100,
  memtableBytes: 67_108_864,
  level0Trigger: 4,
  levelsMax: 7,
  levelMultiplier: 10,
  levelBytesBase: 4 * 67_108_864,
  tableBytes: LIMITS.lsmTableBytes,
  blockCacheBytes: 67_108_864,
};

/** Fails with `invalid_config` and names what may not be so. */
export function checkTreeSettings(settings: TreeSettings): void {
  const bounds: readonly (readonly [keyof TreeSettings, number, number])[] = [
    ["syncIntervalMs", 1, 60_000],
    ["memtableBytes", LIMITS.lsmMemtableBytesMin, LIMITS.lsmMemtableBytesMax],
    ["level0Trigger", 2, LIMITS.lsmLevel0TablesMax],
    ["levelsMax", 2, LEVELS_MAX],
    ["levelMultiplier", 2, 1_000],
    ["levelBytesBase", LIMITS.lsmMemtableBytesMin, 2 ** 50],
    ["tableBytes", LIMITS.lsmMemtableBytesMin, 2 ** 40],
    ["blockCacheBytes", 0, 2 ** 40],
  ];
  for (const [name, min, max] of bounds) {
    const value = settings[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) continue;
    throw new SentinelError("invalid_config", `${name} is ${value}; it must be an integer from ${min} to ${max}`);
  }
}
