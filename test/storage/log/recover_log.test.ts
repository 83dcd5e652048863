import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { batchOf, DIRECTORY, newLog, openLog, readAll, segmentPath, store, textOf } from "../log_fixture.ts";

const SMALL = { segmentBytes: 600, indexIntervalBytes: 100 };
const RECOVERY_POINT = `${DIRECTORY}/recovery-point`;
const EPOCHS = `${DIRECTORY}/leader-epoch-checkpoint`;

/** A disk with a log of 20 one-record batches in several segments, stopped cleanly or killed, and what it holds. */
async function madeDisk(stop: "clean" | "kill", settings = SMALL, epochOf = (_: number) => 0) {
  const disk = new FaultyDisk();
  const log = await newLog(disk, settings);
  const stored = [];
  for (let seed = 0; seed < 20; seed++) stored.push(await store(log, batchOf(seed), epochOf(seed)));
  if (stop === "clean") await log.close();
  const bases = (await disk.list(DIRECTORY)).filter((name) => name.endsWith(".log")).map((name) =>
    Number(name.slice(0, 20))
  );
  return { disk: disk.crash("kill"), stored: textOf(stored), bases };
}

async function reopened(disk: FaultyDisk, settings = SMALL): Promise<string[]> {
  const { log } = await openLog(disk, settings);
  return textOf(await readAll(log));
}

/** The log does not open, or does not read to its end, names the file, and no byte of the segments is changed. */
async function isOffline(disk: FaultyDisk, file: string, settings = SMALL): Promise<SentinelError> {
  const logs = (await disk.list(DIRECTORY)).filter((name) => name.endsWith(".log")).map((name) =>
    `${DIRECTORY}/${name}`
  );
  const before = logs.map((path) => disk.bytesOf(path).join());
  let error: unknown = null;
  try {
    await reopened(disk, settings);
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof SentinelError && error.code === "storage_error", `expected damage, got ${error}`);
  assert.ok(error.message.includes(file), error.message);
  assert.ok(typeof error.facts["position"] === "number");
  assert.deepEqual(logs.map((path) => disk.bytesOf(path).join()), before);
  return error;
}

function flip(disk: FaultyDisk, path: string, at: number): void {
  const bytes = disk.bytesOf(path).slice();
  bytes[at < 0 ? bytes.length + at : at]! ^= 0x10;
  disk.put(path, bytes);
}

test("a bit flip above the recovery point cuts the log there, whatever follows", async () => {
  const { disk, stored } = await madeDisk("kill", { ...SMALL, segmentBytes: 1_000_000 });
  const batchBytes = disk.bytesOf(segmentPath(0)).length / 20;
  flip(disk, segmentPath(0), 12 * batchBytes + 70);
  const { log, report } = await openLog(disk);
  assert.deepEqual(textOf(await readAll(log)), stored.slice(0, 12));
  assert.equal(report.cutBytes, 8 * batchBytes);
  assert.equal(disk.bytesOf(segmentPath(0)).length, 12 * batchBytes);
});

test("a bit flip above the recovery point drops the segments behind it", async () => {
  const { disk, stored, bases } = await madeDisk("kill");
  const active = bases.at(-1)!;
  flip(disk, segmentPath(active), 70);
  assert.deepEqual(await reopened(disk), stored.slice(0, active));
});

test("a bit flip below the recovery point takes the log offline and cuts nothing", async () => {
  for (const stop of ["clean", "kill"] as const) {
    const { disk, bases } = await madeDisk(stop);
    const sealed = bases[1]!;
    for (let at = 0; at < disk.bytesOf(segmentPath(sealed)).length; at += 7) {
      const damaged = disk.crash("kill");
      flip(damaged, segmentPath(sealed), at);
      await isOffline(damaged, `${String(sealed).padStart(20, "0")}.log`);
    }
  }
});

test("after a clean stop every damage is corruption, also in the last batch", async () => {
  const { disk, bases } = await madeDisk("clean");
  const active = segmentPath(bases.at(-1)!);
  const flipped = disk.crash("kill");
  flip(flipped, active, -3);
  await isOffline(flipped, active);
  const longer = disk.crash("kill");
  longer.put(active, Uint8Array.from([...disk.bytesOf(active), 0]));
  await isOffline(longer, active);
  const shorter = disk.crash("kill");
  shorter.put(active, disk.bytesOf(active).slice(0, -1));
  await isOffline(shorter, active);
});

