/** `log-append`: how much of the file system's own speed is left when a log appends, without any sync. */
import { rm } from "node:fs/promises";
import { makeBatchOfSize } from "../payloads.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { compareInRounds } from "../rounds.ts";
import { makeLog } from "../bench_log.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

const BATCH_BYTES = 1_000_000;
/** More buffers than the queue and the tail cache hold together: a log owns the bytes that it was given. */
const BUFFERS = 32;
/** Batches that are appended before the ones before them are written. */
const GROUP_BATCHES = 4;

export const logAppend: Workload = {
  name: "log-append",
  summary: "batches of 1 MB into a segment log, no sync; beside plain appends to a file",
  async run(context) {
    const batchCount = context.isSmoke ? 8 : 256;
    const template = makeBatchOfSize(BATCH_BYTES);
    const buffers = Array.from({ length: BUFFERS }, () => template.bytes.slice());
    const comparison = await compareInRounds(
      context.isSmoke ? 1 : 7,
      () => appendToFile(context, buffers, batchCount),
      () => appendToLog(context, buffers, batchCount),
    );
    const named = { workload: "log-append", figure: "appended_mb_per_s", unit: "MB/s", beside: "plain file appends" };
    return [besideFigure({ ...named, target: { of: "ratio", atLeast: 0.7 } }, comparison)];
  },
};

async function appendToFile(
  { platform, directory }: BenchContext,
  buffers: Uint8Array[],
  batchCount: number,
): Promise<number> {
  const path = `${directory}/plain`;
  const file = await platform.disk.open(path, "create");
  const startMs = platform.clock.monotonicMs();
  for (let index = 0; index < batchCount; index++) {
    await file.writeAt(index * BATCH_BYTES, [buffers[index % BUFFERS]!]);
  }
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  await file.close();
  await platform.disk.remove(path);
  return (batchCount * BATCH_BYTES) / elapsedMs / 1_000;
}

async function appendToLog(
  { platform, directory }: BenchContext,
  buffers: Uint8Array[],
  batchCount: number,
): Promise<number> {
  const path = `${directory}/log`;
  const log = await makeLog(platform, path);
  // The first append of a log takes back its clean mark and notes its epoch, once.
  log.appendAsLeader(new RecordBatch(buffers[BUFFERS - 1]!), 0);
  await log.flushToSystem();
  const startMs = platform.clock.monotonicMs();
  let before: Promise<void> = Promise.resolve();
  for (let index = 0; index < batchCount; index++) {
    log.appendAsLeader(new RecordBatch(buffers[index % BUFFERS]!), 0);
    if (index % GROUP_BATCHES !== GROUP_BATCHES - 1) continue;
    await before;
    before = log.flushToSystem();
  }
  await before;
  await log.flushToSystem();
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  await log.close();
  await rm(path, { recursive: true });
  return (batchCount * BATCH_BYTES) / elapsedMs / 1_000;
}
