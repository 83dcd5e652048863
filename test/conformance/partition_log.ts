/** What every `PartitionLog` must do. An engine's test gives a maker of empty logs that can be opened again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SentinelError } from "../../src/base/errors.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import type { PartitionLog } from "../../src/storage/partition_log.ts";
import { batchOf, NOW_MS, readAll, store, textOf } from "../storage/log_fixture.ts";

export interface LogUnderTest extends AsyncDisposable {
  readonly log: PartitionLog;
  /** Closes the log and opens it again. */
  reopen(): Promise<PartitionLog>;
}

async function rejectsWith(code: ErrorCode, work: () => unknown): Promise<void> {
  await assert.rejects(async () => await work(), (thrown) => {
    assert.ok(thrown instanceof SentinelError, `wanted ${code}, got ${thrown}`);
    assert.equal(thrown.code, code, thrown.message);
    return true;
  });
}

/** `open` gives a log whose segments, or whatever it has, hold about 1,000 bytes. */
export function describePartitionLog(name: string, open: () => Promise<LogUnderTest>): void {
  const scenario = (title: string, run: (log: PartitionLog, made: LogUnderTest) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using made = await open();
      await run(made.log, made);
    });
  };

  scenario("appendAsLeader() gives dense offsets and the epoch", async (log) => {
    for (const [records, first] of [[1, 0], [3, 1], [2, 4]] as const) {
      const batch = batchOf(first, { records });
      assert.deepEqual(log.appendAsLeader(batch, 7), { baseOffset: first, endOffset: first + records });
      assert.equal(batch.leaderEpoch, 7);
    }
    assert.equal(log.endOffset, 6);
    assert.deepEqual(await log.flush(), { generation: 0, epoch: 7, endOffset: 6 });
    assert.equal(log.durableOffset, 6);
    assert.equal(log.writtenOffset, 6);
    assert.equal(log.pendingBytes, 0);
  });

  scenario("appendAsFollower() keeps the leader's offsets and epochs", async (log) => {
    const batches = [batchOf(1, { records: 2 }), batchOf(2)];
    batches[0]!.stamp(0, 3);
    batches[1]!.stamp(2, 4);
    assert.deepEqual(log.appendAsFollower(batches), { endOffset: 3 });
    assert.equal((await log.flush()).epoch, 4);
    assert.throws(() => log.appendAsFollower([batches[0]!]), /batch 0 where 3 is due/);
  });

  scenario("read() starts with the batch that holds the offset, at every offset", async (log) => {
    const stored = [];
    for (let seed = 0; seed < 30; seed++) stored.push(await store(log, batchOf(seed, { records: 1 + seed % 4 })));
    const all = await readAll(log);
    assert.deepEqual(textOf(all), textOf(stored));
    for (let offset = 0; offset < log.endOffset; offset++) {
      const [first] = await log.read(offset, { maxBytes: 1, upTo: log.endOffset });
      assert.ok(
        first!.baseOffset <= offset && first!.lastOffset >= offset,
        `${first!.baseOffset}–${first!.lastOffset} for ${offset}`,
      );
    }
  });

  scenario("read() returns the first batch whole and the next ones within maxBytes", async (log) => {
    for (let seed = 0; seed < 4; seed++) await store(log, batchOf(seed, { valueBytes: 100 }));
    const sizeBytes = (await log.read(0, { maxBytes: 1, upTo: 4 }))[0]!.sizeBytes;
    for (
      const [maxBytes, count] of [[0, 1], [1, 1], [2 * sizeBytes - 1, 1], [2 * sizeBytes, 2], [3 * sizeBytes - 1, 2], [
        3 * sizeBytes,
        3,
      ]] as const
    ) {
      assert.equal((await log.read(0, { maxBytes, upTo: 4 })).length, count, `maxBytes ${maxBytes}`);
    }
  });

  scenario("read() returns nothing that reaches above upTo", async (log) => {
    for (let seed = 0; seed < 3; seed++) await store(log, batchOf(seed, { records: 2 }));
    for (const [upTo, count] of [[0, 0], [1, 0], [2, 1], [3, 1], [4, 2], [6, 3], [100, 3]] as const) {
      assert.equal((await log.read(0, { maxBytes: 10_000, upTo })).length, count, `upTo ${upTo}`);
    }
  });

  scenario("read() outside the log is offset_out_of_range with both ends", async (log) => {
    await store(log, batchOf(1, { records: 3 }));
    assert.deepEqual(await log.read(3, { maxBytes: 100, upTo: 3 }), []);
    for (const offset of [-1, 4, 1.5, NaN]) {
      await rejectsWith("offset_out_of_range", () => log.read(offset, { maxBytes: 100, upTo: 3 }));
    }
    await assert.rejects(
      async () => await log.read(9, { maxBytes: 1, upTo: 3 }),
      (thrown) => thrown instanceof SentinelError && thrown.facts["earliest"] === 0 && thrown.facts["tail"] === 3,
    );
  });

  scenario("truncateFrom() cuts at every boundary, and offsets go on there", async (log, made) => {
    const stored = [];
    for (let seed = 0; seed < 24; seed++) stored.push(await store(log, batchOf(seed, { records: 2 })));
    let current = log;
    for (const boundary of [48, 46, 30, 28, 2, 0]) {
      const generation = current.generation;
      await current.truncateFrom(boundary);
      assert.ok(current.generation > generation);
      assert.deepEqual([current.endOffset, current.writtenOffset, current.durableOffset], [
        boundary,
        boundary,
        boundary,
      ]);
      assert.deepEqual(textOf(await readAll(current)), textOf(stored.slice(0, boundary / 2)));
      current = await made.reopen();
      assert.equal(current.endOffset, boundary);
      assert.deepEqual(textOf(await readAll(current)), textOf(stored.slice(0, boundary / 2)));
    }
    assert.equal(current.appendAsLeader(batchOf(99), 1).baseOffset, 0);
    await current.flush();
  });

  scenario("truncateFrom() at what is no boundary changes nothing", async (log) => {
    for (let seed = 0; seed < 3; seed++) await store(log, batchOf(seed, { records: 2 }));
    await log.trimBefore(2);
    for (const offset of [3, 5, 7, 1, 0, -1]) await rejectsWith("offset_out_of_range", () => log.truncateFrom(offset));
    assert.equal(log.endOffset, 6);
    assert.equal(log.failure, null);
    await store(log, batchOf(3));
    assert.equal((await readAll(log)).length, 3);
  });

  scenario("truncateFrom() leaves nobody waiting for what it takes", async (log) => {
    await store(log, batchOf(1));
    log.appendAsLeader(batchOf(2), 0);
    const [waited] = await Promise.allSettled([log.flush(), log.truncateFrom(1)]);
    // It may have been synced first: then it was durable, and the wait is over.
    if (waited.status === "rejected") assert.equal((waited.reason as SentinelError).code, "storage_error");
    assert.equal(log.endOffset, 1);
    assert.equal((await log.flush()).endOffset, 1);
  });

  scenario("trimBefore() moves the start up, never down, and survives", async (log, made) => {
    for (let seed = 0; seed < 24; seed++) await store(log, batchOf(seed, { records: 2 }));
    let current = log;
    for (const offset of [1, 2, 7, 30, 30, 29, 48]) {
      const expected = Math.max(current.startOffset, offset);
      await current.trimBefore(offset);
      assert.equal(current.startOffset, expected);
      await rejectsWith("offset_out_of_range", () => current.read(expected - 1, { maxBytes: 1, upTo: 48 }));
      current = await made.reopen();
      assert.equal(current.startOffset, expected);
      assert.equal(current.endOffset, 48);
      if (expected < 48) assert.ok((await readAll(current))[0]!.lastOffset >= expected);
    }
    await rejectsWith("offset_out_of_range", () => current.trimBefore(49));
    await rejectsWith("offset_out_of_range", () => current.trimBefore(48.5));
    assert.equal(current.failure, null);
    assert.equal(current.appendAsLeader(batchOf(99), 1).baseOffset, 48);
    await current.flush();
  });

  scenario("batchForTimestamp() finds the first batch that reaches a time", async (log) => {
    const times = [50, 10, 70, 30, 70, 90];
    for (const [seed, time] of times.entries()) await store(log, batchOf(seed, { timestamp: time, valueBytes: 300 }));
    for (let timestamp = 0; timestamp <= 91; timestamp++) {
      const expected = times.findIndex((time) => time >= timestamp);
      const found = await log.batchForTimestamp(timestamp, 6);
      assert.equal(found?.baseOffset ?? -1, expected, `at ${timestamp}`);
    }
    assert.equal(await log.batchForTimestamp(90, 5), null);
    assert.equal((await log.batchForTimestamp(60, 6, 3))!.baseOffset, 4);
    await log.trimBefore(3);
    assert.equal((await log.batchForTimestamp(0, 6))!.baseOffset, 3);
  });

  scenario("epochAt() and endOffsetForEpoch() follow the epochs", async (log, made) => {
    for (const [seed, epoch] of [[0, 1], [1, 1], [2, 4], [3, 6]] as const) {
      await store(log, batchOf(seed, { records: 2 }), epoch);
    }
    const check = (current: PartitionLog): void => {
      assert.deepEqual([0, 3, 4, 5, 6, 7, 8].map((offset) => current.epochAt(offset)), [1, 1, 4, 4, 6, 6, 6]);
      assert.deepEqual([0, 1, 2, 4, 6, 7].map((epoch) => current.endOffsetForEpoch(epoch)), [
        null,
        4,
        null,
        6,
        8,
        null,
      ]);
    };
    check(log);
    const reopened = await made.reopen();
    check(reopened);
    await reopened.truncateFrom(4);
    assert.equal(reopened.endOffsetForEpoch(4), null);
    assert.equal(reopened.epochAt(9), 1);
    assert.throws(() => reopened.appendAsLeader(batchOf(9), 0), /epoch 0/);
  });

  scenario("close() can be called twice, keeps all that was appended, and ends appends", async (log, made) => {
    const batches = [batchOf(1), batchOf(2)];
    for (const batch of batches) log.appendAsLeader(batch, 0);
    await Promise.all([log.close(), log.close()]);
    await log.close();
    await rejectsWith("storage_error", () => log.appendAsLeader(batchOf(3), 0));
    await rejectsWith("storage_error", () => log.flush());
    await rejectsWith("storage_error", () => log.read(0, { maxBytes: 1, upTo: 2 }));
    const reopened = await made.reopen();
    assert.deepEqual(textOf(await readAll(reopened)), textOf(batches));
  });

  scenario("reads run beside appends and see only whole batches in order", async (log) => {
    let next = 0;
    const reader = async (): Promise<void> => {
      while (next < 60) {
        const batches = await log.read(next, { maxBytes: 400, upTo: log.durableOffset });
        for (const batch of batches) {
          assert.ok(batch.baseOffset === next && batch.hasValidCrc());
          next = batch.endOffset;
        }
        // A turn of the event loop: without it nothing that waits for the disk would ever run.
        await nextTurn();
      }
    };
    const reading = reader();
    for (let seed = 0; seed < 60; seed++) await store(log, batchOf(seed, { timestamp: NOW_MS }));
    await reading;
    assert.equal(next, 60);
  });
}
