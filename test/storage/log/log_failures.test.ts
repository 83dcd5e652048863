/** Fears: a write or a sync that fails loses, doubles or invents a record. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { ManualClock } from "../../manual_clock.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { batchOf, newLog, NOW_MS, openLog, readAll, segmentPath, store, textOf } from "../log_fixture.ts";

const isStorageError = (thrown: unknown): boolean => thrown instanceof SentinelError && thrown.code === "storage_error";

/** Holds the next effect of a kind on a `.log` file until `release` is called; `reached` resolves when it is there. */
function holdNext(disk: FaultyDisk, operation: "sync" | "write"): { reached: Promise<void>; release: () => void } {
  const reached = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const { before } = disk;
  disk.before = async (effect) => {
    if (effect.operation !== operation || !effect.path.endsWith(".log")) return await before(effect);
    disk.before = before;
    reached.resolve();
    await held.promise;
  };
  return { reached: reached.promise, release: held.resolve };
}

test("group commit: all who append while a sync runs share the next one", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk);
  const hold = holdNext(disk, "sync");
  log.appendAsLeader(batchOf(0), 0);
  const first = log.flush();
  await hold.reached;
  const before = disk.count("sync", ".log");
  const others = [];
  for (let seed = 1; seed <= 50; seed++) {
    log.appendAsLeader(batchOf(seed), 0);
    others.push(log.flush());
  }
  await log.flushToSystem();
  assert.equal(log.durableOffset, 0, "nothing is durable while the first sync has not ended");
  hold.release();
  await first;
  await Promise.all(others);
  assert.equal(disk.count("sync", ".log") - before, 2, "the held one and one for all the others");
  assert.equal(log.durableOffset, 51);
});

test("a failed sync is final: no second sync, no clean mark, no writes; reads of what was durable go on; a restart heals", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 300 });
  const first = await store(log, batchOf(1));
  const failures: SentinelError[] = [];
  log.listener = { onProgress: () => {}, onCutBack: () => {}, onFailure: (error) => void failures.push(error) };
  disk.failNext("sync", "io", { suffix: ".log" });
  log.appendAsLeader(batchOf(2), 0);
  await assert.rejects(log.flush(), isStorageError);
  const syncs = disk.count("sync", ".log");
  assert.throws(() => log.appendAsLeader(batchOf(3), 0), isStorageError);
  await assert.rejects(log.flush(), isStorageError);
  await assert.rejects(log.truncateFrom(0), isStorageError);
  await assert.rejects(log.trimBefore(1), isStorageError);
  assert.equal(await log.applyRetention(9e15), 0);
  assert.equal(log.durableOffset, 1);
  assert.equal(failures.length, 1);
  assert.deepEqual(textOf(await log.read(0, { maxBytes: 1, upTo: log.durableOffset })), textOf([first]));
  await log.close();
  assert.equal(disk.count("sync", ".log"), syncs, "a sync after a failed one may succeed and prove nothing");
  const { log: opened, report } = await openLog(disk.crash("lost"));
  assert.ok(report.rewrittenBytes >= 0);
  assert.deepEqual(textOf(await readAll(opened)), textOf([first]));
  await store(opened, batchOf(4));
});

test("a sync that fails while a roll waits for it is not followed by another", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 300 });
  await store(log, batchOf(0));
  const hold = holdNext(disk, "sync");
  log.appendAsLeader(batchOf(1), 0);
  const waiting = log.flush();
  await hold.reached;
  const syncs = disk.count("sync", ".log");
  // These need a new segment: the roll has to wait for the sync, which now fails.
  for (let seed = 2; seed < 6; seed++) log.appendAsLeader(batchOf(seed), 0);
  const { before } = disk;
  disk.before = before;
  disk.failNext("sync", "io", { suffix: ".log" });
  // The held sync goes through; the roll's own is the one that fails.
  hold.release();
  await Promise.allSettled([waiting, log.flush()]);
  assert.ok(log.failure !== null);
  assert.ok(disk.count("sync", ".log") <= syncs + 1);
  assert.ok(log.durableOffset <= 3);
  const { log: opened } = await openLog(disk.crash("lost"), { segmentBytes: 300 });
  assert.ok(opened.endOffset >= log.durableOffset);
});

