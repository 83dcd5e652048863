/** `log-append-fsync`: one append after the other, each durable before the next one, at several sizes. */
import { rm } from "node:fs/promises";
import { makeBatchOfSize } from "../payloads.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { compareInRounds } from "../rounds.ts";
import { makeLog } from "../bench_log.ts";
import type { Figure } from "../figure.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

/** Sizes with how many appends make a round: about the same time each. */
const SIZES: readonly { readonly name: string; readonly batchBytes: number; readonly count: number }[] = [
  { name: "4kb", batchBytes: 4_000, count: 300 },
  { name: "64kb", batchBytes: 64_000, count: 200 },
  { name: "1mb", batchBytes: 1_000_000, count: 60 },
];
/** More than the tail cache holds of the largest size. */
const BUFFERS = 8;

export const logAppendFsync: Workload = {
  name: "log-append-fsync",
  summary: "append and flush, one after the other, at 4 kB, 64 kB and 1 MB; beside write and fdatasync",
  async run(context) {
    const figures: Figure[] = [];
    for (const { name, batchBytes, count } of SIZES) {
      const flushes = context.isSmoke ? 3 : count;
      const template = makeBatchOfSize(batchBytes);
      const buffers = Array.from({ length: BUFFERS }, () => template.bytes.slice());
      const comparison = await compareInRounds(
        context.isSmoke ? 1 : 7,
        () => syncFile(context, buffers, flushes),
        () => flushLog(context, buffers, flushes),
      );
      const named = { workload: "log-append-fsync", figure: `flushes_${name}_per_s`, unit: "1/s" };
      const beside = "write and fdatasync";
      figures.push(besideFigure({ ...named, beside, target: { of: "ratio", atLeast: 0.8 } }, comparison));
    }
    return figures;
  },
};

async function syncFile(
  { platform, directory }: BenchContext,
  buffers: Uint8Array[],
  flushes: number,
): Promise<number> {
  const path = `${directory}/plain`;
  const file = await platform.disk.open(path, "create");
  let position = 0;
  const startMs = platform.clock.monotonicMs();
  for (let index = 0; index < flushes; index++) {
    const bytes = buffers[index % BUFFERS]!;
    await file.writeAt(position, [bytes]);
    await file.sync();
    position += bytes.length;
  }
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  await file.close();
  await platform.disk.remove(path);
  return flushes / elapsedMs * 1_000;
}

async function flushLog(
  { platform, directory }: BenchContext,
  buffers: Uint8Array[],
  flushes: number,
): Promise<number> {
  const path = `${directory}/log`;
  const log = await makeLog(platform, path);
  // The first append of a log takes back its clean mark and notes its epoch, once.
  log.appendAsLeader(new RecordBatch(buffers[0]!.slice()), 0);
  await log.flush();
  const startMs = platform.clock.monotonicMs();
  for (let index = 0; index < flushes; index++) {
    log.appendAsLeader(new RecordBatch(buffers[index % BUFFERS]!), 0);
    await log.flush();
  }
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  await log.close();
  await rm(path, { recursive: true });
  return flushes / elapsedMs * 1_000;
}
