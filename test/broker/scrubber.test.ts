/** The scrub as the broker runs it: its budget, its passes, its place after a restart, and whom it tells. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { noCounts } from "../../src/broker/broker_counters.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/broker_options.ts";
import { ScrubBudget } from "../../src/broker/scrub_budget.ts";
import { Scrubber } from "../../src/broker/scrubber.ts";
import type { ScrubSource } from "../../src/broker/scrubber.ts";
import { renderMetrics } from "../../src/metrics/render_metrics.ts";
import {
  decodeScrubCheckpoint,
  encodeScrubCheckpoint,
  SCRUB_CHECKPOINT_FILE,
} from "../../src/storage/scrub_checkpoint.ts";
import type { Damage } from "../../src/storage/scrubbing.ts";
import { ManualClock } from "../manual_clock.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { IN_DIRECTORIES, openBroker, produce } from "./broker_fixture.ts";

const DAY_MS = 86_400_000;
const CHECK_MS = 60_000;
const FILE = `/data/${SCRUB_CHECKPOINT_FILE}`;
const RATE = 1_000;

/** Lets everything that does not wait for time go as far as it gets. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time on in steps until `isDone`, and not for longer than `maxMs`. */
async function passTime(clock: ManualClock, stepMs: number, maxMs: number, isDone: () => boolean): Promise<void> {
  for (let ms = 0; ms < maxMs && !isDone(); ms += stepMs) {
    clock.advance(stepMs);
    await settle();
  }
  assert.ok(isDone(), `not done within ${maxMs} ms`);
}

interface Reading {
  readonly path: string;
  readonly atMs: number;
}

/** Files of 1,000 bytes, read in slices of 100. */
class Fixture {
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly disk: FaultyDisk;
  readonly clock: ManualClock;
  readonly counters = noCounts();
  readonly read: Reading[] = [];
  readonly slices: number[] = [];
  readonly told: SentinelError[] = [];
  readonly damaged = new Map<string, Damage[]>();
  readonly scrubber: Scrubber;

  constructor(
    files: Readonly<Record<string, readonly string[]>>,
    disk = new FaultyDisk(),
    clock = new ManualClock(),
  ) {
    this.files = files;
    this.disk = disk;
    this.clock = clock;
    this.scrubber = new Scrubber({ clock, disk }, {
      sources: () => Object.keys(this.files).map((name) => this.#source(name)),
      counters: this.counters,
      dataPath: "/data",
      bytesPerSecond: RATE,
      periodMs: 7 * DAY_MS,
      checkMs: CHECK_MS,
      onDamage: (error) => this.told.push(error),
    });
  }

  static async make(files: Fixture["files"], disk = new FaultyDisk(), clock = new ManualClock()): Promise<Fixture> {
    await disk.makeDirectory("/data");
    const fixture = new Fixture(files, disk, clock);
    fixture.scrubber.start();
    return fixture;
  }

  get paths(): string[] {
    return this.read.map(({ path }) => path);
  }

  #source(name: string): ScrubSource {
    const units = this.files[name]!.map((file) => `/data/${name}/${file}`).map((path) => ({
      path,
      sizeBytes: 1_000,
      scrub: async (pace: { take(bytes: number): Promise<void> }) => {
        for (let slice = 0; slice < 10; slice++) {
          await pace.take(100);
          this.slices.push(this.clock.monotonicMs());
        }
        this.read.push({ path, atMs: this.clock.monotonicMs() });
        return this.damaged.get(path) ?? [];
      },
    }));
    const damage = units.flatMap(({ path }) => this.damaged.get(path) ?? []);
    return { name, scrubbing: { coldBytes: 1_000 * units.length, damage, units: () => units } };
  }

  async stop(): Promise<void> {
    this.scrubber.stop();
    await this.scrubber.ended;
  }
}

const damageAt = (path: string, position = 7): Damage => ({ path, position, detail: "bad", isMended: false });

test("a pass goes through everything by name, within its budget, and the next comes a week later", async () => {
  const fixture = await Fixture.make({ "orders-1": ["b", "c"], "orders-0": ["a"], "tree": ["d"] });
  const { clock, counters, slices } = fixture;
  await passTime(clock, 50, 120_000, () => counters.scrubPasses === 1);
  assert.deepEqual(fixture.paths, ["/data/orders-0/a", "/data/orders-1/b", "/data/orders-1/c", "/data/tree/d"]);
  assert.equal(counters.scrubReadBytes, 4_000);
  for (const [before, at] of slices.entries()) {
    const allowed = RATE * (at - CHECK_MS) / 1_000 + 100;
    assert.ok((before + 1) * 100 <= allowed, `${(before + 1) * 100} bytes after ${at - CHECK_MS} ms`);
  }
  assert.ok(slices.at(-1)! - slices[0]! < 4_000 + 40 * 50, "and not much slower than it may");
  assert.equal(clock.pending, 1, "between two passes it waits for nothing but the next look");
  const effects = fixture.disk.effects.length;
  clock.advance(6 * DAY_MS);
  await settle();
  assert.equal(fixture.read.length, 4);
  assert.equal(fixture.disk.effects.length, effects, "an idle broker writes nothing");
  await passTime(clock, CHECK_MS, 2 * DAY_MS, () => fixture.slices.length > 40);
  assert.ok(clock.monotonicMs() < 7 * DAY_MS + 3 * CHECK_MS);
  await passTime(clock, 500, 60_000, () => counters.scrubPasses === 2);
  await fixture.stop();
  assert.equal(clock.pending, 0);
});

