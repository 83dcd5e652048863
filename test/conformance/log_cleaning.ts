/** What compaction does and leaves, case by case, in every engine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordBatch } from "../../src/records/record_batch.ts";
import type { CleaningResult } from "../../src/storage/log_cleaning.ts";
import type { LogSettings, PartitionLog } from "../../src/storage/partition_log.ts";
import {
  type BatchOptions,
  boundsOf,
  COMPACTION,
  keyedBatch,
  lineOf,
  recordsOf,
  TOOLS,
} from "../storage/log/cleaning_fixture.ts";
import { NOW_MS, readAll, store } from "../storage/log_fixture.ts";
import type { LogUnderTest } from "./partition_log.ts";

/** Small enough that every batch of the tests gets a segment of its own. */
export const ONE_BATCH_EACH: Partial<LogSettings> = {
  segmentBytes: 90,
  indexIntervalBytes: 0,
  compaction: COMPACTION,
};
export const MERGING: Partial<LogSettings> = { ...ONE_BATCH_EACH, segmentBytes: 1_000 };

export const settingsOf = (settings: Partial<LogSettings>): LogSettings => ({
  segmentBytes: 1_000_000,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 200,
  retentionMs: -1,
  retentionBytes: -1,
  batchBytesMax: 1_048_588,
  ...settings,
});

/** `k=v k2= k3=x`: a batch of three records, the second a tombstone. */
export async function append(log: PartitionLog, text: string, options: BatchOptions = {}): Promise<Uint8Array> {
  const records = text.split(" ").map((part) => {
    const [key, value] = part.split("=");
    return { key: key === "" ? null : key!, value: value === "" ? null : value! };
  });
  return await store(log, await keyedBatch(records, options));
}

/** Seals what is there: the next batch goes into another segment. */
export async function seal(log: PartitionLog, settings: Partial<LogSettings>): Promise<void> {
  log.configure({ ...settingsOf(settings), segmentBytes: 1 });
  await append(log, "seal=1");
  log.configure(settingsOf(settings));
}

export async function clean(log: PartitionLog, nowMs = NOW_MS, upTo = log.endOffset): Promise<CleaningResult> {
  return await log.cleaning!.clean(boundsOf(upTo, { nowMs }), TOOLS);
}

export const lines = async (log: PartitionLog): Promise<string[]> => (await recordsOf(await readAll(log))).map(lineOf);

export const shape = ({ baseOffset, lastOffset, recordCount }: RecordBatch): string =>
  `${baseOffset}–${lastOffset}: ${recordCount}`;

