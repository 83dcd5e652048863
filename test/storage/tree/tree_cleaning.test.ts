/** Compaction of a log in a store: the conformance suite, and what only a store can show. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import type { KeyValueStore } from "../../../src/storage/key_value_store.ts";
import { MemoryStore } from "../../../src/storage/lsm/memory_store.ts";
import type { LogSettings } from "../../../src/storage/partition_log.ts";
import { PartitionKeys } from "../../../src/storage/tree/partition_keys.ts";
import type { TreeLog } from "../../../src/storage/tree/tree_log.ts";
import {
  append,
  clean,
  describeLogCleaning,
  lines,
  MERGING,
  ONE_BATCH_EACH,
  seal,
  settingsOf,
  shape,
} from "../../conformance/log_cleaning.ts";
import type { LogUnderTest } from "../../conformance/partition_log.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { boundsOf, keyedBatch, YieldingClock } from "../log/cleaning_fixture.ts";
import { NOW_MS, readAll, store as storeBatch } from "../log_fixture.ts";
import { openTree } from "../tree_fixture.ts";
import { keysOfKind } from "./counting_store.ts";
import { openTreeLog, placeOf } from "./tree_log_fixture.ts";

const SEGMENT_KIND = 4;
const TIME_KIND = 5;

function logOf(
  store: KeyValueStore,
  settings: Partial<LogSettings> = ONE_BATCH_EACH,
  cacheBytes = 0,
): Promise<TreeLog> {
  return openTreeLog(store, settingsOf(settings), { clock: new YieldingClock(), cacheBytes });
}

async function underTest(store: KeyValueStore, settings: LogSettings, cacheBytes: number): Promise<LogUnderTest> {
  let log = await logOf(store, settings, cacheBytes);
  return {
    log,
    reopen: async () => {
      await log.close();
      return log = await logOf(store, settings, cacheBytes);
    },
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await store.close();
    },
  };
}

describeLogCleaning("a log in a store in memory", (settings) => underTest(new MemoryStore(() => NOW_MS), settings, 0));
describeLogCleaning("a log in a tree", async (settings) => {
  return await underTest(await openTree(new FaultyDisk(), { syncMode: "always" }), settings, 0);
});
describeLogCleaning("a log in a tree with a tail cache", async (settings) => {
  return await underTest(await openTree(new FaultyDisk(), { syncMode: "batch" }), settings, 100_000);
});

test("many small segments become few, with the times of all, and sizes are right before and after a restart", async () => {
  const store = new MemoryStore(() => NOW_MS);
  let log = await logOf(store, { ...ONE_BATCH_EACH, indexIntervalBytes: 0 });
  for (let round = 0; round < 60; round++) {
    const timestamp = NOW_MS + 100 * round + (round % 3 === 0 ? 1_000 : 0);
    await storeBatch(log, await keyedBatch([{ key: `k${round % 7}`, value: `${round}`, timestamp }]));
  }
  assert.equal((await keysOfKind(store, SEGMENT_KIND)).length, 59);
  log.configure(settingsOf({ ...MERGING, segmentBytes: 2_000 }));
  await clean(log);
  assert.ok((await keysOfKind(store, SEGMENT_KIND)).length <= 4);
  const bases = (await keysOfKind(store, SEGMENT_KIND)).map(([base]) => base!);
  for (const [base] of await keysOfKind(store, TIME_KIND)) assert.ok(bases.includes(base!), `times of segment ${base}`);
  for (let open = 0; open < 2; open++) {
    const batches = await readAll(log);
    assert.equal(log.sizeBytes, batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    const full = batches.filter(({ recordCount }) => recordCount > 0);
    for (let timestamp = NOW_MS; timestamp < NOW_MS + 7_000; timestamp += 50) {
      const expected = full.find(({ maxTimestamp }) => maxTimestamp >= timestamp);
      const found = await log.batchForTimestamp(timestamp, log.endOffset);
      assert.equal(found?.baseOffset, expected?.baseOffset, `time ${timestamp - NOW_MS}`);
    }
    await log.close();
    log = await logOf(store);
  }
});

test("a damaged batch ends the pass, and nothing is changed; a gap where nothing was cleaned is damage", async () => {
  const store = new MemoryStore(() => NOW_MS);
  const keys = new PartitionKeys(placeOf(store).topicId, 0);
  const log = await logOf(store, MERGING);
  for (const text of ["a=1", "b=1", "a=2"]) await append(log, text);
  await seal(log, MERGING);
  const whole = store.get(keys.batch(1))!;
  store.put(keys.batch(1), whole.slice(3));
  await assert.rejects(clean(log), (thrown) => thrown instanceof SentinelError && thrown.code === "storage_error");
  store.delete(keys.batch(1));
  await assert.rejects(clean(log), /offset 2 where 1 is due/);
  await assert.rejects(readAll(log), /offset 2 where 1 is due/);
  store.put(keys.batch(1), whole);
  assert.deepEqual(await lines(log), ["0 a=1", "1 b=1", "2 a=2", "3 seal=1"]);
  await clean(log);
  assert.deepEqual(await lines(log), ["1 b=1", "2 a=2", "3 seal=1"]);
  // Below what is compacted the store's own checksums vouch for what is there; above, each batch follows the one before.
  await append(log, "c=1");
  await append(log, "d=1");
  store.delete(keys.batch(4));
  await assert.rejects(readAll(log), /offset 5 where 4 is due/);
  // A start reads that much for the producers' sake.
  await assert.rejects(logOf(store, MERGING), /offset 5 where 4 is due/);
});

test("a full disk ends the pass, which leaves what it had not come to; the next pass goes through", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  const log = await logOf(store);
  for (const text of ["a=1", "a=2", "b=1", "c=1"]) await append(log, text);
  disk.failNext("write", "no_space", { suffix: ".log" });
  await assert.rejects(clean(log), /no space/);
  assert.equal(log.failure, null);
  assert.deepEqual(await lines(log), ["0 a=1", "1 a=2", "2 b=1", "3 c=1"]);
  await append(log, "d=1");
  assert.equal((await clean(log)).outcome, "cleaned");
  assert.deepEqual(await lines(log), ["1 a=2", "2 b=1", "3 c=1", "4 d=1"]);
});

test("a pass that ends between its changes and its segment is made good by the next, whatever its groups are", async () => {
  for (const segmentBytes of [1_000, 150, 1]) {
    const disk = new FaultyDisk();
    const store = await openTree(disk, { syncMode: "always", memtableBytes: 1_000_000 });
    let log = await logOf(store);
    for (const text of ["a=1", "b=1", "a=2", "b=2", "c=1"]) await append(log, text);
    log.configure(settingsOf(MERGING));
    // The first write takes the superseded batches away, the second one would make one segment of four.
    disk.failNext("write", "no_space", { suffix: ".log", skip: 1 });
    await assert.rejects(clean(log), /no space/);
    const expected = ["2 a=2", "3 b=2", "4 c=1"];
    assert.deepEqual(await lines(log), expected);
    log = await logOf(store, { ...MERGING, segmentBytes });
    assert.deepEqual(await lines(log), expected);
    assert.equal((await log.batchForTimestamp(0, 5))?.baseOffset, 2);
    const result = await clean(log);
    assert.deepEqual([result.outcome, result.cleanOffset, result.removedRecords], ["cleaned", 4, 0]);
    assert.deepEqual(await lines(await logOf(store)), expected);
  }
});

test("a store that fails under a pass fails the log, and what was written before is there after a restart", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  const log = await logOf(store);
  for (const text of ["a=1", "a=2", "b=1", "c=1"]) await append(log, text);
  disk.failNext("sync", "io", { suffix: ".log" });
  assert.equal((await clean(log)).outcome, "stopped");
  assert.notEqual(log.failure, null);
  await assert.rejects(log.flush());
  const again = await logOf(await openTree(disk.crash("kill"), { syncMode: "always" }));
  assert.deepEqual((await lines(again)).slice(-3), ["1 a=2", "2 b=1", "3 c=1"]);
});

test("a close ends a pass that is under way", async () => {
  const store = await openTree(new FaultyDisk(), { syncMode: "always" });
  const log = await logOf(store);
  for (let round = 0; round < 50; round++) await append(log, `k${round % 7}=${round}`);
  const cleaning = clean(log);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await log.close();
  assert.equal((await cleaning).outcome, "stopped");
  const again = await logOf(store);
  assert.equal(again.endOffset, 50);
  assert.ok((await lines(again)).includes("49 k0=49"));
});

test("appends go on while a pass is under way, and wait for no more than a slice of it", async () => {
  const store = await openTree(new FaultyDisk(), { syncMode: "always" });
  const log = await logOf(store, { ...MERGING, segmentBytes: 3_000 });
  for (let round = 0; round < 200; round++) await append(log, `k${round % 7}=${round}`);
  let isOver = false;
  const cleaning = clean(log).then((result) => {
    isOver = true;
    return result;
  });
  let count = 0;
  for (; !isOver && count < 1_000; count++) await append(log, `x${count}=1`);
  assert.equal((await cleaning).outcome, "cleaned");
  assert.ok(count > 3, `${count} appends beside the pass`);
  const found = await readAll(log);
  assert.equal(log.sizeBytes, found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  assert.equal(found.at(-1)!.endOffset, 200 + count);
});

test("a reader that began before a pass reads on through it, and sees each batch as it was or as it is", async () => {
  const store = await openTree(new FaultyDisk(), { syncMode: "always" });
  const log = await logOf(store, MERGING);
  for (let round = 0; round < 100; round++) await append(log, `k${round % 3}=${round} only${round}=1`);
  await seal(log, MERGING);
  const reading = readAll(log, 0);
  const cleaning = clean(log);
  const found = await reading;
  assert.equal((await cleaning).outcome, "cleaned");
  for (const [at, batch] of found.entries()) {
    assert.equal(batch.baseOffset, at === 0 ? 0 : found[at - 1]!.endOffset);
    assert.ok(batch.recordCount === 2 || batch.recordCount === 1, shape(batch));
    assert.ok(batch.hasValidCrc());
  }
});

test("compaction's mark outlives a restart: what it has written is never cut", async () => {
  const store = new MemoryStore(() => NOW_MS);
  const log = await logOf(store);
  for (let round = 0; round < 6; round++) await append(log, `k=${round}`);
  await clean(log);
  await log.close();
  const again = await logOf(store);
  await assert.rejects(again.truncateFrom(3), /is compacted below offset 4/);
  assert.equal(await again.cleaning.need(boundsOf(6)), null);
  await again.truncateFrom(5);
  assert.equal(again.endOffset, 5);
});
