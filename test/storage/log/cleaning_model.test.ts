/**
 * I28: a compacted log against arrays and maps: random appends, passes, reads, restarts and crashes, from one seed each,
 * in each storage engine.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { StoredRecord } from "../../../src/records/record.ts";
import type { PartitionLog } from "../../../src/storage/partition_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { type LogEngine, type OpenEngine, SEGMENTS, treeEngine } from "../log_engines.ts";
import { NOW_MS, readAll } from "../log_fixture.ts";
import {
  boundsOf,
  COMPACTION,
  keyedBatch,
  lineOf,
  recordsOf,
  textOf,
  TOOLS,
  YieldingClock,
} from "./cleaning_fixture.ts";
import type { KeyedRecord } from "./cleaning_fixture.ts";

const SEEDS = Number(process.env["SENTINEL_MODEL_SEEDS"] ?? 40);
const SEEDS_OF_ONE_TEST = 10;
const STEPS = 60;

interface ModelRecord extends KeyedRecord {
  readonly offset: number;
  /** When a pass first had it below its map's end. */
  cleanedMs: number | null;
}

class Model {
  readonly #random: SeededRandom;
  readonly #settings;
  readonly #cacheBytes: number;
  readonly #clock = new YieldingClock();
  readonly #keysMax: number;
  #disk = new FaultyDisk();
  readonly #engine: LogEngine;
  #open!: OpenEngine;
  #records: ModelRecord[] = [];
  /** End offsets of the batches that were appended. */
  #boundaries: number[] = [0];
  #cleanOffset = 0;
  #nowMs = NOW_MS;
  #next = 0;
  passes = 0;

  constructor(engine: LogEngine, seed: number) {
    this.#engine = engine;
    this.#random = new SeededRandom(seed);
    this.#settings = {
      segmentBytes: this.#random.pick([300, 900, 5_000]),
      indexIntervalBytes: this.#random.pick([0, 150, 4_096]),
      compaction: { ...COMPACTION, deleteRetentionMs: this.#random.pick([0, 500, 100_000]) },
    };
    this.#keysMax = this.#random.pick([1, 2, 5, 1_000]);
    this.#cacheBytes = this.#random.pick([0, 500, 100_000]);
  }

