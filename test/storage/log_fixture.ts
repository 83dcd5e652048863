/** A segment log on a faulty disk, and batches to put into it. */
import type { Epoch, Offset } from "../../src/base/ids.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { RecordBatch } from "../../src/records/record_batch.ts";
import type { LogSettings, PartitionLog } from "../../src/storage/partition_log.ts";
import { createLog } from "../../src/storage/log/recover_log.ts";
import type { LogLocation, RecoveryReport } from "../../src/storage/log/recover_log.ts";
import { SegmentLog } from "../../src/storage/log/segment_log.ts";
import { TailCacheBudget } from "../../src/storage/log/tail_cache.ts";
import { ManualClock } from "../manual_clock.ts";

export const DIRECTORY = "/data/orders-0";
export const IDENTITY = Uint8Array.from({ length: 20 }, (_, index) => index);
export const SETTINGS: LogSettings = {
  segmentBytes: 1_000_000,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 200,
  retentionMs: -1,
  retentionBytes: -1,
  batchBytesMax: 1_048_588,
};
export const NOW_MS = 1_700_000_000_000;

/** A batch whose content tells it from all others with another seed. */
export function batchOf(
  seed: number,
  options: { readonly records?: number; readonly valueBytes?: number; readonly timestamp?: number } = {},
): RecordBatch {
  const { records = 1, valueBytes = 20, timestamp = NOW_MS + seed } = options;
  const value = (index: number): Uint8Array =>
    Uint8Array.from({ length: valueBytes }, (_, at) => Math.imul(seed * 31 + index + at, 2_654_435_761) >>> 24);
  const inputs = Array.from(
    { length: records },
    (_, index) => ({ key: null, value: value(index), headers: [], timestamp }),
  );
  return buildRecordBatch(inputs, { nowMs: NOW_MS });
}

/** A batch of an idempotent producer; its content tells it from all others with another seed. */
export function sequencedBatch(
  seed: number,
  producer: { readonly id: number; readonly epoch?: number; readonly sequence: number; readonly records?: number },
): RecordBatch {
  const { id, epoch = 0, sequence, records = 1 } = producer;
  const inputs = Array.from({ length: records }, (_, index) => ({
    key: null,
    value: new TextEncoder().encode(`${seed} ${index}`),
    headers: [],
    timestamp: NOW_MS + seed,
  }));
  const options = { nowMs: NOW_MS, producerId: BigInt(id), producerEpoch: epoch, baseSequence: sequence };
  return buildRecordBatch(inputs, options);
}

export function locationOf(disk: Disk, clock: Clock = new ManualClock()): LogLocation {
  return { disk, clock, directory: DIRECTORY, identity: IDENTITY };
}

export async function newLog(disk: Disk, settings: Partial<LogSettings> = {}, clock?: Clock): Promise<SegmentLog> {
  await createLog(locationOf(disk, clock));
  await disk.syncDirectory("/data");
  await disk.syncDirectory("/");
  return (await openLog(disk, settings, clock)).log;
}

export async function openLog(
  disk: Disk,
  settings: Partial<LogSettings> = {},
  clock?: Clock,
  cacheBytes = 0,
): Promise<{ readonly log: SegmentLog; readonly report: RecoveryReport }> {
  // No cache: what a test reads must come from the files.
  return await SegmentLog.open(locationOf(disk, clock), { ...SETTINGS, ...settings }, new TailCacheBudget(cacheBytes));
}

/** Every batch of the log, read from `from` on in small steps. */
export async function readAll(log: PartitionLog, from: Offset = log.startOffset): Promise<RecordBatch[]> {
  const found: RecordBatch[] = [];
  let next = from;
  while (next < log.endOffset) {
    const batches = await log.read(next, { maxBytes: 500, upTo: log.endOffset });
    if (batches.length === 0) throw new Error(`Nothing at offset ${next} of ${log.startOffset}–${log.endOffset}`);
    found.push(...batches);
    next = batches.at(-1)!.endOffset;
  }
  return found;
}

/** Appends a batch and waits until it is durable; its bytes as they were stored. */
export async function store(log: PartitionLog, batch: RecordBatch, epoch: Epoch = 0): Promise<Uint8Array> {
  log.appendAsLeader(batch, epoch);
  await log.flush();
  return batch.bytes.slice();
}

export function segmentPath(baseOffset: Offset, kind: "log" | "index" | "timeindex" = "log"): string {
  return `${DIRECTORY}/${String(baseOffset).padStart(20, "0")}.${kind}`;
}

/** The bytes of batches, one text each, so that a difference is shown in a line. */
export function textOf(batches: readonly (RecordBatch | Uint8Array)[]): string[] {
  return batches.map((batch) => {
    const bytes = batch instanceof Uint8Array ? batch : batch.bytes;
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}
