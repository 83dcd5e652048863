/** A log against an array: random appends, flushes, truncations, trims, reads, restarts and crashes, from one seed each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { batchOf, newLog, openLog, textOf } from "../log_fixture.ts";

const SEEDS = 200;
const STEPS = 40;

interface ModelBatch {
  readonly base: number;
  readonly end: number;
  readonly text: string;
  readonly timestamp: number;
}

class Model {
  readonly #random: SeededRandom;
  readonly #settings: { readonly segmentBytes: number; readonly indexIntervalBytes: number };
  readonly #cacheBytes: number;
  #disk = new FaultyDisk();
  #log!: SegmentLog;
  #batches: ModelBatch[] = [];
  #start = 0;
  #epoch = 0;
  #next = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#settings = {
      segmentBytes: this.#random.pick([250, 600, 5_000]),
      indexIntervalBytes: this.#random.pick([0, 150, 4_096]),
    };
    this.#cacheBytes = this.#random.pick([0, 500, 100_000]);
  }

  get #end(): number {
    return this.#batches.at(-1)?.end ?? this.#start;
  }

  async run(): Promise<void> {
    this.#log = await newLog(this.#disk, this.#settings);
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.#random.below(100));
      assert.deepEqual([this.#log.startOffset, this.#log.endOffset], [this.#start, this.#end]);
    }
    await this.#readEverything();
    await this.#log.close();
    assert.equal(this.#disk.openFiles, 0);
  }

  #step(choice: number): Promise<void> | void {
    if (choice < 50) return this.#append();
    if (choice < 60) return void this.#log.flush();
    if (choice < 75) return this.#read(this.#start + this.#random.below(this.#end - this.#start + 1));
    if (choice < 80) return this.#search();
    if (choice < 85) return this.#truncate();
    if (choice < 90) return this.#trim();
    if (choice < 93) return this.#restart();
    if (choice < 97) return this.#crash();
    this.#epoch += 1;
  }

  #append(): void {
    const timestamp = 1_000 + this.#random.below(1_000);
    const batch = batchOf(this.#next++, {
      records: 1 + this.#random.below(4),
      valueBytes: this.#random.below(60),
      timestamp,
    });
    const { baseOffset, endOffset } = this.#log.appendAsLeader(batch, this.#epoch);
    assert.equal(baseOffset, this.#end);
    this.#batches.push({ base: baseOffset, end: endOffset, text: textOf([batch])[0]!, timestamp });
  }

  async #read(from: number): Promise<void> {
    await this.#log.flushToSystem();
    const upTo = from + this.#random.below(this.#end - from + 1);
    const maxBytes = this.#random.below(2_000);
    const found = await this.#log.read(from, { maxBytes, upTo });
    const expected = this.#batches.filter((batch) => batch.end > from && batch.end <= upTo);
    if (from === upTo || expected.length === 0 || this.#batches.find((batch) => batch.end > from)!.end > upTo) {
      return void assert.equal(found.length, 0);
    }
    assert.ok(found.length > 0 && found.length <= expected.length);
    assert.deepEqual(textOf(found), expected.slice(0, found.length).map((batch) => batch.text));
    const bytes = found.reduce((sum, batch) => sum + batch.sizeBytes, 0);
    assert.ok(found.length === 1 || bytes <= maxBytes);
  }

  async #search(): Promise<void> {
    await this.#log.flushToSystem();
    const timestamp = 900 + this.#random.below(1_200);
    const found = await this.#log.batchForTimestamp(timestamp, this.#end);
    const expected = this.#batches.find((batch) => batch.timestamp >= timestamp && batch.end > this.#start);
    assert.equal(found?.baseOffset, expected?.base);
  }

  async #truncate(): Promise<void> {
    const boundaries = [this.#end, ...this.#batches.map((batch) => batch.base)].filter((offset) =>
      offset >= this.#start
    );
    const boundary = this.#random.pick(boundaries);
    await this.#log.truncateFrom(boundary);
    this.#batches = this.#batches.filter((batch) => batch.end <= boundary);
    if (this.#batches.length === 0) this.#start = boundary;
  }

  async #trim(): Promise<void> {
    const offset = this.#start + this.#random.below(this.#end - this.#start + 1);
    await this.#log.trimBefore(offset);
    this.#start = offset;
    this.#batches = this.#end === offset ? this.#batches : this.#batches.filter((batch) => batch.end > offset);
  }

  async #restart(): Promise<void> {
    await this.#log.close();
    this.#log = (await openLog(this.#disk, this.#settings, undefined, this.#cacheBytes)).log;
  }

  async #crash(): Promise<void> {
    const durable = this.#log.durableOffset;
    this.#disk = this.#disk.crash(this.#random.pick(["kill", "lost", "some"] as const), this.#random);
    this.#log = (await openLog(this.#disk, this.#settings, undefined, this.#cacheBytes)).log;
    const { endOffset } = this.#log;
    assert.ok(endOffset >= durable && endOffset <= this.#end, `${endOffset} is not within ${durable}–${this.#end}`);
    this.#batches = this.#batches.filter((batch) => batch.end <= endOffset);
    assert.equal(this.#end, endOffset);
    await this.#readEverything();
  }

  async #readEverything(): Promise<void> {
    for (const { base, end } of this.#batches) {
      for (let offset = Math.max(base, this.#start); offset < end; offset++) await this.#read(offset);
    }
  }
}

test(`a log does what an array does, from ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await new Model(seed).run();
    } catch (thrown) {
      throw new Error(`Seed ${seed}`, { cause: thrown });
    }
  }
});