  get #log(): PartitionLog {
    return this.#open.log;
  }

  async run(): Promise<void> {
    this.#open = await this.#engine.open(this.#disk, this.#settings, { clock: this.#clock, isNew: true });
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.#random.below(100));
      this.#nowMs += this.#random.below(400);
    }
    await this.#clean();
    await this.#checkWhole();
    await this.#open.close();
    assert.equal(this.#disk.openFiles, 0);
  }

  async #step(choice: number): Promise<void> {
    if (choice < 55) return await this.#append();
    if (choice < 70) return await this.#clean();
    if (choice < 80) return await this.#readDuringCleaning();
    if (choice < 90) return await this.#checkWhole();
    await this.#restart(choice < 95);
  }

  async #append(): Promise<void> {
    const count = 1 + this.#random.below(4);
    const records = Array.from({ length: count }, (): KeyedRecord => ({
      key: `k${this.#random.below(6)}`,
      value: this.#random.below(4) === 0 ? null : `v${this.#next++}`.padEnd(this.#random.below(60), "."),
      timestamp: NOW_MS + this.#random.below(1_000),
    }));
    const codec = this.#random.pick([undefined, undefined, "snappy", "lz4", "gzip", "zstd"] as const);
    const batch = await keyedBatch(records, codec === undefined ? {} : { codec });
    const { baseOffset, endOffset } = this.#log.appendAsLeader(batch, 0);
    records.forEach((record, at) => this.#records.push({ ...record, offset: baseOffset + at, cleanedMs: null }));
    this.#boundaries.push(endOffset);
    await this.#log.flush();
  }

  async #clean(): Promise<void> {
    const upTo = this.#random.pick(this.#boundaries);
    const tools = { ...TOOLS, keysMax: this.#keysMax };
    const result = await this.#log.cleaning!.clean(boundsOf(upTo, { nowMs: this.#nowMs }), tools);
    if (result.outcome === "nothing") return;
    assert.equal(result.outcome, "cleaned");
    this.passes += 1;
    assert.ok(result.cleanOffset > this.#cleanOffset && result.cleanOffset <= upTo);
    this.#cleanOffset = result.cleanOffset;
    await this.#checkWhole();
    for (const record of this.#records) if (record.offset < this.#cleanOffset) record.cleanedMs ??= this.#nowMs;
  }

  /** The newest of each key below the clean offset and everything above it, but for tombstones whose time is over. */
  async #checkWhole(): Promise<void> {
    const found = await recordsOf(await readAll(this.#log, 0));
    const byOffset = new Map(found.map((record) => [record.offset, record]));
    const newest = new Map<string, number>();
    for (const { key, offset } of this.#records) if (offset < this.#cleanOffset) newest.set(key!, offset);
    for (const record of this.#records) {
      const stored = byOffset.get(record.offset);
      byOffset.delete(record.offset);
      const isNewest = record.offset >= this.#cleanOffset || newest.get(record.key!) === record.offset;
      const horizon = (record.cleanedMs ?? Infinity) + this.#settings.compaction.deleteRetentionMs;
      if (stored !== undefined) {
        assert.equal(lineOf(stored), `${record.offset} ${record.key}=${record.value ?? ""}`);
        assert.equal(stored.timestamp, record.timestamp);
        assert.equal(stored.headers.length, 1);
        assert.ok(isNewest, `${lineOf(stored)} is superseded`);
      } else if (isNewest) {
        assert.ok(record.value === null && this.#nowMs >= horizon, `${record.offset} ${record.key} is not there`);
      }
    }
    assert.equal(byOffset.size, 0);
    this.#checkState(found);
  }

  /** What a consumer that has read everything holds is what a map holds. */
  #checkState(found: readonly StoredRecord[]): void {
    const expected = new Map<string, string>();
    for (const { key, value } of this.#records) {
      if (value === null) expected.delete(key!);
      else expected.set(key!, value);
    }
    const state = new Map<string, string>();
    for (const { key, value } of found) {
      if (value === null) state.delete(textOf(key));
      else state.set(textOf(key), textOf(value));
    }
    assert.deepEqual(new Map([...state].sort()), new Map([...expected].sort()));
  }

  /** A consumer that begins before a pass and ends behind it. */
  async #readDuringCleaning(): Promise<void> {
    const reading = readAll(this.#log, 0);
    const cleaning = this.#clean();
    const [batches] = await Promise.all([reading, cleaning]);
    const found = await recordsOf(batches);
    for (const [at, record] of found.entries()) assert.ok(at === 0 || record.offset > found[at - 1]!.offset);
    this.#checkState(found);
  }

  async #restart(isCrash: boolean): Promise<void> {
    if (isCrash) {
      // In the middle of whatever the pass is doing.
      const { before } = this.#disk;
      const dying = this.#disk;
      let left = this.#random.below(40);
      let image: FaultyDisk | null = null;
      dying.after = () => {
        if (left-- === 0) image = dying.crash(this.#random.pick(["kill", "lost", "some"] as const), this.#random);
      };
      await this.#clean();
      dying.after = () => {};
      dying.before = before;
      this.#disk = image ?? dying.crash("some", this.#random);
      await this.#open.close();
    } else await this.#open.close();
    const options = { clock: this.#clock, cacheBytes: this.#cacheBytes };
    this.#open = await this.#engine.open(this.#disk, this.#settings, options);
    assert.equal(this.#log.endOffset, this.#boundaries.at(-1));
    // A pass that a crash cut short counts for nothing, though some of its segments may be in place.
    const need = await this.#log.cleaning!.need(boundsOf(this.#log.endOffset));
    if (need !== null && isCrash) await this.#finishPass();
    await this.#checkWhole();
  }

  async #finishPass(): Promise<void> {
    this.#cleanOffset = 0;
    for (let more = true; more;) {
      const upTo = this.#log.endOffset;
      const result = await this.#log.cleaning!.clean(boundsOf(upTo, { nowMs: this.#nowMs }), TOOLS);
      more = result.outcome === "cleaned";
      if (more) this.#cleanOffset = result.cleanOffset;
    }
    for (const record of this.#records) if (record.offset < this.#cleanOffset) record.cleanedMs ??= this.#nowMs;
  }
}

let passes = 0;

for (const engine of [SEGMENTS, treeEngine("always"), treeEngine("written")]) {
  for (let first = 1; first <= SEEDS; first += SEEDS_OF_ONE_TEST) {
    test(`a compacted log keeps what maps keep, from seed ${first} on: ${engine.name}`, async () => {
      for (let seed = first; seed < first + SEEDS_OF_ONE_TEST; seed++) {
        const model = new Model(engine, seed);
        try {
          await model.run();
        } catch (thrown) {
          throw new Error(`Seed ${seed}`, { cause: thrown });
        }
        passes += model.passes;
      }
    });
  }
}

test("there were passes", () => {
  assert.ok(passes > 3 * SEEDS, `only ${passes} passes`);
});
