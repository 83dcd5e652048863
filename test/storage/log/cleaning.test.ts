/** What cleaning does to files: segments, checkpoints, descriptors. What it does to a log is the conformance suite's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { CLEANER_CHECKPOINT_FILES } from "../../../src/storage/log/cleaner_checkpoint.ts";
import type { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import type { LogSettings } from "../../../src/storage/partition_log.ts";
import {
  append,
  clean,
  describeLogCleaning,
  lines,
  MERGING,
  ONE_BATCH_EACH,
  seal,
  settingsOf,
} from "../../conformance/log_cleaning.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { DIRECTORY, newLog, NOW_MS, openLog, readAll, segmentPath } from "../log_fixture.ts";
import { boundsOf, COMPACTION, YieldingClock } from "./cleaning_fixture.ts";

async function logOf(disk: FaultyDisk, settings: Partial<LogSettings> = ONE_BATCH_EACH): Promise<SegmentLog> {
  return await newLog(disk, settings, new YieldingClock());
}

async function reopened(disk: FaultyDisk, settings: Partial<LogSettings> = ONE_BATCH_EACH): Promise<SegmentLog> {
  return (await openLog(disk, settings, new YieldingClock())).log;
}

function flip(disk: FaultyDisk, path: string, at: number): void {
  const bytes = disk.bytesOf(path).slice();
  bytes[at]! ^= 1;
  disk.put(path, bytes);
}

describeLogCleaning("segments in files", async (settings) => {
  const disk = new FaultyDisk();
  let log = await logOf(disk, settings);
  return {
    log,
    reopen: async () => {
      await log.close();
      return log = await reopened(disk, settings);
    },
    [Symbol.asyncDispose]: () => log.close(),
  };
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
