/** What a pass of the cleaner does and leaves, case by case. The model test beside it has the crowd of cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import type { RecordBatch } from "../../../src/records/record_batch.ts";
import type { LogSettings } from "../../../src/storage/partition_log.ts";
import { CLEANER_CHECKPOINT_FILES } from "../../../src/storage/log/cleaner_checkpoint.ts";
import type { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { DIRECTORY, newLog, NOW_MS, openLog, readAll, segmentPath, store } from "../log_fixture.ts";
import { boundsOf, COMPACTION, keyedBatch, lineOf, recordsOf, TOOLS, YieldingClock } from "./cleaning_fixture.ts";
import type { BatchOptions } from "./cleaning_fixture.ts";

/** Small enough that every batch of the tests gets a segment of its own. */
const ONE_BATCH_EACH: Partial<LogSettings> = { segmentBytes: 90, indexIntervalBytes: 0, compaction: COMPACTION };
const MERGING: Partial<LogSettings> = { ...ONE_BATCH_EACH, segmentBytes: 1_000 };

/** `k=v k2= k3=x`: a batch of three records, the second a tombstone. */
async function append(log: SegmentLog, text: string, options: BatchOptions = {}): Promise<Uint8Array> {
  const records = text.split(" ").map((part) => {
    const [key, value] = part.split("=");
    return { key: key === "" ? null : key!, value: value === "" ? null : value! };
  });
  return await store(log, await keyedBatch(records, options));
}

/** Seals what is there: the next batch goes into another segment. */
async function seal(log: SegmentLog, settings: Partial<LogSettings>): Promise<void> {
  log.configure({ ...settingsOf(settings), segmentBytes: 1 });
  await append(log, "seal=1");
  log.configure(settingsOf(settings));
}

const settingsOf = (settings: Partial<LogSettings>): LogSettings => ({
  segmentBytes: 1_000_000,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 200,
  retentionMs: -1,
  retentionBytes: -1,
  batchBytesMax: 1_048_588,
  ...settings,
});

async function logOf(disk: FaultyDisk, settings: Partial<LogSettings> = ONE_BATCH_EACH): Promise<SegmentLog> {
  return await newLog(disk, settings, new YieldingClock());
}

async function reopened(disk: FaultyDisk, settings: Partial<LogSettings> = ONE_BATCH_EACH): Promise<SegmentLog> {
  return (await openLog(disk, settings, new YieldingClock())).log;
}

async function clean(log: SegmentLog, nowMs = NOW_MS, upTo = log.endOffset) {
  return await log.cleaning.clean(boundsOf(upTo, { nowMs }), TOOLS);
}

function flip(disk: FaultyDisk, path: string, at: number): void {
  const bytes = disk.bytesOf(path).slice();
  bytes[at]! ^= 1;
  disk.put(path, bytes);
}

const lines = async (log: SegmentLog): Promise<string[]> => (await recordsOf(await readAll(log))).map(lineOf);
const shape = ({ baseOffset, lastOffset, recordCount }: RecordBatch): string =>
  `${baseOffset}–${lastOffset}: ${recordCount}`;

test("the newest record of each key stays, at its offset, and batches keep their ranges", async () => {
  const log = await logOf(new FaultyDisk());
  await append(log, "a=1 b=1 a=2");
  await append(log, "c=1 b=2");
  await append(log, "a=3 d=1 a=4");
  await append(log, "active=1");
  const result = await clean(log);
  assert.deepEqual([result.outcome, result.cleanOffset, result.removedRecords], ["cleaned", 8, 4]);
  assert.deepEqual(await lines(log), ["3 c=1", "4 b=2", "6 d=1", "7 a=4", "8 active=1"]);
  // The first batch lost everything; it ends its segment, which must end where the next begins.
  assert.deepEqual((await readAll(log)).map(shape), ["0–2: 0", "3–4: 2", "5–7: 2", "8–8: 1"]);
  await log.close();
});

test("a read in a gap gives the next batch, and a search by time sees no emptied batch", async () => {
  const log = await logOf(new FaultyDisk(), { ...ONE_BATCH_EACH, segmentBytes: 1_000 });
  await store(log, await keyedBatch([{ key: "a", value: "1", timestamp: 9_000 }]));
  await store(log, await keyedBatch([{ key: "a", value: "2", timestamp: 5_000 }]));
  await store(log, await keyedBatch([{ key: "b", value: "1", timestamp: 7_000 }]));
  await seal(log, MERGING);
  await clean(log);
  assert.deepEqual((await log.read(0, { maxBytes: 1, upTo: 4 }) as RecordBatch[]).map(shape), ["1–1: 1"]);
  assert.equal((await log.batchForTimestamp(8_000, 4))?.baseOffset, 3);
  assert.equal((await log.batchForTimestamp(6_000, 4))?.baseOffset, 2);
  await log.close();
});

