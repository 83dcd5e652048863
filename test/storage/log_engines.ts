/** Both storage engines over one disk, so that a test can run on each, or hold one against the other. */
import type { Clock } from "../../src/platform/clock.ts";
import type { Disk } from "../../src/platform/disk.ts";
import type { LogSettings, PartitionLog } from "../../src/storage/partition_log.ts";
import type { SyncMode } from "../../src/storage/lsm/tree_settings.ts";
import { newLog, openLog, SETTINGS } from "./log_fixture.ts";
import { openTreeLog } from "./tree/tree_log_fixture.ts";
import { openTree } from "./tree_fixture.ts";

export interface OpenEngine {
  readonly log: PartitionLog;
  /** The log, and what it lies in. */
  close(): Promise<void>;
}

export interface LogEngine {
  readonly name: string;
  /** Opens a new log, or what the disk has; `isNew`: it has nothing. */
  open(disk: Disk, settings: Partial<LogSettings>, options: EngineOptions): Promise<OpenEngine>;
}

export interface EngineOptions {
  readonly clock: Clock;
  readonly isNew?: boolean;
  readonly cacheBytes?: number;
}

export const SEGMENTS: LogEngine = {
  name: "segments",
  open: async (disk, settings, { clock, isNew = false, cacheBytes = 0 }) => {
    const log = isNew ? await newLog(disk, settings, clock) : (await openLog(disk, settings, clock, cacheBytes)).log;
    return { log, close: () => log.close() };
  },
};

export function treeEngine(syncMode: SyncMode): LogEngine {
  return {
    name: `a tree in mode ${syncMode}`,
    open: async (disk, settings, { clock, cacheBytes = 0 }) => {
      const store = await openTree(disk, { syncMode }, clock);
      const log = await openTreeLog(store, { ...SETTINGS, ...settings }, { clock, cacheBytes });
      return {
        log,
        close: async () => {
          await log.close();
          await store.close();
        },
      };
    },
  };
}
