import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import type { KeyValueStore } from "../../../src/storage/key_value_store.ts";
import { MemoryStore } from "../../../src/storage/lsm/memory_store.ts";
import { TreeLog } from "../../../src/storage/tree/tree_log.ts";
import { describePartitionLog, type LogUnderTest } from "../../conformance/partition_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { batchOf, NOW_MS, readAll, SETTINGS, store as storeBatch, textOf } from "../log_fixture.ts";
import { openTree } from "../tree_fixture.ts";
import { keysOfKind } from "./counting_store.ts";
import { openTreeLog, placeOf, SMALL_SEGMENTS } from "./tree_log_fixture.ts";

async function makeLog(store: KeyValueStore, cacheBytes: number): Promise<LogUnderTest> {
  let log = await openTreeLog(store, SMALL_SEGMENTS, { cacheBytes });
  return {
    log,
    reopen: async () => {
      await log.close();
      return log = await openTreeLog(store, SMALL_SEGMENTS, { cacheBytes });
    },
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await store.close();
    },
  };
}

describePartitionLog("a log in a store in memory", () => makeLog(new MemoryStore(() => NOW_MS), 0));
describePartitionLog("a log in a tree", async () => makeLog(await openTree(memoryDisk(), { syncMode: "always" }), 0));
describePartitionLog("a log in a tree with a tail cache", async () => {
  return makeLog(await openTree(memoryDisk(), { syncMode: "written" }), 600);
});

test("partitions of one tree do not see each other, and a removed one is empty", async () => {
  const store = await openTree(new FaultyDisk(), { syncMode: "always" });
  const logs = await Promise.all([0, 1, 2].map((partition) => openTreeLog(store, SMALL_SEGMENTS, { partition })));
  for (const [at, log] of logs.entries()) {
    for (let seed = 0; seed < 5; seed++) await storeBatch(log, batchOf(10 * at + seed));
  }
  for (const [at, log] of logs.entries()) {
    assert.deepEqual(textOf(await readAll(log)).length, 5);
    await log.close();
    assert.ok(at < 3);
  }
  await TreeLog.remove(placeOf(store, { partition: 1 }));
  const [first, removed] = [await openTreeLog(store), await openTreeLog(store, SMALL_SEGMENTS, { partition: 1 })];
  assert.equal(first.endOffset, 5);
  assert.deepEqual([removed.startOffset, removed.endOffset, removed.sizeBytes], [0, 0, 0]);
});

for (const syncMode of ["written", "always"] as const) {
  test(`one sync of the tree serves appends to many partitions, mode ${syncMode}`, async () => {
    const disk = new FaultyDisk();
    const store = await openTree(disk, { syncMode, memtableBytes: 1_000_000 });
    const logs = await Promise.all(
      Array.from({ length: 20 }, (_, partition) => openTreeLog(store, SMALL_SEGMENTS, { partition })),
    );
    const before = disk.count("sync", ".log");
    for (const [at, log] of logs.entries()) log.appendAsLeader(batchOf(at), 0);
    await Promise.all(logs.map((log) => log.flush()));
    assert.ok(disk.count("sync", ".log") - before <= 3, `${disk.count("sync", ".log") - before} syncs`);
    assert.ok(logs.every((log) => log.durableOffset === 1));
  });
}

test("what is told as written outlives a kill", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "written" });
  const log = await openTreeLog(store);
  log.appendAsLeader(batchOf(1), 0);
  await log.flushToSystem();
  assert.deepEqual([log.writtenOffset, log.durableOffset], [1, 0]);
  assert.equal((await openTreeLog(await openTree(disk.crash("kill")))).endOffset, 1);
  assert.equal((await openTreeLog(await openTree(disk.crash("lost")))).endOffset, 0);
});

test("a full disk takes back what was not stored, and the log goes on with the same offset", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  const log = await openTreeLog(store);
  await storeBatch(log, batchOf(1), 3);
  const cuts: number[] = [];
  log.listener = { onProgress: () => {}, onCutBack: (endOffset) => void cuts.push(endOffset), onFailure: () => {} };
  disk.failNext("write", "no_space", { suffix: ".log" });
  log.appendAsLeader(batchOf(2), 5);
  await assert.rejects(log.flush(), /no space/);
  assert.deepEqual([cuts, log.endOffset, log.generation, log.epochAt(9)], [[1], 1, 1, 3]);
  await storeBatch(log, batchOf(3), 4);
  assert.equal(log.endOffset, 2);
  assert.equal(log.failure, null);
});