test("nothing at or above the bound is cleaned, nor supersedes anything", async () => {
  const log = await logOf(new FaultyDisk());
  for (const text of ["a=1", "a=2", "a=3", "b=1"]) await append(log, text);
  assert.equal((await clean(log, NOW_MS, 2)).cleanOffset, 2);
  assert.deepEqual(await lines(log), ["1 a=2", "2 a=3", "3 b=1"]);
  // The active segment is never cleaned: nothing is left below the end.
  assert.equal((await clean(log)).cleanOffset, 3);
  assert.deepEqual(await lines(log), ["2 a=3", "3 b=1"]);
  assert.equal((await clean(log)).outcome, "nothing");
  await log.close();
});

test("a tombstone stays for delete.retention.ms after its first pass, as KIP-534 has it, then it goes", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk);
  await append(log, "a=1");
  await append(log, "a= b=1");
  await append(log, "c=1");
  await clean(log, NOW_MS);
  assert.deepEqual(await lines(log), ["1 a=", "2 b=1", "3 c=1"]);
  const [tombstoned] = await log.read(1, { maxBytes: 1, upTo: 4 }) as RecordBatch[];
  assert.equal(tombstoned!.deleteHorizonMs, NOW_MS + 1_000);
  // The deltas count from the horizon now; the records' own times are what they were.
  assert.deepEqual((await recordsOf([tombstoned!])).map(({ timestamp }) => timestamp), [NOW_MS, NOW_MS]);
  await append(log, "d=1");
  await clean(log, NOW_MS + 999);
  assert.equal((await lines(log))[0], "1 a=");
  await append(log, "e=1");
  await clean(log, NOW_MS + 1_000);
  assert.deepEqual(await lines(log), ["2 b=1", "3 c=1", "4 d=1", "5 e=1"]);
  await log.close();
});

test("small neighbours become one segment, as large as segment.bytes, and read on after a restart", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk, ONE_BATCH_EACH);
  for (let round = 0; round < 20; round++) await append(log, `k${round % 3}=${round}`);
  log.configure(settingsOf({ ...MERGING, segmentBytes: 600 }));
  await clean(log);
  const expected = ["16 k1=16", "17 k2=17", "18 k0=18", "19 k1=19"];
  assert.deepEqual(await lines(log), expected);
  assert.ok((await disk.list(DIRECTORY)).filter((name) => name.endsWith(".log")).length < 6);
  await log.close();
  assert.equal(disk.openFiles, 0);
  const again = await reopened(disk);
  assert.deepEqual(await lines(again), expected);
  assert.equal(await again.cleaning.need(boundsOf(20)), null);
  await again.close();
});

test("compressed batches are opened, and written again in their codec", async () => {
  const log = await logOf(new FaultyDisk());
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) await append(log, `a=1 ${codec}=1 a=2`, { codec });
  await append(log, "active=1");
  await clean(log);
  assert.deepEqual(await lines(log), ["1 gzip=1", "4 snappy=1", "7 lz4=1", "10 zstd=1", "11 a=2", "12 active=1"]);
  assert.deepEqual((await readAll(log)).map(({ codec }) => codec), ["gzip", "snappy", "lz4", "zstd", "none"]);
  await log.close();
});

test("the last batch of a producer that is alive survives without records, with its sequence", async () => {
  const log = await logOf(new FaultyDisk(), MERGING);
  await append(log, "a=1 b=1", { producerId: 7n });
  await append(log, "a=2 b=2");
  await seal(log, MERGING);
  await clean(log);
  const [first] = await readAll(log);
  assert.equal(shape(first!), "0–1: 0");
  assert.deepEqual([first!.producerId, first!.baseSequence, first!.lastOffsetDelta], [7n, 0, 1]);
  assert.ok(first!.hasValidCrc());
  await log.close();
});

test("records of aborted transactions go and supersede nothing; markers stay", async () => {
  const log = await logOf(new FaultyDisk(), MERGING);
  await append(log, "a=kept b=old");
  await append(log, "a=aborted", { producerId: 5n, isTransactional: true });
  await append(log, "b=new", { producerId: 6n, isTransactional: true });
  await seal(log, MERGING);
  const abortedTransactions = [{ producerId: 5n, firstOffset: 2, lastOffset: 9 }];
  await log.cleaning.clean(boundsOf(log.endOffset, { abortedTransactions }), TOOLS);
  assert.deepEqual(await lines(log), ["0 a=kept", "3 b=new", "4 seal=1"]);
  await log.close();
});

