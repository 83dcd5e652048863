/** An index over a partition in memory and a store in memory. */
import { nodeCompression } from "../../../adapters/node/compression.ts";
import type { SentinelError } from "../../../src/base/errors.ts";
import { noCounts } from "../../../src/broker/broker_counters.ts";
import { KeyIndexStore } from "../../../src/broker/key_index/key_index_store.ts";
import { type FoundRecord, KeyLookupRun } from "../../../src/broker/key_index/key_lookup.ts";
import { PartitionIndex } from "../../../src/broker/key_index/partition_index.ts";
import { Turns } from "../../../src/broker/turns.ts";
import type { Clock } from "../../../src/platform/clock.ts";
import type { KeyValueStore } from "../../../src/storage/key_value_store.ts";
import { MemoryStore } from "../../../src/storage/lsm/memory_store.ts";
import { PartitionKeys } from "../../../src/storage/tree/partition_keys.ts";
import { bytes, type TableReplica } from "./table_replica.ts";

export const KEYS = new PartitionKeys(Uint8Array.from({ length: 16 }, (_, at) => at), 0);

export const memoryStore = (): MemoryStore => new MemoryStore(() => 0);

export interface IndexUnderTest {
  readonly index: PartitionIndex;
  readonly counters: ReturnType<typeof noCounts>;
  readonly failures: SentinelError[];
  readonly clock: Clock;
  find(key: string | Uint8Array, waitMs?: number): Promise<FoundRecord>;
  /** The offset of a key's newest record, or null. */
  offsetOf(key: string): Promise<number | null>;
}

export function indexOver(replica: TableReplica, store: KeyValueStore, clock: Clock): IndexUnderTest {
  const counters = noCounts();
  const failures: SentinelError[] = [];
  const index = new PartitionIndex({
    replica,
    openStore: () => Promise.resolve(new KeyIndexStore(store, KEYS)),
    clock,
    compression: nodeCompression,
    turns: new Turns(4),
    counters,
    onFailure: (error) => failures.push(error),
  });
  const reads = new Turns(8);
  const find = (key: string | Uint8Array, waitMs = 10_000) => {
    const wanted = typeof key === "string" ? bytes(key) : key;
    return new KeyLookupRun({ index, key: wanted, waitMs, clock, compression: nodeCompression, reads }).run();
  };
  return {
    index,
    counters,
    failures,
    clock,
    find,
    offsetOf: async (key) => (await find(key)).record?.offset ?? null,
  };
}
