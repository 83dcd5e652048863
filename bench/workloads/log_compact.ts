/**
 * `log-compact`: one pass of the cleaner over a log of sealed segments, beside reading, checksumming and writing the same
 * bytes. With it, how long the longest slice held the event loop, and what an append had to wait meanwhile.
 */
import { crc32c } from "../../src/bytes/crc32c.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { createLog } from "../../src/storage/log/recover_log.ts";
import { SegmentLog } from "../../src/storage/log/segment_log.ts";
import { TailCacheBudget } from "../../src/storage/log/tail_cache.ts";
import { LOG_SETTINGS, logLocation } from "../bench_log.ts";
import type { Figure } from "../figure.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, loneFigure, type Workload } from "../workload.ts";

const BATCH_RECORDS = 100;
const VALUE_BYTES = 100;
/** Of the records of a round, so many have a key that no later one has. */
const KEPT_ONE_IN = 4;
const COMPACTION = { deleteRetentionMs: 86_400_000, dirtyRatioMin: 0.5, lagMsMin: 0, lagMsMax: Infinity };

export const logCompact: Workload = {
  name: "log-compact",
  summary: "one pass over dirty segments, a quarter of the records kept; beside reading and writing the same bytes",
  async run(context) {
    const sizeBytes = context.isSmoke ? 4_000_000 : 200_000_000;
    let round = 0;
    const pauses: number[] = [];
    const waits: number[] = [];
    const comparison = await compareInRounds(
      context.isSmoke ? 1 : 3,
      () => copyBytes(context, sizeBytes),
      () => compactOnce(context, `log-${++round}`, sizeBytes, pauses, waits),
    );
    const named = { workload: "log-compact", figure: "compacted_mb_per_s", unit: "MB/s" };
    const figures: Figure[] = [besideFigure({ ...named, beside: "read, crc32c and write a quarter" }, comparison)];
    const lone = (figure: string, value: number): Figure =>
      loneFigure({ workload: "log-compact", figure, unit: "ms" }, value);
    return [...figures, lone("longest_pause_ms", Math.max(...pauses)), lone("longest_append_ms", Math.max(...waits))];
  },
};

/** MB a second of a file that is read and checksummed while a quarter of it is written to another. */
async function copyBytes({ platform, directory }: BenchContext, sizeBytes: number): Promise<number> {
  const source = await platform.disk.open(`${directory}/source`, "write");
  const piece = new Uint8Array(LIMITS.cleanerSliceBytes).fill(7);
  const pieces = Math.ceil(sizeBytes / piece.length);
  for (let at = 0; at < pieces; at += 1) await source.writeAt(at * piece.length, [piece]);
  await source.sync();
  const target = await platform.disk.open(`${directory}/target`, "write");
  await target.truncate(0);
  const startMs = platform.clock.monotonicMs();
  let checksum = 0;
  for (let at = 0; at < pieces; at += 1) {
    await source.readAt(at * piece.length, piece);
    checksum = crc32c(piece, 0, piece.length, checksum);
    const kept = piece.subarray(0, piece.length / KEPT_ONE_IN);
    checksum = crc32c(kept, 0, kept.length, checksum);
    await target.writeAt(at * kept.length, [kept]);
  }
  await target.sync();
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  await source.close();
  await target.close();
  return sizeBytes / elapsedMs / 1_000;
}

async function compactOnce(
  { platform, directory }: BenchContext,
  name: string,
  sizeBytes: number,
  pauses: number[],
  waits: number[],
): Promise<number> {
  const location = logLocation(platform, `${directory}/${name}`);
  await createLog(location);
  const settings = { ...LOG_SETTINGS, segmentBytes: Math.ceil(sizeBytes / 4), compaction: COMPACTION };
  const { log } = await SegmentLog.open(location, settings, new TailCacheBudget());
  await fill(log, sizeBytes);
  const dirtyBytes = (await log.cleaning.need({ nowMs: 0, upTo: log.endOffset, abortedTransactions: [] }))!.dirtyBytes;
  const watch = { isOver: false };
  const watched = Promise.all([watchLoop(watch, pauses), appendBeside(log, watch, waits)]);
  const startMs = platform.clock.monotonicMs();
  const bounds = { nowMs: 0, upTo: log.endOffset, abortedTransactions: [] };
  await log.cleaning.clean(bounds, { compression: platform.compression, seed: [1, 2] });
  const elapsedMs = platform.clock.monotonicMs() - startMs;
  watch.isOver = true;
  await watched;
  await log.close();
  return dirtyBytes / elapsedMs / 1_000;
}

async function fill(log: SegmentLog, sizeBytes: number): Promise<void> {
  const value = new Uint8Array(VALUE_BYTES).fill(118);
  const keysCount = Math.ceil(sizeBytes / (VALUE_BYTES + 20) / KEPT_ONE_IN);
  for (let number = 0; log.endOffset === 0 || log.sizeBytes < sizeBytes; number += 1) {
    const records = Array.from({ length: BATCH_RECORDS }, (_, at) => ({
      key: new TextEncoder().encode(`key ${(number * BATCH_RECORDS + at) % keysCount}`),
      value,
      headers: [],
    }));
    log.appendAsLeader(buildRecordBatch(records, { nowMs: 1_700_000_000_000 }), 0);
    if (number % 64 === 63) await log.flushToSystem();
  }
  await log.flush();
}

/** How late a timer of one millisecond comes, at worst. */
async function watchLoop(watch: { readonly isOver: boolean }, pauses: number[]): Promise<void> {
  while (!watch.isOver) {
    const startMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    pauses.push(performance.now() - startMs - 1);
  }
}

async function appendBeside(log: SegmentLog, watch: { readonly isOver: boolean }, waits: number[]): Promise<void> {
  const record = { key: new TextEncoder().encode("beside"), value: new Uint8Array(VALUE_BYTES), headers: [] };
  while (!watch.isOver) {
    const startMs = performance.now();
    log.appendAsLeader(buildRecordBatch([record], { nowMs: 1_700_000_000_000 }), 0);
    await log.flush();
    waits.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