test("a budget holds for pieces that are larger than a second's bytes", async () => {
  const fixture = await Fixture.make({ "a-0": ["x"] });
  const budget: number[] = [];
  const { clock } = fixture;
  await fixture.stop();
  const pace = new ScrubBudget(clock, 1_000, (bytes) => budget.push(bytes));
  const run = (async () => {
    for (let piece = 0; piece < 5; piece++) await pace.take(30_000);
  })();
  for (let second = 0; second < 119; second++) {
    clock.advance(1_000);
    await settle();
    assert.ok(budget.length * 30_000 <= (second + 1) * 1_000 + 30_000, `${budget.length} pieces after ${second + 1} s`);
  }
  assert.equal(budget.length, 4);
  pace.stop();
  await assert.rejects(run, (thrown) => thrown instanceof SentinelError && thrown.code === "shutting_down");
});

test("a restart goes on where the pass was, and one that has ended is not begun again", async () => {
  const files = { "a-0": ["1", "2"], "b-0": ["1", "2"], "c-0": ["1"] };
  const first = await Fixture.make(files);
  await passTime(first.clock, 100, 120_000, () => first.read.length === 3);
  await first.stop();
  assert.deepEqual(first.paths, ["/data/a-0/1", "/data/a-0/2", "/data/b-0/1"]);
  const second = await Fixture.make(files, first.disk, first.clock);
  await passTime(second.clock, 100, 120_000, () => second.counters.scrubPasses === 1);
  assert.deepEqual(second.paths, ["/data/b-0/2", "/data/c-0/1"]);
  await second.stop();
  const third = await Fixture.make(files, first.disk, first.clock);
  third.clock.advance(3 * DAY_MS);
  await settle();
  assert.deepEqual(third.paths, []);
  await passTime(third.clock, CHECK_MS, 5 * DAY_MS, () => third.read.length > 0);
  assert.deepEqual(third.paths, ["/data/a-0/1"]);
  await third.stop();
});

test("a kill loses at most the place of the last minute", async () => {
  const files = { "a-0": Array.from({ length: 200 }, (_, at) => String(at).padStart(3, "0")) };
  const first = await Fixture.make(files);
  await passTime(first.clock, 100, 300_000, () => first.read.length === 150);
  const disk = first.disk.crash("kill");
  const second = await Fixture.make(files, disk, first.clock);
  await passTime(second.clock, 100, 120_000, () => second.read.length === 1);
  assert.ok(second.paths[0]! >= "/data/a-0/089" && second.paths[0]! <= "/data/a-0/150", String(second.paths));
  await first.stop();
  await second.stop();
});

test("a place that cannot be noted, is not readable, or lies in the future keeps no pass from beginning", async () => {
  const future = { startedMs: 10 ** 15, coveredMs: 10 ** 15, isFinished: true, source: "", file: "" };
  for (const bytes of [new TextEncoder().encode("{"), encodeScrubCheckpoint(future), new Uint8Array(70_000)]) {
    const disk = new FaultyDisk();
    await disk.makeDirectory("/data");
    disk.put(FILE, bytes);
    const fixture = await Fixture.make({ "a-0": ["1"] }, disk);
    await passTime(fixture.clock, 100, 120_000, () => fixture.counters.scrubPasses === 1);
    assert.equal(fixture.counters.scrubLagMs, 0);
    await fixture.stop();
  }
  const disk = new FaultyDisk();
  await disk.makeDirectory("/data");
  disk.failNext("write", "no_space", { suffix: "scrub-checkpoint.tmp" });
  const fixture = await Fixture.make({ "a-0": ["1"] }, disk);
  await passTime(fixture.clock, 100, 120_000, () => fixture.counters.scrubPasses === 1);
  await fixture.stop();
});

test("what the checkpoint says is what was put into it", () => {
  const checkpoint = { startedMs: 17, coveredMs: 5, isFinished: false, source: "ö-0", file: "00.log" };
  assert.deepEqual(decodeScrubCheckpoint(encodeScrubCheckpoint(checkpoint)), checkpoint);
  for (
    const text of ["", "null", "[]", `{"version":2}`, `{"version":1,"startedMs":-1}`, `{"version":1,"startedMs":"1"}`]
  ) {
    assert.equal(decodeScrubCheckpoint(new TextEncoder().encode(text)), null, text);
  }
});

