/** A broker over a faulty disk and a clock that stands still. */
import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/broker_options.ts";
import type { OpenReport } from "../../src/broker/topics.ts";
import type { FetchedPartition, FetchPartition } from "../../src/broker/types.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { readRecords } from "../../src/records/read_records.ts";
import { currentPlatform } from "../adapters/current.ts";
import { ManualClock } from "../manual_clock.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";

/** What topics of the tests are stored with: `npm test` runs some suites over either engine. */
export const TEST_ENGINE: StorageEngine = process.env["SENTINEL_TEST_ENGINE"] === "lsm" ? "lsm" : "log";

export const BROKER_OPTIONS: BrokerOptions = {
  dataPath: "/data",
  nodeId: 1,
  durability: "fsync",
  flushIntervalMs: 100,
  autoCreate: true,
  partitionsDefault: 1,
  segmentBytesMin: 100,
  storageEngine: TEST_ENGINE,
};

/** Tests of what lies in a partition's own directory. */
export const IN_DIRECTORIES = { storageEngine: "log" } as const;

/** Whether appends to a partition go to this file: its segment, or the log of the tree that all partitions share. */
export function isLogOf(path: string, partition: string): boolean {
  return path.endsWith(".log") && path.includes(TEST_ENGINE === "log" ? `/${partition}/` : "/tree/");
}

export interface OpenedBroker extends AsyncDisposable {
  readonly broker: Broker;
  readonly report: OpenReport;
  readonly disk: FaultyDisk;
  readonly clock: ManualClock;
}

export async function openBroker(
  options: Partial<BrokerOptions> = {},
  disk: FaultyDisk = new FaultyDisk(),
  clock: ManualClock = new ManualClock(),
): Promise<OpenedBroker> {
  const platform: Platform = { ...currentPlatform({ memory: true }), disk, clock };
  const { broker, report } = await Broker.open(platform, { ...BROKER_OPTIONS, ...options });
  return { broker, report, disk, clock, [Symbol.asyncDispose]: () => broker.close() };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Produces one record; the offset that it got. */
export async function produce(
  broker: Broker,
  topic: string,
  value: string,
  partition?: number,
  timestamp?: number,
): Promise<number> {
  const record = {
    key: null,
    value: encoder.encode(value),
    headers: [],
    ...(timestamp === undefined ? {} : { timestamp }),
  };
  const [outcome] = await broker.produceRecords(
    topic,
    [{ record, ...(partition === undefined ? {} : { partition }) }],
    { acks: "leader" },
  );
  if (!outcome!.ok) throw outcome!.error;
  return outcome!.ack.first;
}

/** One fetch of one partition from `offset`, without waiting. */
export async function fetchOne(
  broker: Broker,
  topic: string,
  partition = 0,
  offset: FetchPartition["offset"] = "earliest",
): Promise<FetchedPartition> {
  const partitions = [{ topic, partition, offset, maxBytes: 1_000_000 }];
  return (await broker.fetch({ partitions, minBytes: 0, waitMs: 0, maxBytes: 1_000_000 }).result)[0]!;
}

/** The values of a fetched partition, from the offset asked for. */
export function valuesOf(fetched: FetchedPartition): string[] {
  if (fetched.error !== undefined) throw fetched.error;
  return fetched.batches.flatMap((batch) => {
    const records = readRecords(batch, { from: fetched.offset });
    if (!Array.isArray(records)) throw new Error(records.fault);
    return records.map((record) => (record.value === null ? "null" : decoder.decode(record.value)));
  });
}

/** All values of a partition. */
export async function values(broker: Broker, topic: string, partition = 0): Promise<string[]> {
  return valuesOf(await fetchOne(broker, topic, partition));
}