test("records without a key, from before the topic was compacted, go", async () => {
  const log = await logOf(new FaultyDisk(), MERGING);
  await append(log, "=1 a=1 =2");
  await seal(log, MERGING);
  assert.equal((await clean(log)).removedRecords, 2);
  assert.deepEqual(await lines(log), ["1 a=1", "3 seal=1"]);
  await log.close();
});

test("need(): the dirty part, the lags, the ratio", async () => {
  const log = await logOf(new FaultyDisk());
  const compaction = (change: Partial<typeof COMPACTION>): void =>
    log.configure(settingsOf({ ...ONE_BATCH_EACH, compaction: { ...COMPACTION, ...change } }));
  for (const [text, timestamp] of [["a", 100], ["b", 200], ["c", 300], ["d", 400]] as const) {
    await store(log, await keyedBatch([{ key: text, value: "1", timestamp }]));
  }
  const need = (nowMs: number) => log.cleaning.need(boundsOf(4, { nowMs }));
  compaction({ dirtyRatioMin: 1 });
  assert.deepEqual([(await need(0))!.dirtyRatio, (await need(0))!.isDue], [1, false]);
  compaction({ dirtyRatioMin: 0.99 });
  assert.ok((await need(0))!.isDue);
  const whole = (await need(0))!.dirtyBytes;
  compaction({ lagMsMin: 150 });
  assert.equal((await need(350))!.dirtyBytes, whole / 3 * 2);
  assert.equal(await need(240), null);
  compaction({ dirtyRatioMin: 1, lagMsMax: 50 });
  assert.equal((await need(150))!.isDue, false);
  assert.equal((await need(151))!.isDue, true);
  log.configure(settingsOf({ segmentBytes: 90 }));
  assert.equal(await need(0), null);
  await log.close();
});

test("need() with a lag reads many segments and keeps few of them open", async () => {
  const disk = new FaultyDisk();
  const settings = { ...ONE_BATCH_EACH, compaction: { ...COMPACTION, lagMsMin: 1 } };
  const log = await logOf(disk, settings);
  for (let round = 0; round < 30; round++) await append(log, `k=${round}`);
  await log.close();
  const again = await reopened(disk, settings);
  const before = disk.openFiles;
  disk.failNext("open", "too_many_open_files", { suffix: ".log" });
  await assert.rejects(again.cleaning.need(boundsOf(30)), (thrown) => thrown instanceof SentinelError);
  assert.ok((await again.cleaning.need(boundsOf(30, { nowMs: NOW_MS + 10 })))!.isDue);
  await again.read(29, { maxBytes: 1, upTo: 30 });
  assert.ok(disk.openFiles <= before + LIMITS.sealedSegmentsOpenMax, `${disk.openFiles - before} more files are open`);
  await again.close();
  assert.equal(disk.openFiles, 0);
});

test("a damaged batch ends the pass, is named, and nothing is changed", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk);
  for (const text of ["a=1", "a=2", "a=3", "b=1"]) await append(log, text);
  const before = await disk.list(DIRECTORY);
  flip(disk, segmentPath(1), 70);
  await assert.rejects(
    clean(log),
    (thrown: unknown) =>
      thrown instanceof SentinelError && thrown.code === "storage_error" && thrown.facts["file"] === segmentPath(1),
  );
  assert.deepEqual(await disk.list(DIRECTORY), before);
  assert.equal(log.failure, null);
  await log.close();
});

test("a gap that compaction did not make is damage: in a log that was never cleaned, and in a cleaned segment", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk, MERGING);
  for (const text of ["a=1", "b=1", "a=2"]) await append(log, text);
  await seal(log, MERGING);
  await clean(log);
  await append(log, "c=1");
  await append(log, "d=1");
  await seal(log, MERGING);
  await log.close();
  const damages: readonly (readonly [number, (damaged: FaultyDisk) => void])[] = [
    // The checksum covers no offset: only the checkpoint tells this gap from the one that the cleaner made.
    [0, (damaged) => flip(damaged, segmentPath(0), 7)],
    // A whole batch is missing between two good ones, in a segment that was never cleaned.
    [3, (damaged) => removeSecondBatch(damaged, segmentPath(3))],
    // The same in the cleaned one, which has gaps of its own.
    [0, (damaged) => removeSecondBatch(damaged, segmentPath(0))],
  ];
  for (const [base, damage] of damages) {
    const damaged = disk.crash("kill");
    damage(damaged);
    await assert.rejects(async () => {
      const opened = await reopened(damaged, MERGING);
      try {
        await readAll(opened);
      } finally {
        await opened.close();
      }
    }, (thrown: unknown) => thrown instanceof SentinelError && thrown.facts["file"] === segmentPath(base));
  }
});