test("seed-K3: a full disk refuses the append, leaves no hole, and the log goes on when there is room", async () => {
  for (const suffix of [".log", ".tmp"]) {
    const disk = new FaultyDisk();
    const log = await newLog(disk);
    const stored = suffix === ".log" ? [await store(log, batchOf(1))] : [];
    const cut: number[] = [];
    log.listener = { onProgress: () => {}, onCutBack: (endOffset) => void cut.push(endOffset), onFailure: () => {} };
    disk.failNext("write", "no_space", { suffix });
    log.appendAsLeader(batchOf(2), 0);
    await assert.rejects(log.flush(), isStorageError);
    assert.deepEqual(cut, [stored.length]);
    assert.equal(log.failure, null);
    assert.equal(log.endOffset, stored.length);
    assert.equal(log.pendingBytes, 0);
    stored.push(await store(log, batchOf(3)), await store(log, batchOf(4)));
    assert.deepEqual(textOf(await readAll(log)), textOf(stored));
    await log.close();
    const { log: opened } = await openLog(disk.crash("lost"));
    assert.deepEqual(textOf(await readAll(opened)), textOf(stored));
  }
});

test("a roll without free descriptors or room refuses what needs the new segment; smaller batches and a restart go on", async () => {
  for (
    const [operation, code, suffix] of [
      ["create", "too_many_open_files", segmentPath(2)],
      ["open", "too_many_open_files", segmentPath(2)],
      ["truncate", "io", segmentPath(2)],
      ["create", "no_space", ".tmp"],
      ["write", "no_space", ".tmp"],
    ] as const
  ) {
    const disk = new FaultyDisk();
    const log = await newLog(disk, { segmentBytes: 300, indexIntervalBytes: 0 });
    const stored = [await store(log, batchOf(0)), await store(log, batchOf(1))];
    disk.failNext(operation, code, { suffix });
    log.appendAsLeader(batchOf(2, { valueBytes: 200 }), 0);
    await assert.rejects(log.flush(), isStorageError, `${operation} ${code}`);
    assert.equal(log.failure, null);
    stored.push(await store(log, batchOf(3)), await store(log, batchOf(4)), await store(log, batchOf(5)));
    assert.deepEqual(textOf(await readAll(log)), textOf(stored), `${operation} ${code}`);
    await log.close();
    assert.equal(disk.openFiles, 0);
    const { log: opened } = await openLog(disk.crash("lost"), { segmentBytes: 300 });
    assert.deepEqual(textOf(await readAll(opened)), textOf(stored));
  }
});

test("a read without free descriptors fails alone and does not take the log offline", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 300 });
  for (let seed = 0; seed < 6; seed++) await store(log, batchOf(seed));
  disk.failNext("open", "too_many_open_files", { suffix: segmentPath(0) });
  await assert.rejects(async () => await log.read(0, { maxBytes: 1, upTo: 6 }), isStorageError);
  assert.equal(log.failure, null);
  assert.equal((await readAll(log)).length, 6);
});

test("damage that a read finds takes the log offline: nothing is served or written any more", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 300 });
  for (let seed = 0; seed < 6; seed++) await store(log, batchOf(seed));
  const bytes = disk.bytesOf(segmentPath(0)).slice();
  bytes[80]! ^= 1;
  disk.put(segmentPath(0), bytes);
  await assert.rejects(
    async () => await log.read(0, { maxBytes: 1, upTo: 6 }),
    /Damaged file .*00000000000000000000\.log at position 0/,
  );
  await assert.rejects(async () => await log.read(5, { maxBytes: 1, upTo: 6 }), /Damaged file/);
  assert.throws(() => log.appendAsLeader(batchOf(9), 0), /Damaged file/);
});

