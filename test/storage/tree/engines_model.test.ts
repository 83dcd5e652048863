/**
 * A log in a store against one in segments: the same random appends, flushes, cuts, trims, retention, passes of the
 * cleaner, restarts, kills and power losses on both, and the same answers to reads and searches by time, from one seed
 * each. Both roll by the same rule, so that what goes by segments must agree, too. Only a trim inside a segment makes them
 * differ: its bytes stay in a file, and do not in a store. Half of the seeds trim where a segment begins.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { nodeCompression } from "../../../adapters/node/compression.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { compressBatch } from "../../../src/records/compressed_batch.ts";
import { RecordBatch } from "../../../src/records/record_batch.ts";
import type { LogSettings, PartitionLog } from "../../../src/storage/partition_log.ts";
import { parseSegmentFileName } from "../../../src/storage/log/segment_file_name.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { type CrashMode, FaultyDisk } from "../faulty_disk.ts";
import { boundsOf, COMPACTION, TOOLS, YieldingClock } from "../log/cleaning_fixture.ts";
import { type LogEngine, type OpenEngine, SEGMENTS, treeEngine } from "../log_engines.ts";
import { DIRECTORY, NOW_MS, readAll, SETTINGS, textOf } from "../log_fixture.ts";

/** The full size is 1,000. */
const SEEDS = Number(process.env["SENTINEL_MODEL_SEEDS"] ?? 40);
const SEEDS_OF_ONE_TEST = 10;
const STEPS = 80;
const PRODUCERS = [1, 2, 3];
const CODECS = [undefined, undefined, "snappy", "gzip"] as const;

/** One of the two. */
class Side {
  readonly engine: LogEngine;
  readonly clock = new YieldingClock();
  disk = new FaultyDisk();
  open!: OpenEngine;

  constructor(engine: LogEngine) {
    this.engine = engine;
  }

  get log(): PartitionLog {
    return this.open.log;
  }

  async start(settings: LogSettings, cacheBytes: number, isNew = false): Promise<void> {
    this.open = await this.engine.open(this.disk, settings, { clock: this.clock, isNew, cacheBytes });
  }
}