test("each place is told once; what is still damaged is counted, and what was mended may be news again", async () => {
  const fixture = await Fixture.make({ "a-0": ["1", "2"] });
  const { clock, counters, damaged, told } = fixture;
  damaged.set("/data/a-0/1", [damageAt("/data/a-0/1"), damageAt("/data/a-0/1", 90)]);
  damaged.set("/data/a-0/2", [{ ...damageAt("/data/a-0/2"), isMended: true }]);
  await passTime(clock, 100, 120_000, () => counters.scrubPasses === 1);
  assert.equal(told.length, 3);
  assert.match(told[0]!.message, /Damaged file \/data\/a-0\/1 at position 7: bad/);
  assert.match(told[2]!.message, /made anew/);
  assert.deepEqual(told[0]!.facts, { file: "/data/a-0/1", position: 7 });
  clock.advance(7 * DAY_MS);
  await passTime(clock, 100, 120_000, () => counters.scrubPasses === 2);
  assert.equal(told.length, 4);
  assert.equal(counters.scrubDamage, 4);
  assert.equal(counters.scrubDamagedPlaces, 3);
  await fixture.stop();
});

test("how far a pass is behind shows in its lag", async () => {
  const fixture = await Fixture.make({ "a-0": Array.from({ length: 2_000 }, (_, at) => String(at).padStart(4, "0")) });
  const { clock, counters } = fixture;
  clock.advance(CHECK_MS);
  await settle();
  assert.equal(counters.scrubLagMs, 0);
  assert.ok(counters.scrubRemainingBytes > 1_900_000);
  await fixture.stop();
  // The broker was down for nine days, two of them too many.
  clock.advance(9 * DAY_MS);
  const second = await Fixture.make(fixture.files, fixture.disk, clock);
  clock.advance(CHECK_MS);
  await settle();
  assert.ok(second.counters.scrubLagMs > 1.9 * DAY_MS && second.counters.scrubLagMs < 2.1 * DAY_MS);
  await second.stop();
});

const OPTIONS: Partial<BrokerOptions> = { scrubBytesPerSecond: 1_000_000, scrubPeriodMs: DAY_MS, scrubCheckMs: 1_000 };

async function withSegments(broker: Broker, topic = "orders"): Promise<void> {
  await broker.createTopic(topic, { config: { "segment.bytes": "400" } });
  for (let number = 0; number < 20; number++) await produce(broker, topic, `record ${number}`.padEnd(80, "v"));
}

function flip(disk: FaultyDisk, path: string, at: number): void {
  const bytes = disk.bytesOf(path).slice();
  bytes[at]! ^= 4;
  disk.put(path, bytes);
}

test("a broker tells of rot in its log, its description and its metrics, and serves what is sound", async () => {
  const errors: SentinelError[] = [];
  const opened = await openBroker({ ...IN_DIRECTORIES, ...OPTIONS, onError: (error) => errors.push(error) });
  await using _ = opened;
  const { broker, disk, clock } = opened;
  await withSegments(broker);
  await withSegments(broker, "payments");
  const path = "/data/orders-0/00000000000000000000.log";
  flip(disk, path, 100);
  await passTime(clock, 100, 60_000, () => broker.counters.scrubPasses === 1);
  assert.equal(errors.length, 1);
  assert.match(errors[0]!.message, /orders-0\/00000000000000000000.log at position 0/);
  const [partition] = broker.describeTopic("orders")!.partitions;
  assert.match(partition!.damaged!, /00000000000000000000.log at position 0/);
  assert.equal(partition!.offline, undefined);
  assert.equal(broker.describeTopic("payments")!.partitions[0]!.damaged, undefined);
  const text = renderMetrics(broker, { nowMonotonicMs: 0, activeConnections: 0 });
  assert.match(text, /^sentinel_scrub_damage_total 1$/m);
  assert.match(text, /^sentinel_scrub_damaged_places 1$/m);
  assert.match(text, /^sentinel_scrub_passes_total 1$/m);
  assert.match(text, new RegExp(`^sentinel_scrub_read_bytes_total ${broker.counters.scrubReadBytes}$`, "m"));
  assert.equal(await produce(broker, "orders", "more"), 20);
});

test("a broker with no budget, or in memory, reads nothing again", async () => {
  for (const options of [{ ...OPTIONS, scrubBytesPerSecond: 0 }, { ...OPTIONS, inMemory: true }, {}]) {
    await using opened = await openBroker(options);
    const { broker, clock } = opened;
    await withSegments(broker);
    clock.advance(9 * DAY_MS);
    await settle();
    assert.equal(broker.counters.scrubReadBytes, 0);
  }
});

test("a stop does not wait for the budget, and leaves nothing open", async () => {
  const opened = await openBroker({ ...OPTIONS, scrubBytesPerSecond: 1 });
  const { broker, clock, disk } = opened;
  await withSegments(broker);
  await passTime(clock, 1_000, 5_000, () => broker.counters.scrubReadBytes > 0);
  await broker.close();
  assert.equal(disk.openFiles, 0);
});