/** `open` gives a new log with these settings, over a clock that lets whoever only gives way go on. */
export function describeLogCleaning(name: string, open: (settings: LogSettings) => Promise<LogUnderTest>): void {
  const scenario = (
    title: string,
    settings: Partial<LogSettings>,
    run: (log: PartitionLog, made: LogUnderTest) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, async () => {
      await using made = await open(settingsOf(settings));
      await run(made.log, made);
    });
  };

  scenario(
    "the newest record of each key stays, at its offset, and batches keep their ranges",
    ONE_BATCH_EACH,
    async (log) => {
      await append(log, "a=1 b=1 a=2");
      await append(log, "c=1 b=2");
      await append(log, "a=3 d=1 a=4");
      await append(log, "active=1");
      const result = await clean(log);
      assert.deepEqual([result.outcome, result.cleanOffset, result.removedRecords], ["cleaned", 8, 4]);
      assert.deepEqual(await lines(log), ["3 c=1", "4 b=2", "6 d=1", "7 a=4", "8 active=1"]);
      // The first batch lost everything; it ends its segment, which must end where the next begins.
      assert.deepEqual((await readAll(log)).map(shape), ["0–2: 0", "3–4: 2", "5–7: 2", "8–8: 1"]);
    },
  );

  scenario("a read in a gap gives the next batch, and a search by time sees no emptied batch", {
    ...ONE_BATCH_EACH,
    segmentBytes: 1_000,
  }, async (log) => {
    await store(log, await keyedBatch([{ key: "a", value: "1", timestamp: 9_000 }]));
    await store(log, await keyedBatch([{ key: "a", value: "2", timestamp: 5_000 }]));
    await store(log, await keyedBatch([{ key: "b", value: "1", timestamp: 7_000 }]));
    await seal(log, MERGING);
    await clean(log);
    assert.deepEqual((await log.read(0, { maxBytes: 1, upTo: 4 })).map(shape), ["1–1: 1"]);
    assert.equal((await log.batchForTimestamp(8_000, 4))?.baseOffset, 3);
    assert.equal((await log.batchForTimestamp(6_000, 4))?.baseOffset, 2);
  });

  scenario("nothing at or above the bound is cleaned, nor supersedes anything", ONE_BATCH_EACH, async (log) => {
    for (const text of ["a=1", "a=2", "a=3", "b=1"]) await append(log, text);
    assert.equal((await clean(log, NOW_MS, 2)).cleanOffset, 2);
    assert.deepEqual(await lines(log), ["1 a=2", "2 a=3", "3 b=1"]);
    // The active segment is never cleaned: nothing is left below the end.
    assert.equal((await clean(log)).cleanOffset, 3);
    assert.deepEqual(await lines(log), ["2 a=3", "3 b=1"]);
    assert.equal((await clean(log)).outcome, "nothing");
  });

  scenario(
    "a tombstone stays for delete.retention.ms after its first pass, as KIP-534 has it, then it goes",
    ONE_BATCH_EACH,
    async (log) => {
      await append(log, "a=1");
      await append(log, "a= b=1");
      await append(log, "c=1");
      await clean(log, NOW_MS);
      assert.deepEqual(await lines(log), ["1 a=", "2 b=1", "3 c=1"]);
      const [tombstoned] = await log.read(1, { maxBytes: 1, upTo: 4 });
      assert.equal(tombstoned!.deleteHorizonMs, NOW_MS + 1_000);
      // The deltas count from the horizon now; the records' own times are what they were.
      assert.deepEqual((await recordsOf([tombstoned!])).map(({ timestamp }) => timestamp), [NOW_MS, NOW_MS]);
      await append(log, "d=1");
      await clean(log, NOW_MS + 999);
      assert.equal((await lines(log))[0], "1 a=");
      await append(log, "e=1");
      await clean(log, NOW_MS + 1_000);
      assert.deepEqual(await lines(log), ["2 b=1", "3 c=1", "4 d=1", "5 e=1"]);
    },
  );

  scenario(
    "neighbours become one segment, as large as segment.bytes, and read on after a restart",
    ONE_BATCH_EACH,
    async (log, made) => {
      for (let round = 0; round < 20; round++) await append(log, `k${round % 3}=${round}`);
      log.configure(settingsOf({ ...MERGING, segmentBytes: 600 }));
      await clean(log);
      const expected = ["16 k1=16", "17 k2=17", "18 k0=18", "19 k1=19"];
      assert.deepEqual(await lines(log), expected);
      const again = await made.reopen();
      assert.deepEqual(await lines(again), expected);
      assert.equal(await again.cleaning!.need(boundsOf(20)), null);
    },
  );

  scenario("compressed batches are opened, and written again in their codec", ONE_BATCH_EACH, async (log) => {
    for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) await append(log, `a=1 ${codec}=1 a=2`, { codec });
    await append(log, "active=1");
    await clean(log);
    assert.deepEqual(await lines(log), ["1 gzip=1", "4 snappy=1", "7 lz4=1", "10 zstd=1", "11 a=2", "12 active=1"]);
    assert.deepEqual((await readAll(log)).map(({ codec }) => codec), ["gzip", "snappy", "lz4", "zstd", "none"]);
  });

  scenario(
    "the last batch of a producer that is alive survives without records, with its sequence",
    MERGING,
    async (log) => {
      await append(log, "a=1 b=1", { producerId: 7n });
      await append(log, "a=2 b=2");
      await seal(log, MERGING);
      await clean(log);
      const [first] = await readAll(log);
      assert.equal(shape(first!), "0–1: 0");
      assert.deepEqual([first!.producerId, first!.baseSequence, first!.lastOffsetDelta], [7n, 0, 1]);
      assert.ok(first!.hasValidCrc());
    },
  );

  scenario("records of aborted transactions go and supersede nothing; markers stay", MERGING, async (log) => {
    await append(log, "a=kept b=old");
    await append(log, "a=aborted", { producerId: 5n, isTransactional: true });
    await append(log, "b=new", { producerId: 6n, isTransactional: true });
    await seal(log, MERGING);
    const abortedTransactions = [{ producerId: 5n, firstOffset: 2, lastOffset: 9 }];
    await log.cleaning!.clean(boundsOf(log.endOffset, { abortedTransactions }), TOOLS);
    assert.deepEqual(await lines(log), ["0 a=kept", "3 b=new", "4 seal=1"]);
  });

  scenario("records without a key, from before the topic was compacted, go", MERGING, async (log) => {
    await append(log, "=1 a=1 =2");
    await seal(log, MERGING);
    assert.equal((await clean(log)).removedRecords, 2);
    assert.deepEqual(await lines(log), ["1 a=1", "3 seal=1"]);
  });

  scenario("need(): the dirty part, the lags, the ratio", ONE_BATCH_EACH, async (log) => {
    const compaction = (change: Partial<typeof COMPACTION>): void =>
      log.configure(settingsOf({ ...ONE_BATCH_EACH, compaction: { ...COMPACTION, ...change } }));
    for (const [text, timestamp] of [["a", 100], ["b", 200], ["c", 300], ["d", 400]] as const) {
      await store(log, await keyedBatch([{ key: text, value: "1", timestamp }]));
    }
    const need = (nowMs: number) => log.cleaning!.need(boundsOf(4, { nowMs }));
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
  });

  scenario(
    "a trim ends a pass too, and a truncation below what is compacted is refused",
    ONE_BATCH_EACH,
    async (log) => {
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
    },
  );

  scenario("retention takes a segment that holds nothing but an emptied batch with the next one that goes", {
    ...ONE_BATCH_EACH,
    retentionMs: 1_000,
  }, async (log) => {
    for (const [value, timestamp] of [["1", 100], ["2", 200], ["3", 5_000]] as const) {
      await store(log, await keyedBatch([{ key: "a", value, timestamp }]));
    }
    await store(log, await keyedBatch([{ key: "b", value: "1", timestamp: 5_000 }]));
    await clean(log, NOW_MS, 2);
    assert.ok(await log.applyRetention(2_000) > 0);
    assert.equal(log.startOffset, 2);
  });
}
