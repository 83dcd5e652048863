/**
 * `many-partitions`: one record into each of 1,000 partitions at once, acknowledged by all replicas after fsync; a topic in
 * the node's tree beside one in segments. It is what the tree is for: one sync serves all partitions.
 */
import { rm } from "node:fs/promises";
import { Broker } from "../../src/broker/broker.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import type { Figure } from "../figure.ts";
import { makeBatchOfSize } from "../payloads.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { compareInRounds } from "../rounds.ts";
import { SyncCounter } from "../sync_counter.ts";
import { type BenchContext, besideFigure, loneFigure, type Workload } from "../workload.ts";

const NAME = "many-partitions";
const TOPIC = "devices";
const BATCH_BYTES = 200;

export const manyPartitions: Workload = {
  name: NAME,
  summary: "one record into each of 1,000 partitions, acks=all, fsync; storage.engine=lsm beside log",
  async run(context) {
    const partitions = context.isSmoke ? 20 : 1_000;
    const [log, lsm] = [await open(context, "log", partitions), await open(context, "lsm", partitions)];
    const rounds = context.isSmoke ? 1 : 7;
    const comparison = await compareInRounds(rounds, () => log.round(), () => lsm.round());
    const syncs = [lsm, log].map(({ engine, syncsPerRound }) => [engine, syncsPerRound()] as const);
    await log.close();
    await lsm.close();
    const named = { workload: NAME, figure: `records_into_${partitions}_partitions_per_s`, unit: "1/s" };
    const figures: Figure[] = [
      besideFigure({ ...named, beside: "engine log", target: { of: "ratio", atLeast: 2 } }, comparison),
    ];
    for (const [engine, count] of syncs) {
      figures.push(loneFigure({ workload: NAME, figure: `fsyncs_a_round_${engine}`, unit: "" }, count));
    }
    return figures;
  },
};

interface Contender {
  readonly engine: StorageEngine;
  /** Records a second. */
  round(): Promise<number>;
  syncsPerRound(): number;
  close(): Promise<void>;
}

async function open(context: BenchContext, engine: StorageEngine, partitions: number): Promise<Contender> {
  const { clock, disk } = context.platform;
  const syncs = new SyncCounter(disk);
  const dataPath = `${context.directory}/${engine}`;
  const { broker } = await Broker.open({ ...context.platform, disk: syncs.disk }, {
    dataPath,
    nodeId: 1,
    durability: "fsync",
    flushIntervalMs: 100,
    autoCreate: false,
    partitionsDefault: 1,
    storageEngine: engine,
  });
  await broker.createTopic(TOPIC, { partitions });
  const template = makeBatchOfSize(BATCH_BYTES);
  const produceAll = async (): Promise<void> => {
    await Promise.all(
      Array.from(
        { length: partitions },
        (_, partition) =>
          broker.produceBatch(TOPIC, partition, new RecordBatch(template.bytes.slice()), { acks: "all" }),
      ),
    );
  };
  // The first append of a log takes back its clean mark and notes its epoch, once.
  await produceAll();
  const before = syncs.count;
  let rounds = 0;
  return {
    engine,
    round: async () => {
      const startMs = clock.monotonicMs();
      await produceAll();
      rounds += 1;
      return partitions / (clock.monotonicMs() - startMs) * 1_000;
    },
    syncsPerRound: () => (syncs.count - before) / rounds,
    close: async () => {
      await broker.close();
      await rm(dataPath, { recursive: true });
    },
  };
}