test("a full disk refuses a trim and a truncation, and the log goes on as it was until there is room", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always", memtableBytes: 1_000_000 });
  const log = await openTreeLog(store);
  for (let seed = 0; seed < 40; seed++) await storeBatch(log, batchOf(seed), 2);
  const before = textOf(await readAll(log));
  disk.failNext("write", "no_space", { suffix: ".log" });
  await assert.rejects(log.trimBefore(30), /no space/);
  disk.failNext("write", "no_space", { suffix: ".log" });
  await assert.rejects(log.truncateFrom(35), /no space/);
  assert.deepEqual([log.startOffset, log.endOffset, log.failure], [0, 40, null]);
  assert.deepEqual(textOf(await readAll(log)), before);
  // The new start is stored, and there is no room for the deletions: they come with the next trim.
  await log.trimBefore(5);
  disk.failNext("write", "no_space", { suffix: ".log", skip: 1 });
  await log.trimBefore(20);
  assert.deepEqual([log.startOffset, log.failure], [20, null]);
  await log.trimBefore(30);
  await log.truncateFrom(35);
  await storeBatch(log, batchOf(99), 3);
  assert.equal((await readAll(log)).length, 6);
  assert.deepEqual((await keysOfKind(store, 3)).map(([last]) => last), [30, 31, 32, 33, 34, 35]);
});

test("a log opens where there is no room to remove what a crash has left below its start", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always", memtableBytes: 1_000_000 });
  const log = await openTreeLog(store);
  for (let seed = 0; seed < 40; seed++) await storeBatch(log, batchOf(seed));
  disk.failNext("write", "no_space", { suffix: ".log", skip: 1 });
  await log.trimBefore(30);
  assert.equal((await keysOfKind(store, 3)).length, 40);
  disk.failNext("write", "no_space", { suffix: ".log" });
  const again = await openTreeLog(store);
  assert.deepEqual([again.startOffset, (await readAll(again)).length], [30, 10]);
  assert.equal((await openTreeLog(store)).sizeBytes, again.sizeBytes);
  assert.equal((await keysOfKind(store, 3)).length, 10);
});

test("retention removes whole segments that are too old or too much, from the start on", async () => {
  const store = await openTree(new FaultyDisk(), { syncMode: "always" });
  const batchBytes = batchOf(0).sizeBytes;
  const settings = { ...SETTINGS, segmentBytes: 2 * batchBytes };
  const log = await openTreeLog(store, settings);
  for (let seed = 0; seed < 10; seed++) await storeBatch(log, batchOf(seed, { timestamp: 1_000 * seed }));
  log.configure({ ...settings, retentionMs: 5_000 });
  // What is too old but lies beside something newer stays with it.
  assert.equal(await log.applyRetention(9_500), 4 * batchBytes);
  assert.deepEqual([log.startOffset, log.sizeBytes], [4, 6 * batchBytes]);
  log.configure({ ...settings, retentionBytes: 3 * batchBytes });
  assert.equal(await log.applyRetention(9_500), 2 * batchBytes);
  assert.equal(log.startOffset, 6);
  log.configure({ ...settings, retentionBytes: 0 });
  await log.applyRetention(9_500);
  assert.equal(log.startOffset, 8, "the active segment stays");
  assert.equal((await readAll(log)).length, 2);
});

test("a crash after any effect of truncations and trims leaves a log without holes, within its bounds", async () => {
  const random = new SeededRandom(3);
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  const log = await openTreeLog(store);
  const images: { image: FaultyDisk; start: number; end: number }[] = [];
  let [start, end] = [0, 0];
  disk.after = () => {
    for (const mode of ["kill", "lost", "some"] as const) images.push({ image: disk.crash(mode, random), start, end });
  };
  for (let round = 0; round < 3; round++) {
    for (let seed = 0; seed < 6; seed++) {
      await storeBatch(log, batchOf(10 * round + seed, { records: 2, valueBytes: 300 }), round);
      end = log.endOffset;
    }
    end -= 4;
    await log.truncateFrom(log.endOffset - 4);
    await log.trimBefore(log.startOffset + 3);
    start = log.startOffset;
  }
  assert.ok(images.length > 150);
  for (const { image, start: startMin, end: endMin } of images.filter((_, at) => at % 3 === 0)) {
    const reopened = await openTreeLog(await openTree(image, { syncMode: "always" }));
    assert.ok(reopened.startOffset >= startMin && reopened.endOffset >= endMin, `${reopened.endOffset} of ${endMin}`);
    const found = reopened.endOffset === reopened.startOffset ? [] : await readAll(reopened);
    assert.equal(found.at(-1)?.endOffset ?? reopened.endOffset, reopened.endOffset);
    assert.equal(found.reduce((sum, batch) => sum + batch.sizeBytes, 0), reopened.sizeBytes);
    await storeBatch(reopened, batchOf(99), 9);
  }
});
