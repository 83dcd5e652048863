/** What a log in a store keeps beside its batches, so that it need not read them: segments, times, producers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeInt64 } from "../../../src/bytes/int64.ts";
import { encodeLeaderEpochs } from "../../../src/storage/log/leader_epochs.ts";
import { PartitionKeys } from "../../../src/storage/tree/partition_keys.ts";
import type { TreeLog } from "../../../src/storage/tree/tree_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { batchOf, NOW_MS, readAll, sequencedBatch, SETTINGS, store as storeBatch, textOf } from "../log_fixture.ts";
import { CountingStore, keysOfKind } from "./counting_store.ts";
import { openTreeLog, placeOf, SMALL_SEGMENTS } from "./tree_log_fixture.ts";

const SEGMENT_KIND = 4;
const TIME_KIND = 5;

/** The first batch that reaches each of many times is what a search finds. */
async function checkTimes(log: TreeLog, times: ReadonlyMap<number, number>, from = log.startOffset): Promise<void> {
  const offsets = [...times.keys()].filter((offset) => offset >= from && offset < log.endOffset);
  for (const time of [0, ...offsets.map((offset) => times.get(offset)!), 10_000]) {
    for (const timestamp of [time - 1, time, time + 1]) {
      const expected = offsets.find((offset) => times.get(offset)! >= timestamp);
      const found = await log.batchForTimestamp(timestamp, log.endOffset, from);
      assert.equal(found?.baseOffset, expected, `time ${timestamp} from ${from}`);
    }
  }
}

test("a search by time is right whatever order times come in, and after truncations, trims and restarts", async () => {
  for (const indexIntervalBytes of [0, 150, 4_096]) {
    const random = new SeededRandom(7);
    const store = new CountingStore();
    const settings = { ...SMALL_SEGMENTS, indexIntervalBytes };
    let log = await openTreeLog(store, settings);
    const times = new Map<number, number>();
    for (let round = 0; round < 8; round++) {
      for (let count = 0; count < 25; count++) {
        const timestamp = random.below(4) === 0 ? random.below(5_000) : 100 * round + count;
        times.set(log.endOffset, timestamp);
        await storeBatch(log, batchOf(count, { timestamp }));
      }
      await checkTimes(log, times);
      await checkTimes(log, times, log.startOffset + random.below(10));
      // Behind it stand other batches with other times.
      if (round % 2 === 0) await log.truncateFrom(log.endOffset - random.below(20));
      if (round % 3 === 2) await log.trimBefore(log.startOffset + random.below(30));
      // A kill: nobody says that the log is closed.
      log = await openTreeLog(store, settings);
      await checkTimes(log, times);
    }
  }
});

test("a search by time reads few batches, and retention none", async () => {
  const store = new CountingStore();
  const settings = { ...SETTINGS, segmentBytes: 10_000, indexIntervalBytes: 500 };
  const log = await openTreeLog(store, settings);
  for (let seed = 0; seed < 1_000; seed++) await storeBatch(log, batchOf(seed, { timestamp: 10 * seed }));
  const perInterval = Math.ceil(500 / batchOf(0).sizeBytes) + 2;
  for (const timestamp of [0, 1, 2_345, 9_990]) {
    store.reset();
    assert.equal((await log.batchForTimestamp(timestamp, 1_000))!.baseOffset, Math.ceil(timestamp / 10));
    assert.ok(store.pairsRead <= perInterval + 2, `${store.pairsRead} pairs for time ${timestamp}`);
  }
  store.reset();
  assert.equal(await log.batchForTimestamp(9_991, 1_000), null);
  assert.equal(store.pairsRead, 0);
  log.configure({ ...settings, retentionMs: 5_000 });
  await log.applyRetention(5_000);
  assert.equal(store.batchesRead, 0);
  await log.applyRetention(8_000);
  assert.ok(log.startOffset > 200 && log.startOffset <= 300, `starts at ${log.startOffset}`);
});

test("no record of a segment or time outlives what it speaks of", async () => {
  const store = new CountingStore();
  const log = await openTreeLog(store, { ...SMALL_SEGMENTS, indexIntervalBytes: 0 });
  for (let seed = 0; seed < 100; seed++) await storeBatch(log, batchOf(seed));
  assert.ok((await keysOfKind(store, SEGMENT_KIND)).length > 5);
  await log.truncateFrom(55);
  await log.trimBefore(43);
  for (const [base] of await keysOfKind(store, SEGMENT_KIND)) assert.ok(base! > 30 && base! < 55, `segment ${base}`);
  for (const [base, time] of await keysOfKind(store, TIME_KIND)) {
    assert.ok(base! > 30 && time! < NOW_MS + 55, `segment ${base}, time ${time! - NOW_MS}`);
  }
  await log.truncateFrom(43);
  assert.deepEqual([log.sizeBytes, log.startOffset, log.endOffset], [0, 43, 43]);
  await storeBatch(log, batchOf(3, { timestamp: 5 }));
  assert.equal((await log.batchForTimestamp(4, 44))?.baseOffset, 43);
});