test("indexes that are missing, short, garbage or plausible but wrong are rebuilt", async () => {
  const plausible = (bytes: Uint8Array): Uint8Array => {
    // Each position a little behind where its batch starts: strictly increasing, inside the file, and wrong.
    const view = new DataView(bytes.slice().buffer);
    for (let at = 4; at < view.byteLength; at += 8) view.setUint32(at, view.getUint32(at) + 1);
    return new Uint8Array(view.buffer);
  };
  // Only a read that goes by the first entry sees it: the load looks at the last one.
  const plausibleAtFirst = (bytes: Uint8Array): Uint8Array => {
    const view = new DataView(bytes.slice().buffer);
    if (view.byteLength > 8) view.setUint32(4, view.getUint32(4) + 1);
    return new Uint8Array(view.buffer);
  };
  const damages: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array | null>> = {
    missing: () => null,
    empty: () => new Uint8Array(0),
    "a byte short": (bytes) => bytes.slice(0, -1),
    "an entry short": (bytes) => bytes.slice(0, bytes.length > 12 ? -8 : 0),
    zeros: (bytes) => new Uint8Array(bytes.length),
    garbage: (bytes) => bytes.map((byte, at) => byte ^ (at * 37)),
    plausible,
    plausibleAtFirst,
  };
  for (const stop of ["clean", "kill"] as const) {
    const { disk, stored, bases } = await madeDisk(stop);
    for (const [name, damage] of Object.entries(damages)) {
      const damaged = disk.crash("kill");
      for (const base of bases) {
        if (await damaged.status(segmentPath(base, "index")) === null) continue;
        const bytes = damage(damaged.bytesOf(segmentPath(base, "index")));
        if (bytes === null) await damaged.remove(segmentPath(base, "index"));
        else damaged.put(segmentPath(base, "index"), bytes);
      }
      assert.deepEqual(await reopened(damaged), stored, `${stop}, index ${name}`);
      const { log } = await openLog(damaged, SMALL);
      // Backwards: a reader in sequence needs no index.
      for (let offset = 19; offset >= 0; offset--) {
        assert.deepEqual(textOf(await log.read(offset, { maxBytes: 1, upTo: 20 })), [stored[offset]]);
      }
    }
  }
});

test("a time index that is missing, cut off or wrong misleads neither searches nor retention", async () => {
  const { disk, bases } = await madeDisk("clean");
  const damages: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
    empty: () => new Uint8Array(0),
    "an entry short": (bytes) => bytes.slice(0, -12),
    "two entries short": (bytes) => bytes.slice(0, -24),
    "torn": (bytes) => bytes.slice(0, -5),
    "an older time at first": (bytes) => {
      const view = new DataView(bytes.slice().buffer);
      view.setBigInt64(0, view.getBigInt64(0) - 1n);
      return new Uint8Array(view.buffer);
    },
    "an older time": (bytes) => {
      const view = new DataView(bytes.slice().buffer);
      view.setBigInt64(view.byteLength - 12, view.getBigInt64(view.byteLength - 12) - 1n);
      return new Uint8Array(view.buffer);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    const damaged = disk.crash("kill");
    for (const base of bases) {
      damaged.put(segmentPath(base, "timeindex"), damage(damaged.bytesOf(segmentPath(base, "timeindex"))));
    }
    const { log } = await openLog(damaged, SMALL);
    for (let offset = 0; offset < 20; offset++) {
      assert.equal((await log.batchForTimestamp(1_700_000_000_000 + offset, 20))?.baseOffset, offset, name);
    }
    assert.equal(await log.batchForTimestamp(1_700_000_000_020, 20), null);
  }
});

test("a missing or unreadable epoch checkpoint is built again from the batches", async () => {
  for (const stop of ["clean", "kill"] as const) {
    for (const bytes of [null, "", "0\n9\n", "1\n0\n", "0\n2\n5 0\n4 1\n"]) {
      const { disk, stored } = await madeDisk(stop, SMALL, (seed) => seed >> 2);
      const intact = disk.bytesOf(EPOCHS).slice();
      if (bytes === null) await disk.remove(EPOCHS);
      else disk.put(EPOCHS, new TextEncoder().encode(bytes));
      assert.deepEqual(await reopened(disk), stored, `${stop} ${bytes}`);
      assert.deepEqual(disk.bytesOf(EPOCHS), intact);
    }
  }
});

test("one bad recovery slot is made good by the other; both bad leave the active segment to be walked", async () => {
  for (const stop of ["clean", "kill"] as const) {
    for (const slots of [[0], [4096], [0, 4096]]) {
      const { disk, stored } = await madeDisk(stop);
      for (const at of slots) flip(disk, RECOVERY_POINT, at + 20);
      assert.deepEqual(await reopened(disk), stored, `${stop} ${slots}`);
      assert.deepEqual(await reopened(disk), stored);
    }
  }
  const { disk, stored, bases } = await madeDisk("clean");
  for (const at of [0, 4096]) flip(disk, RECOVERY_POINT, at + 20);
  flip(disk, segmentPath(bases.at(-1)!), -1);
  assert.deepEqual(await reopened(disk), stored.slice(0, -1));
});

