/**
 * Fear: something that is right alone is wrong beside something else. Appends, reads, searches, passes of the cleaner,
 * trims, retention and truncations of one log in a tree run beside each other, from one seed each; nobody may see damage, a
 * batch that is none, or time run backwards, and what is left must be whole.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SentinelError } from "../../../src/base/errors.ts";
import { Mutex } from "../../../src/storage/mutex.ts";
import type { TreeLog } from "../../../src/storage/tree/tree_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { boundsOf, COMPACTION, keyedBatch, recordsOf, TOOLS, YieldingClock } from "../log/cleaning_fixture.ts";
import { NOW_MS, readAll, SETTINGS } from "../log_fixture.ts";
import { openTree } from "../tree_fixture.ts";
import { openTreeLog } from "./tree_log_fixture.ts";

const SEEDS = Number(process.env["SENTINEL_MODEL_SEEDS"] ?? 12);
const APPENDS = 120;
const KEYS = 7;

class Actors {
  readonly log: TreeLog;
  readonly #random: SeededRandom;
  /** Whoever cuts a log appends nothing meanwhile: that is its replica's to see to. */
  readonly #appending = new Mutex();
  #isOver = false;
  readonly done = { read: 0, found: 0, cleaned: 0, trimmed: 0, cut: 0 };

  constructor(log: TreeLog, random: SeededRandom) {
    this.log = log;
    this.#random = random;
  }

  async run(): Promise<void> {
    const appending = this.#append().then(() => this.#isOver = true);
    const others = [this.#read(), this.#read(), this.#search(), this.#clean(), this.#trim(), this.#cut()];
    await Promise.all([appending, ...others]);
  }

  async #append(): Promise<void> {
    for (let number = 0; number < APPENDS; number++) {
      await this.#appending.run(async () => {
        const records = Array.from({ length: 1 + this.#random.below(3) }, () => ({
          key: `k${this.#random.below(KEYS)}`,
          value: this.#random.below(5) === 0 ? null : `v${number}`.padEnd(this.#random.below(90), "."),
          timestamp: NOW_MS + 10 * number - this.#random.below(200),
        }));
        this.log.appendAsLeader(await keyedBatch(records), 0);
        if (this.#random.below(3) === 0) await this.log.flush();
      });
      await this.#turns();
    }
    await this.log.flush();
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      await this.#unlessGone(async () => {
        let next = this.log.startOffset;
        while (next < this.log.durableOffset) {
          const { generation } = this.log;
          const batches = await this.log.read(next, { maxBytes: 400, upTo: this.log.durableOffset });
          // What was cut meanwhile begins anew.
          if (batches.length === 0 || generation !== this.log.generation) break;
          for (const batch of batches) {
            assert.ok(batch.endOffset > next && batch.hasValidCrc(), `${batch.baseOffset} where ${next} is due`);
            next = batch.endOffset;
          }
          this.done.read += batches.length;
          await this.#turns();
        }
      });
      await this.#turns();
    }
  }

  async #search(): Promise<void> {
    while (!this.#isOver) {
      await this.#unlessGone(async () => {
        const timestamp = NOW_MS + this.#random.below(10 * APPENDS);
        const found = await this.log.batchForTimestamp(timestamp, this.log.durableOffset);
        if (found === null) return;
        assert.ok(found.maxTimestamp >= timestamp && found.recordCount > 0);
        this.done.found += 1;
      });
      await this.#turns();
    }
  }

  async #clean(): Promise<void> {
    while (!this.#isOver) {
      // A cut is never below what everybody has: the last batches are not for the cleaner.
      const upTo = Math.max(this.log.startOffset, this.log.durableOffset - 12);
      const { outcome } = await this.log.cleaning.clean(boundsOf(upTo, { nowMs: NOW_MS }), TOOLS);
      if (outcome === "cleaned") this.done.cleaned += 1;
      await this.#turns();
    }
  }

  async #trim(): Promise<void> {
    while (!this.#isOver) {
      await this.#unlessGone(async () => {
        const { startOffset, durableOffset } = this.log;
        await this.log.trimBefore(startOffset + this.#random.below(Math.max(1, (durableOffset - startOffset) >> 3)));
        await this.log.applyRetention(NOW_MS);
        this.done.trimmed += 1;
      });
      await this.#rest(30);
    }
  }

  async #cut(): Promise<void> {
    while (!this.#isOver) {
      await this.#appending.run(() =>
        this.#unlessGone(async () => {
          const from = this.log.endOffset - this.#random.below(8);
          if (from < this.log.startOffset) return;
          const [batch] = await this.log.read(from, { maxBytes: 1, upTo: this.log.endOffset });
          if (batch === undefined) return;
          await this.log.truncateFrom(batch.baseOffset);
          assert.equal(this.log.endOffset, batch.baseOffset);
          this.done.cut += 1;
        })
      );
      await this.#rest(20);
    }
  }

  /** An offset may go between a look at the bounds and what is asked. */
  async #unlessGone(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (!(thrown instanceof SentinelError) || thrown.code !== "offset_out_of_range") throw thrown;
    }
  }

  /** So long that passes come to their end between two that would stop them. */
  async #rest(turnsMax: number): Promise<void> {
    for (let turns = this.#random.below(turnsMax); turns > 0 && !this.#isOver; turns--) await this.#turns();
  }

  async #turns(max = 40): Promise<void> {
    for (let turns = 1 + this.#random.below(max); turns > 0; turns--) await Promise.resolve();
    await nextTurn();
  }
}

const done = { read: 0, found: 0, cleaned: 0, trimmed: 0, cut: 0 };

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`everything at once, seed ${seed}`, async () => {
    const random = new SeededRandom(seed);
    const store = await openTree(new FaultyDisk(), { syncMode: random.pick(["always", "written", "batch"] as const) });
    const settings = {
      ...SETTINGS,
      segmentBytes: random.pick([300, 900]),
      indexIntervalBytes: random.pick([0, 200]),
      retentionBytes: random.pick([-1, 6_000]),
      compaction: { ...COMPACTION, deleteRetentionMs: 0 },
    };
    const options = { clock: new YieldingClock(), cacheBytes: random.pick([0, 1_000]) };
    const actors = new Actors(await openTreeLog(store, settings, options), random);
    await actors.run();
    const { log } = actors;
    assert.equal(log.failure, null);
    const batches = await readAll(log);
    await recordsOf(batches);
    assert.equal(log.sizeBytes, batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    const again = await openTreeLog(store, settings, options);
    assert.deepEqual([again.startOffset, again.endOffset, again.sizeBytes], [
      log.startOffset,
      log.endOffset,
      log.sizeBytes,
    ]);
    assert.deepEqual((await readAll(again)).map(({ crc }) => crc), batches.map(({ crc }) => crc));
    for (const name of ["read", "found", "cleaned", "trimmed", "cut"] as const) done[name] += actors.done[name];
    await store.close();
  });
}

test("all of it was done", () => {
  for (const [name, count] of Object.entries(done)) assert.ok(count >= SEEDS, `${name}: ${count}`);
});
