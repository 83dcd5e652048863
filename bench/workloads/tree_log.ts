/**
 * `tree-log`: a partition's log in the node's tree beside one in segments: appends and reads of one partition, which the
 * tree pays for by writing everything again when it merges, and a synced batch to each of many, which share its one sync.
 */
import { rm } from "node:fs/promises";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { TailCacheBudget } from "../../src/storage/log/tail_cache.ts";
import type { LsmStore } from "../../src/storage/lsm/lsm_store.ts";
import type { PartitionLog } from "../../src/storage/partition_log.ts";
import { ProducerBudget } from "../../src/storage/producer_budget.ts";
import { TreeLog } from "../../src/storage/tree/tree_log.ts";
import { LOG_SETTINGS, makeLog, openLog } from "../bench_log.ts";
import { openTree } from "../bench_tree.ts";
import type { Figure } from "../figure.ts";
import { makeBatch } from "../payloads.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

const GROUP_BATCHES = 16;
const PARTITIONS = 100;
const WORKLOAD = "tree-log";

/** Logs of one engine, and how they are closed for good. */
interface Logs {
  readonly logs: readonly PartitionLog[];
  close(): Promise<void>;
}

type OpenLogs = (context: BenchContext, path: string, count: number) => Promise<Logs>;

export const treeLog: Workload = {
  name: WORKLOAD,
  summary: "a partition's log in the tree: appends, reads, a synced batch to each of 100; beside segments",
  async run(context) {
    return [await appends(context), await reads(context), await syncedBatches(context)];
  },
};

async function appends(context: BenchContext): Promise<Figure> {
  const bytes = context.isSmoke ? 2_000_000 : 256_000_000;
  const measure = (open: OpenLogs) => async (): Promise<number> => {
    const path = `${context.directory}/appends`;
    const { logs, close } = await open(context, path, 1);
    const startMs = context.platform.clock.monotonicMs();
    await fill(logs[0]!, bytes);
    const elapsedMs = context.platform.clock.monotonicMs() - startMs;
    await close();
    await rm(path, { recursive: true });
    return bytes / elapsedMs / 1_000;
  };
  const comparison = await compareInRounds(context.isSmoke ? 1 : 5, measure(segments), measure(tree));
  return besideFigure(
    { workload: WORKLOAD, figure: "appended_mb_per_s", unit: "MB/s", beside: "segments" },
    comparison,
  );
}

/** From the files: each round opens anew. */
async function reads(context: BenchContext): Promise<Figure> {
  const bytes = context.isSmoke ? 2_000_000 : 128_000_000;
  for (const [name, open] of [["segments", segments], ["tree", tree]] as const) {
    const { logs, close } = await open(context, `${context.directory}/${name}`, 1);
    await fill(logs[0]!, bytes);
    await close();
  }
  const measure = (name: string, open: OpenLogs) => async (): Promise<number> => {
    const { logs, close } = await open(context, `${context.directory}/${name}`, 1);
    const startMs = context.platform.clock.monotonicMs();
    const found = await readWhole(logs[0]!);
    const elapsedMs = context.platform.clock.monotonicMs() - startMs;
    await close();
    return found / elapsedMs / 1_000;
  };
  const comparison = await compareInRounds(
    context.isSmoke ? 1 : 5,
    measure("segments", segments),
    measure("tree", tree),
  );
  return besideFigure(
    { workload: WORKLOAD, figure: "read_mb_per_s", unit: "MB/s", beside: "segments" },
    comparison,
  );
}

async function syncedBatches(context: BenchContext): Promise<Figure> {
  const times = context.isSmoke ? 2 : 30;
  const template = makeBatch(1, 1_000);
  const measure = (open: OpenLogs) => async (): Promise<number> => {
    const path = `${context.directory}/synced`;
    const { logs, close } = await open(context, path, context.isSmoke ? 5 : PARTITIONS);
    const startMs = context.platform.clock.monotonicMs();
    for (let time = 0; time < times; time++) {
      for (const log of logs) log.appendAsLeader(new RecordBatch(template.bytes.slice()), 0);
      await Promise.all(logs.map((log) => log.flush()));
    }
    const elapsedMs = context.platform.clock.monotonicMs() - startMs;
    await close();
    await rm(path, { recursive: true });
    return logs.length * times / elapsedMs * 1_000;
  };
  const comparison = await compareInRounds(context.isSmoke ? 1 : 5, measure(segments), measure(tree));
  const named = { workload: WORKLOAD, figure: "synced_batches_per_s", unit: "1/s", beside: "segments" };
  return besideFigure({ ...named, target: { of: "ratio", atLeast: 1 } }, comparison);
}

// -- Both engines -----------------------------------------------------------------------------------------------------

async function segments({ platform }: BenchContext, path: string, count: number): Promise<Logs> {
  const logs: PartitionLog[] = [];
  for (let partition = 0; partition < count; partition++) {
    const directory = `${path}/log-${partition}`;
    const isThere = await platform.disk.status(directory) !== null;
    logs.push(isThere ? (await openLog(platform, directory)).log : await makeLog(platform, directory));
  }
  return { logs, close: () => closeAll(logs) };
}

/** As a node has it: mode `written`, one tree for all. */
async function tree(context: BenchContext, path: string, count: number): Promise<Logs> {
  await context.platform.disk.makeDirectory(path);
  const store: LsmStore = await openTree(context, `${path}/tree`, { syncMode: "written" });
  const budgets = { tail: new TailCacheBudget(), producers: new ProducerBudget() };
  const logs: PartitionLog[] = [];
  for (let partition = 0; partition < count; partition++) {
    const { clock } = context.platform;
    const place = { store, clock, name: `log-${partition}`, topicId: new Uint8Array(16), partition };
    logs.push(await TreeLog.open(place, LOG_SETTINGS, budgets));
  }
  const close = async (): Promise<void> => {
    await closeAll(logs);
    await store.close();
  };
  return { logs, close };
}

async function closeAll(logs: readonly PartitionLog[]): Promise<void> {
  for (const log of logs) await log.close();
}

async function fill(log: PartitionLog, bytes: number): Promise<void> {
  const template = makeBatch(640, 100);
  while (log.sizeBytes < bytes) {
    for (let at = 0; at < GROUP_BATCHES; at++) log.appendAsLeader(new RecordBatch(template.bytes.slice()), 0);
    await log.flushToSystem();
  }
}

async function readWhole(log: PartitionLog): Promise<number> {
  let bytes = 0;
  for (let offset = log.startOffset; offset < log.endOffset;) {
    const batches = await log.read(offset, { maxBytes: LIMITS.fetchBytesDefault, upTo: log.endOffset });
    for (const batch of batches) bytes += batch.sizeBytes;
    offset = batches.at(-1)!.endOffset;
  }
  return bytes;
}
