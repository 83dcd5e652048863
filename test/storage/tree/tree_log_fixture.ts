/** Logs in a store. */
import type { Clock } from "../../../src/platform/clock.ts";
import type { KeyValueStore } from "../../../src/storage/key_value_store.ts";
import { TailCacheBudget } from "../../../src/storage/log/tail_cache.ts";
import type { LogSettings } from "../../../src/storage/partition_log.ts";
import { ProducerBudget } from "../../../src/storage/producer_budget.ts";
import { TreeLog } from "../../../src/storage/tree/tree_log.ts";
import type { TreeLogPlace } from "../../../src/storage/tree/tree_log_state.ts";
import { ManualClock } from "../../manual_clock.ts";
import { SETTINGS } from "../log_fixture.ts";

export const SMALL_SEGMENTS: LogSettings = { ...SETTINGS, segmentBytes: 1_000 };

export interface TreeLogOptions {
  readonly partition?: number;
  readonly cacheBytes?: number;
  readonly clock?: Clock;
}

export function placeOf(
  store: KeyValueStore,
  { partition = 0, clock = new ManualClock() }: TreeLogOptions = {},
): TreeLogPlace {
  const topicId = Uint8Array.from({ length: 16 }, (_, index) => index);
  return { store, clock, name: `orders-${partition}`, topicId, partition };
}

export function openTreeLog(
  store: KeyValueStore,
  settings: LogSettings = SMALL_SEGMENTS,
  options: TreeLogOptions = {},
): Promise<TreeLog> {
  const budgets = { tail: new TailCacheBudget(options.cacheBytes ?? 0), producers: new ProducerBudget() };
  return TreeLog.open(placeOf(store, options), settings, budgets);
}