test("a tree of the first form, without segments and times, opens and is brought into the new one", async () => {
  const store = new CountingStore();
  const keys = new PartitionKeys(placeOf(store).topicId, 0);
  const batches = Array.from({ length: 60 }, (_, seed) => batchOf(seed, { records: 2, timestamp: 1_000 + seed }));
  for (const [at, batch] of batches.entries()) {
    batch.stamp(2 * at, at < 30 ? 1 : 3);
    store.put(keys.batch(batch.lastOffset), batch.bytes);
  }
  const epochs = encodeLeaderEpochs([{ epoch: 1, startOffset: 5 }, { epoch: 3, startOffset: 60 }]);
  const state = new Uint8Array(25 + epochs.length);
  state[0] = 1;
  const view = new DataView(state.buffer);
  for (const [at, number] of [5, 100, 4_711].entries()) writeInt64(view, 1 + 8 * at, number);
  state.set(epochs, 25);
  store.put(keys.state, state);
  store.put(keys.allProducers.from!, new Uint8Array(18));
  for (const open of ["first", "second"]) {
    const log = await openTreeLog(store);
    assert.deepEqual([log.startOffset, log.endOffset, log.epochAt(99)], [5, 100, 3], open);
    const kept = batches.slice(2, 50);
    assert.deepEqual(textOf(await readAll(log)), textOf(kept));
    assert.equal(log.sizeBytes, kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    assert.equal((await log.batchForTimestamp(1_030, 100))!.baseOffset, 60);
    assert.equal(store.get(keys.state)![0], 2);
  }
  assert.ok((await keysOfKind(store, SEGMENT_KIND)).length > 3);
  assert.deepEqual((await keysOfKind(store, 2)).filter((numbers) => numbers.length === 0), []);
});

// -- Producers --------------------------------------------------------------------------------------------------------

async function appendSequenced(log: TreeLog, count: number, first = 0): Promise<void> {
  for (let at = first; at < first + count; at++) {
    await storeBatch(log, sequencedBatch(at, { id: at % 3, sequence: Math.floor(at / 3) }));
  }
}

const sequences = (log: TreeLog): (number | undefined)[] =>
  [0n, 1n, 2n].map((id) => log.producers.get(id, 0)?.batches.at(-1)?.lastSequence);

test("a start after a kill reads what is above the snapshot, not the whole log", async () => {
  const store = new CountingStore();
  const log = await openTreeLog(store);
  await appendSequenced(log, 300);
  const inSegment = Math.ceil(SMALL_SEGMENTS.segmentBytes / sequencedBatch(0, { id: 0, sequence: 0 }).sizeBytes);
  store.reset();
  const reopened = await openTreeLog(store);
  assert.deepEqual(sequences(reopened), [99, 99, 99]);
  assert.ok(store.batchesRead <= inSegment + 1, `${store.batchesRead} batches read`);
  assert.ok((await keysOfKind(store, 2)).length <= 2);
});

test("a truncation takes back what producers sent, and reads little for it", async () => {
  const store = new CountingStore();
  const log = await openTreeLog(store);
  await appendSequenced(log, 300);
  const newest = Math.max(...(await keysOfKind(store, 2)).map(([offset]) => offset!));
  // Below the newest snapshot, which tells of what is gone.
  const boundary = newest - 3;
  store.reset();
  await log.truncateFrom(boundary);
  assert.ok(store.batchesRead < 60, `${store.batchesRead} batches read`);
  const expected = [0, 1, 2].map((id) => Math.floor((boundary - 1 - id) / 3));
  assert.deepEqual(sequences(log), expected);
  await appendSequenced(log, 40, boundary);
  const after = sequences(log);
  assert.deepEqual(sequences(await openTreeLog(store)), after);
});

test("what a trim takes away is still known of producers after a kill", async () => {
  const store = new CountingStore();
  const log = await openTreeLog(store, { ...SETTINGS });
  await appendSequenced(log, 9);
  await log.trimBefore(9);
  assert.deepEqual(sequences(await openTreeLog(store)), [2, 2, 2]);
});