class Model {
  readonly #random: SeededRandom;
  readonly #segments = new Side(SEGMENTS);
  readonly #tree: Side;
  readonly #settings: LogSettings;
  readonly #trimsAnywhere: boolean;
  readonly #isCompacted: boolean;
  readonly #cacheBytes: number;
  readonly #keysMax: number;
  /** Base offsets of batches that are not compacted, and the end. */
  #boundaries: number[] = [0];
  #epoch = 0;
  #next = 0;
  #nowMs = NOW_MS;
  /** A cut can take away what only a trimmed batch told of a producer. */
  #isTrimmed = false;
  #isProducersTold = true;
  readonly done = new Map<string, number>();

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#tree = new Side(treeEngine(random.pick(["always", "written", "batch"] as const)));
    this.#trimsAnywhere = random.below(2) === 0;
    this.#isCompacted = !this.#trimsAnywhere && random.below(3) > 0;
    this.#cacheBytes = random.pick([0, 500, 100_000]);
    this.#keysMax = random.pick([2, 5, 1_000]);
    this.#settings = {
      ...SETTINGS,
      segmentBytes: random.pick([250, 900, 5_000]),
      segmentMs: random.pick([300, Number.MAX_SAFE_INTEGER]),
      indexIntervalBytes: random.pick([0, 150, 4_096]),
      ...(this.#isCompacted
        ? { compaction: { ...COMPACTION, deleteRetentionMs: random.pick([0, 500]), lagMsMin: random.pick([0, 400]) } }
        : {}),
    };
  }

  async run(): Promise<void> {
    for (const side of this.#sides) await side.start(this.#settings, this.#cacheBytes, true);
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.#random.below(100));
      this.#nowMs += this.#random.below(50);
      const [one, other] = this.#sides.map(({ log }) => [log.startOffset, log.endOffset, log.epochAt(log.endOffset)]);
      assert.deepEqual(other, one, "start, end, epoch");
    }
    await this.#compareWhole();
    for (const side of this.#sides) await side.open.close();
    assert.deepEqual(this.#sides.map(({ disk }) => disk.openFiles), [0, 0]);
  }

  get #sides(): readonly [Side, Side] {
    return [this.#segments, this.#tree];
  }

  get #log(): PartitionLog {
    return this.#segments.log;
  }

  #step(choice: number): Promise<void> | void {
    if (choice < 45) return this.#append();
    if (choice < 50) return void this.#sides.forEach(({ log }) => log.requestFlush());
    if (choice < 62) return this.#search();
    if (choice < 70) return this.#read();
    if (choice < 75) return this.#truncate();
    if (choice < 79) return this.#trim();
    if (choice < 84) return this.#retain();
    if (choice < 90) return this.#clean();
    if (choice < 93) return this.#restart(null);
    if (choice < 96) return this.#restart(this.#random.pick(["kill", "lost", "some"] as const));
    if (choice < 98) return this.#compareWhole();
    this.#epoch += 1;
  }

  /** The same on both sides, with the same answer or the same error. */
  async #both<Answer>(name: string, ask: (log: PartitionLog) => Promise<Answer> | Answer): Promise<Answer | null> {
    const answers: { readonly answer?: Answer; readonly code?: string }[] = [];
    for (const { log } of this.#sides) {
      try {
        answers.push({ answer: await ask(log) });
      } catch (thrown) {
        if (!(thrown instanceof SentinelError)) throw thrown;
        answers.push({ code: thrown.code });
      }
    }
    assert.deepEqual(answers[1], answers[0], name);
    if (answers[0]!.code === undefined) this.#count(name);
    return answers[0]!.answer ?? null;
  }

  async #append(): Promise<void> {
    const batch = await this.#makeBatch();
    // Each log owns the bytes that it is given.
    const [one, other] = this.#sides.map(({ log }) =>
      log.appendAsLeader(new RecordBatch(batch.bytes.slice()), this.#epoch)
    );
    assert.deepEqual(other, one);
    this.#boundaries.push(one!.endOffset);
  }

  async #makeBatch(): Promise<RecordBatch> {
    const random = this.#random;
    const inputs = Array.from({ length: 1 + random.below(4) }, () => ({
      key: encode(`k${random.below(5)}`),
      value: random.below(5) === 0 ? null : encode(`v${this.#next++}`.padEnd(random.below(80), ".")),
      headers: [],
      // Mostly ascending.
      timestamp: this.#nowMs - (random.below(4) === 0 ? random.below(1_000) : 0),
    }));
    const id = random.pick([...PRODUCERS, 0]);
    const baseSequence = 1 + (this.#log.producers.get(BigInt(id), 0)?.batches.at(-1)?.lastSequence ?? -1);
    const producer = id === 0 ? {} : { producerId: BigInt(id), producerEpoch: 0, baseSequence };
    const batch = buildRecordBatch(inputs, { nowMs: this.#nowMs, ...producer });
    const codec = random.pick(CODECS);
    return codec === undefined ? batch : await compressBatch(batch, codec, nodeCompression);
  }

  async #search(): Promise<void> {
    await this.#flushToSystem();
    const timestamp = this.#nowMs - this.#random.below(1_500);
    const upTo = this.#random.pick([...this.#boundaries, this.#log.endOffset]);
    const from = this.#offset();
    await this.#both("search", async (log) => (await log.batchForTimestamp(timestamp, upTo, from))?.baseOffset);
  }

  async #read(): Promise<void> {
    await this.#flushToSystem();
    const from = this.#offset();
    const options = { maxBytes: this.#random.below(1_000), upTo: this.#random.pick([from, ...this.#boundaries]) };
    // A read of segments ends with the segment.
    const [one, other] = await Promise.all(this.#sides.map(async ({ log }) => textOf(await log.read(from, options))));
    assert.equal(one!.length > 0, other!.length > 0);
    const count = Math.min(one!.length, other!.length);
    assert.deepEqual(other!.slice(0, count), one!.slice(0, count), `read from ${from}`);
  }

  async #truncate(): Promise<void> {
    const { startOffset } = this.#log;
    const boundary = this.#random.pick([...this.#boundaries.slice(-12), startOffset, startOffset + 1]);
    if (boundary > this.#log.endOffset) return;
    await this.#both("truncate", (log) => log.truncateFrom(boundary));
    this.#boundaries = this.#boundaries.filter((offset) => offset <= this.#log.endOffset);
    if (this.#isTrimmed) this.#isProducersTold = false;
  }

  async #trim(): Promise<void> {
    await this.#flush();
    let offset = this.#offset();
    if (!this.#trimsAnywhere) {
      const names = await this.#segments.disk.list(DIRECTORY);
      const bases = names.map((name) => parseSegmentFileName(name)).filter((parsed) => parsed?.kind === "log");
      offset = this.#random.pick(bases)!.baseOffset;
    }
    await this.#both("trim", (log) => log.trimBefore(offset));
    this.#isTrimmed = true;
  }

  async #retain(): Promise<void> {
    if (this.#trimsAnywhere) return;
    await this.#flush();
    const { startOffset, sizeBytes } = this.#log;
    const retention = this.#random.below(2) === 0
      ? { retentionMs: this.#random.below(1_500) }
      : { retentionBytes: this.#random.below(sizeBytes + 1) };
    await this.#both("retention", (log) => {
      log.configure({ ...this.#settings, ...retention });
      return log.applyRetention(this.#nowMs);
    });
    for (const { log } of this.#sides) log.configure(this.#settings);
    if (this.#log.startOffset > startOffset) this.#isTrimmed = true;
  }

  async #clean(): Promise<void> {
    if (!this.#isCompacted) return;
    await this.#flush();
    const bounds = boundsOf(this.#random.pick(this.#boundaries), { nowMs: this.#nowMs });
    await this.#both("need", (log) => log.cleaning!.need(bounds));
    const result = await this.#both(
      "clean",
      (log) => log.cleaning!.clean(bounds, { ...TOOLS, keysMax: this.#keysMax }),
    );
    if (result?.outcome === "cleaned") this.#count("cleaned");
    await this.#compareWhole();
  }

  async #restart(crash: CrashMode | null): Promise<void> {
    await this.#flush();
    for (const side of this.#sides) {
      const image = crash === null ? side.disk : side.disk.crash(crash, new SeededRandom(this.#next));
      await side.open.close();
      side.disk = image;
      await side.start(this.#settings, this.#cacheBytes);
    }
    this.#count(crash === null ? "restart" : "crash");
    await this.#compareWhole();
  }

  async #compareWhole(): Promise<void> {
    await this.#flush();
    const [one, other] = await Promise.all(this.#sides.map(async ({ log }) => textOf(await readAll(log))));
    assert.deepEqual(other, one, "all batches");
    if (!this.#trimsAnywhere) {
      const [size, otherSize] = this.#sides.map(({ log }) => log.sizeBytes);
      assert.equal(otherSize, size, "bytes");
    }
    if (this.#isProducersTold) {
      const [known, otherKnown] = this.#sides.map(({ log }) =>
        PRODUCERS.map((id) => log.producers.get(BigInt(id), 0)?.batches.at(-1) ?? null)
      );
      assert.deepEqual(otherKnown, known, "producers");
    }
  }

  #offset(): number {
    const { startOffset, endOffset } = this.#log;
    return startOffset + this.#random.below(endOffset - startOffset + 1);
  }

  async #flush(): Promise<void> {
    for (const { log } of this.#sides) await log.flush();
  }

  async #flushToSystem(): Promise<void> {
    for (const { log } of this.#sides) await log.flushToSystem();
  }

  #count(name: string): void {
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const done = new Map<string, number>();

for (let first = 1; first <= SEEDS; first += SEEDS_OF_ONE_TEST) {
  test(`both engines answer alike, from seed ${first} on`, async () => {
    for (let seed = first; seed < first + SEEDS_OF_ONE_TEST && seed <= SEEDS; seed++) {
      const model = new Model(seed);
      try {
        await model.run();
      } catch (thrown) {
        throw new Error(`Seed ${seed}`, { cause: thrown });
      }
      for (const [name, count] of model.done) done.set(name, (done.get(name) ?? 0) + count);
    }
  });
}

test("everything was done in some seed", () => {
  for (const name of ["search", "truncate", "trim", "retention", "need", "clean", "cleaned", "restart", "crash"]) {
    assert.ok((done.get(name) ?? 0) >= SEEDS / 8, `${name}: ${done.get(name) ?? 0}`);
  }
});
