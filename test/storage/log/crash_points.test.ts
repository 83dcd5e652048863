/** Fear: a crash between any two effects on the disk loses what was acknowledged, or leaves a log that does not open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import type { CrashMode } from "../faulty_disk.ts";
import { batchOf, newLog, openLog, readAll, store, textOf } from "../log_fixture.ts";

/** What must hold of a log that was reopened after a crash. */
interface Promised {
  /** All batches that were ever appended at these places, by base offset; the newest version last. */
  readonly batches: ReadonlyMap<number, readonly string[]>;
  /** Everything below it must be there. */
  readonly durable: number;
  /** The log start is one of these. */
  readonly starts: readonly number[];
}

interface Crash {
  readonly disk: FaultyDisk;
  readonly mode: CrashMode;
  readonly effect: string;
  readonly promised: Promised;
}

class Scenario {
  readonly disk = new FaultyDisk();
  readonly crashes: Crash[] = [];
  readonly #batches = new Map<number, string[]>();
  readonly #random: SeededRandom;
  log!: SegmentLog;
  #durable = 0;
  #starts: number[] = [0];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  async begin(): Promise<void> {
    this.log = await newLog(this.disk, { segmentBytes: 600, indexIntervalBytes: 100 });
    this.disk.after = ({ operation, path }) => {
      for (const mode of ["kill", "lost", "some"] as const) {
        this.crashes.push({
          disk: this.disk.crash(mode, this.#random),
          mode,
          effect: `${this.disk.effects.length} ${operation} ${path}`,
          promised: { batches: new Map(this.#batches), durable: this.#durable, starts: this.#starts },
        });
      }
    };
  }

  async append(seed: number, epoch = 0): Promise<void> {
    const batch = batchOf(seed, { records: 1 + seed % 3 });
    const { baseOffset } = this.log.appendAsLeader(batch, epoch);
    this.#batches.set(baseOffset, [...this.#batches.get(baseOffset) ?? [], ...textOf([batch])]);
    await this.log.flush();
    this.#durable = this.log.durableOffset;
  }

  async truncate(boundary: number): Promise<void> {
    this.#durable = boundary;
    await this.log.truncateFrom(boundary);
  }

  async trim(offset: number): Promise<void> {
    this.#starts = [this.log.startOffset, offset];
    await this.log.trimBefore(offset);
    this.#starts = [offset];
  }
}

async function check({ disk, mode, effect, promised }: Crash): Promise<void> {
  const where = `after effect ${effect}, ${mode}`;
  let before: string[] | null = null;
  for (let start = 0; start < 3; start++) {
    const { log } = await openLog(disk, { segmentBytes: 600, indexIntervalBytes: 100 });
    assert.ok(log.endOffset >= promised.durable, `${where}: ends at ${log.endOffset}, ${promised.durable} was durable`);
    assert.ok(
      promised.starts.includes(log.startOffset),
      `${where}: starts at ${log.startOffset}, not ${promised.starts}`,
    );
    const batches = await readAll(log);
    for (const batch of batches) {
      const known = promised.batches.get(batch.baseOffset) ?? [];
      assert.ok(
        known.includes(textOf([batch])[0]!),
        `${where}: offset ${batch.baseOffset} holds what was never appended`,
      );
      if (batch.endOffset <= promised.durable) {
        assert.equal(textOf([batch])[0], known.at(-1), `${where}: ${batch.baseOffset} is an old batch`);
      }
    }
    // Recovery is idempotent: a second start, after another kill or a clean stop, finds the same.
    if (before !== null) assert.deepEqual(textOf(batches), before, where);
    before = textOf(batches);
    if (start === 1) await log.close();
    else disk = disk.crash("lost");
  }
  const { log } = await openLog(disk, { segmentBytes: 600 });
  const { baseOffset } = log.appendAsLeader(batchOf(1_000), 9);
  await log.flush();
  assert.equal((await readAll(log, baseOffset)).length, 1, where);
}

const SCENARIOS: Readonly<Record<string, (scenario: Scenario) => Promise<void>>> = {
  "produce and roll": async (scenario) => {
    for (let seed = 0; seed < 14; seed++) await scenario.append(seed);
  },
  "new epochs": async (scenario) => {
    for (let seed = 0; seed < 8; seed++) await scenario.append(seed, seed >> 1);
  },
  "truncate over two segments, then append": async (scenario) => {
    for (let seed = 0; seed < 12; seed++) await scenario.append(seed, seed >> 2);
    await scenario.truncate(6);
    for (let seed = 20; seed < 24; seed++) await scenario.append(seed, 5);
  },
  "trim, at a boundary and inside a batch": async (scenario) => {
    for (let seed = 0; seed < 12; seed++) await scenario.append(seed);
    await scenario.trim(3);
    await scenario.trim(16);
    await scenario.append(13);
    await scenario.trim(scenario.log.endOffset);
    await scenario.append(14);
  },
  "close": async (scenario) => {
    for (let seed = 0; seed < 6; seed++) await scenario.append(seed);
    await scenario.log.close();
  },
  "close, open, append": async (scenario) => {
    for (let seed = 0; seed < 3; seed++) await scenario.append(seed);
    await scenario.log.close();
    scenario.log = (await openLog(scenario.disk, { segmentBytes: 600 })).log;
    for (let seed = 3; seed < 6; seed++) await scenario.append(seed, 1);
  },
};

for (const [name, run] of Object.entries(SCENARIOS)) {
  test(`a crash after every effect of "${name}" keeps what was acknowledged`, async () => {
    const scenario = new Scenario(name.length);
    await scenario.begin();
    await run(scenario);
    scenario.disk.after = () => {};
    assert.ok(scenario.crashes.length > 30, `${scenario.crashes.length} crash points`);
    for (const crash of scenario.crashes) await check(crash);
  });
}

test("seed-O1: a crash at every byte of the last batch's write cuts that batch alone", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk);
  const stored = [await store(log, batchOf(1)), await store(log, batchOf(2))];
  const torn = batchOf(3);
  torn.stamp(2, 0);
  const path = "/data/orders-0/00000000000000000000.log";
  const whole = disk.bytesOf(path);
  for (let kept = 0; kept <= torn.sizeBytes; kept++) {
    for (const padding of [0, 100]) {
      const crashed = disk.crash("kill");
      crashed.put(path, Uint8Array.from([...whole, ...torn.bytes.subarray(0, kept), ...new Uint8Array(padding)]));
      const { log: reopened, report } = await openLog(crashed);
      // Zeros that stand where zeros belong make the batch whole.
      const isWhole = kept === torn.sizeBytes || (padding > 0 && torn.bytes.subarray(kept).every((byte) => byte === 0));
      assert.deepEqual(
        textOf(await readAll(reopened)),
        textOf(isWhole ? [...stored, torn.bytes] : stored),
        `${kept} bytes kept`,
      );
      assert.equal(report.cutBytes, kept + padding - (isWhole ? torn.sizeBytes : 0));
    }
  }
});