function removeSecondBatch(disk: FaultyDisk, path: string): void {
  const bytes = disk.bytesOf(path);
  const sizeAt = (at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getInt32(at + 8) + 12;
  const first = sizeAt(0);
  disk.put(path, Uint8Array.from([...bytes.subarray(0, first), ...bytes.subarray(first + sizeAt(first))]));
}

test("one rotten checkpoint leaves its twin; without both, a gap is damage", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk, MERGING);
  for (const text of ["a=1", "b=1", "a=2"]) await append(log, text);
  await seal(log, MERGING);
  await clean(log);
  await log.close();
  for (const name of CLEANER_CHECKPOINT_FILES) {
    const damaged = disk.crash("kill");
    flip(damaged, `${DIRECTORY}/${name}`, 3);
    const opened = await reopened(damaged, MERGING);
    assert.deepEqual(await lines(opened), ["1 b=1", "2 a=2", "3 seal=1"]);
    // It is made good, so that the other one may rot too.
    await opened.close();
    flip(damaged, `${DIRECTORY}/${CLEANER_CHECKPOINT_FILES.find((other) => other !== name)!}`, 3);
    await (await reopened(damaged, MERGING)).close();
  }
  for (const name of CLEANER_CHECKPOINT_FILES) flip(disk, `${DIRECTORY}/${name}`, 3);
  const blind = await reopened(disk, MERGING);
  await assert.rejects(readAll(blind), SentinelError);
  await blind.close();
});

test("a full disk ends the pass and leaves the log as it was; the next pass goes through", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk);
  for (const text of ["a=1", "a=2", "b=1", "c=1"]) await append(log, text);
  const before = await disk.list(DIRECTORY);
  for (const name of [".cleaned", "cleaner-checkpoint.tmp"]) {
    disk.failNext("write", "no_space", { suffix: name });
    await assert.rejects(clean(log), /no space/);
    assert.equal(log.failure, null);
    assert.deepEqual((await disk.list(DIRECTORY)).filter((file) => !file.endsWith(".tmp")), before);
  }
  assert.equal((await clean(log)).outcome, "cleaned");
  assert.deepEqual(await lines(log), ["1 a=2", "2 b=1", "3 c=1"]);
  await log.close();
});

test("a close ends a pass that is under way, and leaves no file open", async () => {
  const disk = new FaultyDisk();
  const log = await logOf(disk);
  for (let round = 0; round < 50; round++) await append(log, `k${round % 7}=${round}`);
  const cleaning = clean(log);
  let effects = 0;
  const closed = new Promise<void>((resolve) => {
    disk.after = () => {
      effects += 1;
      if (effects === 30) resolve(log.close());
    };
  });
  await closed;
  assert.equal((await cleaning).outcome, "stopped");
  assert.equal(disk.openFiles, 0);
  const again = await reopened(disk);
  assert.equal(again.endOffset, 50);
  const newest = new Map((await lines(again)).map((line) => line.split(" ")[1]!.split("=") as [string, string]));
  assert.deepEqual(newest.get("k0"), "49");
  await again.close();
});

test("a trim ends a pass too, and a truncation below what is compacted is refused", async () => {
  const log = await logOf(new FaultyDisk());
  for (let round = 0; round < 6; round++) await append(log, `k=${round}`);
  const cleaning = clean(log);
  await log.trimBefore(3);
  assert.equal((await cleaning).outcome, "stopped");
  await clean(log);
  await assert.rejects(log.truncateFrom(3), /is compacted below offset 4/);
  await log.truncateFrom(5);
  assert.equal(log.endOffset, 5);
  await append(log, "k=again");
  assert.deepEqual(await lines(log), ["4 k=4", "5 k=again"]);
  await log.close();
});

test("retention takes a segment that holds nothing but an emptied batch with the next one that goes", async () => {
  const log = await logOf(new FaultyDisk(), { ...ONE_BATCH_EACH, retentionMs: 1_000 });
  for (const [value, timestamp] of [["1", 100], ["2", 200], ["3", 5_000]] as const) {
    await store(log, await keyedBatch([{ key: "a", value, timestamp }]));
  }
  await store(log, await keyedBatch([{ key: "b", value: "1", timestamp: 5_000 }]));
  await clean(log, NOW_MS, 2);
  assert.ok(await log.applyRetention(2_000) > 0);
  assert.equal(log.startOffset, 2);
  await log.close();
});