test("the recovery point is written at most every second while there are syncs", async () => {
  const clock = new ManualClock();
  const disk = new FaultyDisk();
  const log = await newLog(disk, {}, clock);
  const points = (): number => disk.count("write", "recovery-point");
  await store(log, batchOf(0));
  const before = points();
  for (let seed = 1; seed < 20; seed++) await store(log, batchOf(seed));
  assert.equal(points(), before);
  clock.advance(LIMITS.recoveryPointMsMax);
  await store(log, batchOf(20));
  await store(log, batchOf(21));
  await log.flush();
  assert.equal(points(), before + 1);
});

test("the recovery point follows after 128 MiB whatever the clock says: recovery's work is bounded in bytes", async () => {
  const disk = memoryDisk();
  const log = await newLog(disk, { segmentBytes: 1 << 30 });
  const value = new Uint8Array(32 * 1024 * 1024);
  const batch = () => buildRecordBatch([{ key: null, value, headers: [] }], { nowMs: NOW_MS });
  for (let count = 0; count < 5; count++) await store(log, batch());
  await log.flush();
  // Not closed: as a kill leaves it.
  const { report } = await openLog(disk, { segmentBytes: 1 << 30 });
  assert.ok(
    report.rewrittenBytes <= LIMITS.recoveryPointBytesMax / 2,
    `${report.rewrittenBytes} bytes were written again`,
  );
});

test("the time index is synced before the offset index is written: no entry of one stands for lost entries of the other", async () => {
  const clock = new ManualClock();
  const disk = new FaultyDisk();
  const log = await newLog(disk, { indexIntervalBytes: 0 }, clock);
  for (let seed = 0; seed < 800; seed++) {
    clock.advance(LIMITS.recoveryPointMsMax);
    await store(log, batchOf(seed));
  }
  const inPlace = disk.effects.filter(({ path }) => /\.(index|timeindex)$/.test(path));
  const written = inPlace.flatMap((
    { operation, path },
    at,
  ) => (operation === "write" && path.endsWith(".index") ? [at] : []));
  assert.ok(written.length > 0);
  for (const at of written) assert.deepEqual(inPlace[at - 2], { operation: "sync", path: segmentPath(0, "timeindex") });
  const { log: opened } = await openLog(disk.crash("lost"), { indexIntervalBytes: 0 });
  for (const offset of [1, 255, 256, 300, 511, 512, 600, 799]) {
    assert.equal((await opened.batchForTimestamp(1_700_000_000_000 + offset, 800))!.baseOffset, offset);
  }
});

test("no file stays open after close(), with readers in sealed segments before it", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 200 });
  for (let seed = 0; seed < 40; seed++) await store(log, batchOf(seed));
  await readAll(log);
  assert.ok(disk.openFiles <= 2 + LIMITS.sealedSegmentsOpenMax, `${disk.openFiles} files are open`);
  const reading = Promise.allSettled(
    Array.from({ length: 40 }, async (_, offset) => await log.read(offset, { maxBytes: 1, upTo: 40 })),
  );
  await log.close();
  for (const outcome of await reading) {
    if (outcome.status === "rejected") assert.ok(isStorageError(outcome.reason), String(outcome.reason));
  }
  assert.equal(disk.openFiles, 0);
});

test("retention takes whole inactive segments, by age and by size, oldest first", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 300, retentionMs: 1_000 });
  for (let seed = 0; seed < 12; seed++) await store(log, batchOf(seed, { timestamp: 10_000 + seed * 100 }));
  const sizeBytes = log.sizeBytes;
  assert.equal(await log.applyRetention(11_000), 0);
  // Segments hold three batches: the first ends at 10,200, and goes when that is more than 1,000 ms ago.
  assert.equal(await log.applyRetention(11_200), 0);
  assert.ok(await log.applyRetention(11_201) > 0);
  assert.equal(log.startOffset, 3);
  await log.applyRetention(99_999_999);
  assert.equal(log.startOffset, 9, "the active segment stays");
  const bySize = await newLog(new FaultyDisk(), { segmentBytes: 300, retentionBytes: sizeBytes - 264 });
  for (let seed = 0; seed < 12; seed++) await store(bySize, batchOf(seed));
  await bySize.applyRetention(0);
  assert.equal(bySize.startOffset, 3);
});
