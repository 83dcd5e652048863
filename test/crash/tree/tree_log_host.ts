/** A log in an LSM tree as the thing that is crashed. */
import type { Platform } from "../../../src/platform/platform.ts";
import { TailCacheBudget } from "../../../src/storage/log/tail_cache.ts";
import type { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import type { TreeSettings } from "../../../src/storage/lsm/tree_settings.ts";
import type { PartitionLog } from "../../../src/storage/partition_log.ts";
import { ProducerBudget } from "../../../src/storage/producer_budget.ts";
import { TreeLog } from "../../../src/storage/tree/tree_log.ts";
import type { LogHost } from "../log_subject.ts";
import { openTree } from "./tree_script.ts";

const KIND_AT = 20;
const TOPIC_ID = Uint8Array.from({ length: 16 }, (_, index) => 7 * index);

export function treeLogHost(settings: Partial<TreeSettings>): LogHost {
  return {
    make: async (platform) => {
      await (await openTree(platform, settings)).close();
    },
    open: async (platform: Platform, logSettings) => {
      const store = await openTree(platform, settings);
      const place = { store, clock: platform.clock, name: "log-0", topicId: TOPIC_ID, partition: 0 };
      const budgets = { tail: new TailCacheBudget(0), producers: new ProducerBudget() };
      const log = await TreeLog.open(place, logSettings, budgets);
      return {
        log,
        inspect: () => leftovers(store, log),
        close: async () => {
          await log.close();
          await store.close();
        },
      };
    },
  };
}

/** Nothing of what lies beside the batches speaks of what is not there, and nothing lies outside the log's bounds. */
async function leftovers(store: LsmStore, { startOffset, endOffset, sizeBytes }: PartitionLog): Promise<string[]> {
  const faults: string[] = [];
  let batchBytes = 0;
  const scan = store.scan();
  for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
    const numbers = numbersIn(pair.key.subarray(KIND_AT + 1));
    const values = numbersIn(pair.value.subarray(0, pair.value.length & ~7));
    const told = (what: string): void => void faults.push(`${what} in a log from ${startOffset} to ${endOffset}`);
    switch (pair.key[KIND_AT]) {
      case 2:
        if (numbers[0]! > endOffset) told(`a snapshot of producers at ${numbers[0]}`);
        break;
      case 3:
        batchBytes += pair.value.length;
        if (numbers[0]! < startOffset || numbers[0]! >= endOffset) told(`a batch that ends at ${numbers[0]}`);
        break;
      case 4:
        if (values[0]! <= startOffset || values[0]! > endOffset) told(`a segment from ${numbers[0]} to ${values[0]}`);
        break;
      case 5:
        if (values[0]! >= endOffset) told(`a time of offset ${values[0]} in segment ${numbers[0]}`);
    }
  }
  scan.close();
  if (batchBytes !== sizeBytes) faults.push(`${batchBytes} bytes of batches in a log that says ${sizeBytes}`);
  return faults;
}

function numbersIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, at) => Number(view.getBigInt64(8 * at)));
}