test("one bad recovery slot after a trim does not ask for segments that are gone", async () => {
  for (const at of [0, 4096]) {
    const disk = new FaultyDisk();
    const log = await newLog(disk, SMALL);
    for (let seed = 0; seed < 20; seed++) await store(log, batchOf(seed));
    await log.trimBefore(15);
    const crashed = disk.crash("lost");
    flip(crashed, RECOVERY_POINT, at + 20);
    const { log: opened } = await openLog(crashed, SMALL);
    assert.deepEqual([opened.startOffset, opened.endOffset], [15, 20]);
  }
});

test("a trim inside the first segment survives a restart, with and without a clean stop", async () => {
  for (const stop of ["clean", "kill"] as const) {
    const disk = new FaultyDisk();
    const log = await newLog(disk, { indexIntervalBytes: 4_096 });
    for (let seed = 0; seed < 3; seed++) await store(log, batchOf(seed, { records: 10 }));
    await log.trimBefore(15);
    if (stop === "clean") await log.close();
    const { log: opened } = await openLog(disk.crash("kill"));
    assert.deepEqual([opened.startOffset, opened.endOffset], [15, 30]);
    assert.equal((await readAll(opened)).length, 2);
  }
});

test("a log that ends below its recovery point is corrupt", async () => {
  const { disk, bases } = await madeDisk("clean");
  disk.put(segmentPath(bases.at(-1)!), new Uint8Array(0));
  await isOffline(disk, segmentPath(bases.at(-1)!));
});

test("a sealed segment that is missing or cut is corruption", async () => {
  for (const at of [0, 1, 2]) {
    const missing = await madeDisk("kill");
    for (const kind of ["log", "index", "timeindex"] as const) {
      await missing.disk.remove(segmentPath(missing.bases[at]!, kind));
    }
    await isOffline(missing.disk, DIRECTORY);
    const cut = await madeDisk("kill");
    const path = segmentPath(cut.bases[at]!);
    cut.disk.put(path, cut.disk.bytesOf(path).slice(0, -89));
    await isOffline(cut.disk, path);
  }
});

test("what is kept above the recovery point is written again and synced before it is served", async () => {
  const { disk } = await madeDisk("kill", { ...SMALL, segmentBytes: 1_000_000 });
  const sizeBytes = disk.bytesOf(segmentPath(0)).length;
  disk.effects.length = 0;
  const { report } = await openLog(disk);
  assert.equal(report.rewrittenBytes, sizeBytes);
  const writes = disk.effects.findIndex(({ operation, path }) => operation === "write" && path === segmentPath(0));
  const sync = disk.effects.findIndex(({ operation, path }) => operation === "sync" && path === segmentPath(0));
  assert.ok(writes >= 0 && sync > writes);
  // And only then it counts.
  const point = disk.effects.findIndex(({ operation, path }) => operation === "write" && path === RECOVERY_POINT);
  assert.ok(point > sync);
});

test("a start that fails after a failed sync does not serve pages that were never stored", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk);
  const first = await store(log, batchOf(1));
  disk.failNext("sync", "io", { suffix: ".log" });
  log.appendAsLeader(batchOf(2), 0);
  await assert.rejects(log.flush());
  // The page cache still shows the second batch; the disk does not hold it. Either end is right, if it is durable.
  const { log: opened } = await openLog(disk.crash("kill"));
  assert.equal(opened.durableOffset, opened.endOffset);
  assert.deepEqual(textOf(await readAll(opened)).slice(0, 1), textOf([first]));
});

test("leftovers of a crash are removed: .tmp files and indexes without a log", async () => {
  const { disk, stored } = await madeDisk("kill");
  disk.put(`${EPOCHS}.tmp`, new Uint8Array(3));
  disk.put(segmentPath(99, "index"), new Uint8Array(8));
  disk.put(`${DIRECTORY}/notes.txt`, new Uint8Array(1));
  assert.deepEqual(await reopened(disk), stored);
  const names = await disk.list(DIRECTORY);
  assert.ok(!names.some((name) => name.endsWith(".tmp") || name.startsWith("00000000000000000099")));
  assert.ok(names.includes("notes.txt"));
});

test("a log that does not open leaves no file open", async () => {
  const { disk, bases } = await madeDisk("clean");
  flip(disk, segmentPath(bases[1]!), -1);
  await assert.rejects(openLog(disk, SMALL));
  assert.equal(disk.openFiles, 0);
});
