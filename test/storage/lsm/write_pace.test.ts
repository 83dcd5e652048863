/** Writers that are faster than compaction are slowed down, and never stopped for as long as a merge of levels takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import { ScheduledPace } from "../../../adapters/simulation/scheduled_pace.ts";
import { Scheduler } from "../../../adapters/simulation/scheduler.ts";
import { Volume } from "../../../adapters/simulation/volume.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import { WorkMeter } from "../../../src/storage/lsm/work_meter.ts";
import { bytesBeforeLevel0 } from "../../../src/storage/lsm/pick_compaction.ts";
import { WritePace } from "../../../src/storage/lsm/write_pace.ts";
import { drive, startCrashProcess } from "../../crash/crash_process.ts";
import { ManualClock } from "../../manual_clock.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { bytesOf, openTree } from "../tree_fixture.ts";

const KIBIBYTE = 1_024;
const VALUE = new Uint8Array(4 * KIBIBYTE);
const KEYS = 900;

/** Puts in an order that jumps, each tenth of a virtual millisecond; how long each waited, and how many tables level 0 had. */
async function fill(): Promise<{ readonly waitsMs: number[]; readonly level0Max: number; readonly totalMs: number }> {
  const scheduler = new Scheduler();
  const random = new SimulatedRandom(4);
  const timing = { cachedUs: 15_000, syncUs: 20_000, stallOneIn: 1_000, stallUs: 0 };
  const pace = new ScheduledPace(scheduler, random.stream("disk"), timing);
  const { platform } = startCrashProcess(new Volume(), { scheduler, random, pace });
  const { disk, clock } = platform;
  const waitsMs: number[] = [];
  let level0Max = 0;
  let totalMs = 0;
  await drive(
    scheduler,
    (async () => {
      await disk.makeDirectory("/data");
      const store = await LsmStore.open({ disk, clock, directory: "/data/tree", identity: new Uint8Array(16) }, {
        memtableBytes: 128 * KIBIBYTE,
        levelBytesBase: 512 * KIBIBYTE,
        tableBytes: 128 * KIBIBYTE,
        syncMode: "none",
      });
      for (let number = 0; number < 3 * KEYS; number++) {
        const beforeMs = clock.monotonicMs();
        await store.put(bytesOf(`key${number * 7 % KEYS}`), VALUE);
        waitsMs.push(clock.monotonicMs() - beforeMs);
        level0Max = Math.max(level0Max, store.stats().levels[0]!.tables);
        await new Promise<void>((resolve) => void scheduler.after(100, "writer", resolve));
      }
      totalMs = clock.monotonicMs();
      await store.close();
    })(),
  );
  return { waitsMs, level0Max, totalMs };
}

const longest = (waitsMs: readonly number[]): number => Math.max(...waitsMs);

test("writers that are faster than compaction wait often and little", async () => {
  const { waitsMs, level0Max, totalMs } = await fill();
  assert.ok(level0Max >= LIMITS.lsmLevel0SlowTables, `level 0 had ${level0Max} tables: nobody had to be slowed down`);
  assert.ok(longest(waitsMs) < 2 * LIMITS.lsmPaceMsMax, `a put waited ${longest(waitsMs)} of ${totalMs} ms`);
});

test("without the pace one of them waits for a merge of levels", async () => {
  const { isOn } = Object.getOwnPropertyDescriptors(WritePace.prototype);
  Object.defineProperty(WritePace.prototype, "isOn", { configurable: true, get: () => false });
  try {
    const { waitsMs, totalMs } = await fill();
    assert.ok(longest(waitsMs) > 4 * LIMITS.lsmPaceMsMax, `the longest wait was ${longest(waitsMs)} of ${totalMs} ms`);
  } finally {
    Object.defineProperty(WritePace.prototype, "isOn", isOn!);
  }
});

test("WorkMeter knows nothing before it has measured, and goes by what it has measured then", () => {
  const clock = new ManualClock();
  const meter = new WorkMeter(clock);
  assert.equal(meter.leftMs(100), null);
  meter.begin(1_000);
  meter.note(500);
  clock.advance(1);
  assert.equal(meter.leftMs(0), null, "a millisecond says nothing");
  clock.advance(99);
  assert.equal(meter.leftMs(0), 100);
  meter.note(500);
  clock.advance(100);
  meter.end();
  assert.equal(meter.leftMs(10), 2);
  // Nothing measured, nothing learnt.
  meter.begin(1_000);
  meter.end();
  assert.equal(meter.leftMs(10), 2);
});

test("what compaction has to read before level 0 follows from the levels' sizes", () => {
  const table = (sizeBytes: number) => ({ meta: { sizeBytes } });
  const settings = { level0Trigger: 4, levelBytesBase: 100, levelMultiplier: 10, levelsMax: 7, tableBytes: 10 };
  const of = (...levels: (readonly { readonly meta: { readonly sizeBytes: number } }[])[]): number =>
    bytesBeforeLevel0(
      { levels: Array.from({ length: 7 }, (_, level) => levels[level] ?? []) } as never,
      settings as never,
    );
  const small = Array.from({ length: 8 }, () => table(5));
  assert.equal(of(small, [table(100)]), 140);
  // Level 1 is five times its size, level 0 twice its trigger: tables go down until both are the same.
  const large = of(small, [table(500)], [table(1_000)]);
  assert.ok(large > 40 + 200 + 30 * (10 + 20) && large < 40 + 500 + 31 * (10 + 50), String(large));
});

test("a put that had to wait leaves those behind it answered at once", async () => {
  const store = await openTree(new FaultyDisk(), { syncMode: "batch" });
  let waited = 0;
  let number = 0;
  for (; waited === 0; number++) {
    const answer = store.put(bytesOf(`key${number}`), bytesOf("value".repeat(20)));
    if (answer === undefined) continue;
    waited += 1;
    await answer;
  }
  assert.equal(store.put(bytesOf(`key${number}`), bytesOf("value")), undefined);
  await store.close();
});
