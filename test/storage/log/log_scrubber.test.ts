/** What the scrub finds in the sealed segments of a log, what it does not take for damage, and what readers get then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError, SentinelError } from "../../../src/base/errors.ts";
import type { Disk, DiskFile, OpenMode } from "../../../src/platform/disk.ts";
import type { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import type { LogSettings } from "../../../src/storage/partition_log.ts";
import type { Damage, ScrubPace } from "../../../src/storage/scrubbing.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { batchOf, newLog, readAll, segmentPath, SETTINGS, store, textOf } from "../log_fixture.ts";
import { boundsOf, COMPACTION, keyedBatch, TOOLS, YieldingClock } from "./cleaning_fixture.ts";

const SMALL: Partial<LogSettings> = { segmentBytes: 1_000, indexIntervalBytes: 200 };
const AT_ONCE: ScrubPace = { take: () => Promise.resolve() };

/** Runs `work` at the first read, or at a later one, of a scrub that goes on afterwards. */
function interrupted(work: () => Promise<void>, at = 0): ScrubPace & { readonly isDone: boolean } {
  let takes = 0;
  let isDone = false;
  return {
    get isDone() {
      return isDone;
    },
    take: async () => {
      if (takes++ !== at) return;
      await work();
      isDone = true;
    },
  };
}

async function filled(disk: Disk, settings: Partial<LogSettings> = SMALL, batches = 40): Promise<SegmentLog> {
  const log = await newLog(disk, settings, new YieldingClock());
  for (let seed = 0; seed < batches; seed++) await store(log, batchOf(seed, { valueBytes: 60 }));
  return log;
}

async function scrubAll(log: SegmentLog, pace: ScrubPace = AT_ONCE): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const unit of log.scrubbing.units()) found.push(...await unit.scrub(pace) ?? []);
  return found;
}

function flip(disk: FaultyDisk, path: string, at: number, bit = 1): void {
  const bytes = disk.bytesOf(path).slice();
  bytes[at]! ^= bit;
  disk.put(path, bytes);
}

const sealedPaths = (log: SegmentLog): string[] => log.scrubbing.units().map(({ path }) => path);
const isCorruption = (thrown: unknown): boolean =>
  thrown instanceof SentinelError && thrown.code === "storage_error" && /Damaged file/.test(thrown.message);

test("the active segment is left alone, and sound segments are read to their end", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  const units = log.scrubbing.units();
  assert.ok(units.length >= 3);
  let taken = 0;
  const pace = { take: (bytes: number) => Promise.resolve(void (taken += bytes)) };
  for (const unit of units) assert.deepEqual(await unit.scrub(pace), []);
  assert.ok(taken >= log.scrubbing.coldBytes, `${taken} of ${log.scrubbing.coldBytes} bytes were read`);
  assert.ok(log.scrubbing.coldBytes < log.sizeBytes);
  assert.ok(!sealedPaths(log).includes(segmentPath(log.endOffset - 1)));
  assert.deepEqual(log.scrubbing.damage, []);
  await log.close();
  assert.equal(disk.openFiles, 0);
});

test("each flipped bit of a sealed segment is found, though everything was verified before", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  const expected = textOf(await readAll(log));
  const [path] = sealedPaths(log) as [string];
  const { length } = disk.bytesOf(path);
  for (let at = 0; at < length; at++) {
    flip(disk, path, at, 1 << (at % 8));
    const found = await scrubAll(log);
    assert.ok(found.length > 0, `byte ${at} of ${length} is flipped, and nothing is found`);
    assert.equal(found[0]!.path, path);
    assert.ok(found[0]!.position <= at && !found[0]!.isMended);
    assert.deepEqual(log.scrubbing.damage, found);
    flip(disk, path, at, 1 << (at % 8));
  }
  assert.deepEqual(await scrubAll(log), []);
  assert.deepEqual(log.scrubbing.damage, []);
  assert.deepEqual(textOf(await readAll(log)), expected);
  await log.close();
});

test("who reads what is damaged hears of it; everything else is served, also before that", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  const expected = textOf(await readAll(log));
  const [first, second] = log.scrubbing.units().map(({ path }) => Number(/(\d{20})\.log$/.exec(path)![1])) as [
    number,
    number,
  ];
  flip(disk, segmentPath(first), 90);
  assert.equal((await scrubAll(log)).length, 1);
  assert.equal(log.failure, null);
  assert.deepEqual(textOf(await readAll(log, second)), expected.slice(second));
  await store(log, batchOf(99));
  await assert.rejects(async () => await readAll(log, first), isCorruption);
  await log.close();
});

test("two places in one segment are two findings", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk, { segmentBytes: 4_000, indexIntervalBytes: 200 });
  const [path] = sealedPaths(log) as [string];
  flip(disk, path, 500);
  flip(disk, path, 3_500);
  const found = await scrubAll(log);
  assert.equal(found.length, 2);
  assert.ok(found[0]!.position <= 500 && found[1]!.position > 2_000 && found[1]!.position <= 3_500);
  await log.close();
});

/** The device cannot read one file. */
class UnreadableDisk extends FaultyDisk {
  unreadable = "";

  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = await super.open(path, mode);
    if (path !== this.unreadable || mode !== "read") return file;
    return { ...file, readAt: () => Promise.reject(new PlatformError("io", "read", path)) };
  }
}

test("a file that is cut, missing, or cannot be read is damaged", async () => {
  const disk = new UnreadableDisk();
  const log = await filled(disk);
  const [first, second, third] = sealedPaths(log) as [string, string, string];
  disk.put(first, disk.bytesOf(first).subarray(0, 700));
  await disk.remove(second);
  disk.unreadable = third;
  const found = await scrubAll(log);
  assert.deepEqual(found.map(({ path }) => path), [first, second, third]);
  assert.match(found[1]!.detail, /missing/);
  assert.match(found[2]!.detail, /cannot be read/);
  await log.close();
});

test("a batch of another place or epoch, whose checksum is right, is found", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  const [first, second] = sealedPaths(log) as [string, string];
  const sound = disk.bytesOf(first).slice();
  // As a misdirected write leaves it: the second segment's first batch in the place of the first one's.
  const { length } = batchOf(1, { valueBytes: 60 }).bytes;
  const moved = sound.slice();
  moved.set(disk.bytesOf(second).subarray(0, length), 0);
  disk.put(first, moved);
  assert.match((await scrubAll(log))[0]!.detail, /offset \d+ where 0 is due/);
  const older = sound.slice();
  new DataView(older.buffer).setInt32(12, 7);
  disk.put(first, older);
  assert.match((await scrubAll(log))[0]!.detail, /epoch 7 where the checkpoint says 0/);
  await log.close();
});

for (const kind of ["index", "timeindex"] as const) {
  test(`each flipped bit of a .${kind} is found and mended`, async () => {
    const disk = new FaultyDisk();
    const log = await filled(disk);
    const path = segmentPath(0, kind);
    const sound = disk.bytesOf(path).slice();
    assert.ok(sound.length > 0);
    for (let at = 0; at < sound.length; at++) {
      flip(disk, path, at, 1 << (at % 8));
      const found = await scrubAll(log);
      assert.deepEqual(found.map((damage) => [damage.path, damage.isMended]), [[path, true]], `byte ${at}`);
      assert.deepEqual(disk.bytesOf(path), sound);
      assert.deepEqual(await scrubAll(log), []);
    }
    assert.deepEqual(log.scrubbing.damage, []);
    await log.close();
  });
}

test("an index that a reader has mended meanwhile is not told", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  const path = segmentPath(0, "index");
  const sound = disk.bytesOf(path).slice();
  flip(disk, path, 3);
  // Both indexes are read first.
  const pace = interrupted(() => Promise.resolve(disk.put(path, sound)), 2);
  assert.deepEqual(await log.scrubbing.units()[0]!.scrub(pace), []);
  assert.ok(pace.isDone);
  await log.close();
});

test("a last batch that is another one of the same length is found by where it ends", async () => {
  const disk = new FaultyDisk();
  const two = batchOf(1, { records: 2, valueBytes: 20 });
  const segmentBytes = batchOf(3).sizeBytes + two.sizeBytes;
  const log = await newLog(disk, { segmentBytes }, new YieldingClock());
  let valueBytes = 20;
  while (batchOf(2, { valueBytes }).sizeBytes < two.sizeBytes) valueBytes += 1;
  const one = batchOf(2, { valueBytes });
  assert.equal(one.sizeBytes, two.sizeBytes);
  await store(log, batchOf(3));
  await store(log, two);
  for (let seed = 4; seed < 9; seed++) await store(log, batchOf(seed));
  const [path] = sealedPaths(log) as [string];
  const bytes = disk.bytesOf(path).slice();
  one.stamp(1, 0);
  const at = batchOf(3).sizeBytes;
  disk.put(path, Uint8Array.from([...bytes.subarray(0, at), ...one.bytes, ...bytes.subarray(at + one.sizeBytes)]));
  assert.match((await scrubAll(log))[0]!.detail, /it ends at offset 2 and the next segment begins at 3/);
  await log.close();
});

test("an index that is missing is none that is wrong", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  await disk.remove(segmentPath(0, "index"));
  await disk.remove(segmentPath(0, "timeindex"));
  assert.deepEqual(await scrubAll(log), []);
  await log.close();
});

async function compacted(disk: FaultyDisk): Promise<SegmentLog> {
  const settings = { ...SMALL, compaction: COMPACTION };
  const log = await newLog(disk, settings, new YieldingClock());
  for (let seed = 0; seed < 60; seed++) {
    // Some keys come once, so that what stays has gaps between it.
    const key = seed % 4 === 0 ? `once ${seed}` : `k${seed % 7}`;
    await store(log, await keyedBatch([{ key, value: `${seed}`.padEnd(40, "v") }]));
  }
  return log;
}

const clean = (log: SegmentLog) => log.cleaning.clean(boundsOf(log.endOffset), TOOLS);

test("compaction's gaps are no damage, and a flipped bit among them is", async () => {
  const disk = new FaultyDisk();
  const log = await compacted(disk);
  assert.equal((await clean(log)).outcome, "cleaned");
  await readAll(log);
  assert.deepEqual(await scrubAll(log), []);
  const [path] = sealedPaths(log) as [string];
  for (const at of [0, 7, 8, 20, 40, 61, 62, disk.bytesOf(path).length - 1]) {
    flip(disk, path, at);
    assert.ok((await scrubAll(log)).some((damage) => damage.path === path), `byte ${at}`);
    flip(disk, path, at);
  }
  // Uncovered by checksums, and within what a gap could be: a reader must hear of it, who had it checked before.
  await readAll(log);
  const sound = disk.bytesOf(path);
  const bytes = sound.slice();
  const view = new DataView(bytes.buffer);
  let moved = 0;
  for (let at = 0, due = 0; at < bytes.length && moved === 0; at += 12 + view.getInt32(at + 8)) {
    const baseOffset = Number(view.getBigInt64(at));
    if (at > 0 && baseOffset > due) view.setBigInt64(at, BigInt(moved = baseOffset - 1));
    due = baseOffset + view.getInt32(at + 23) + 1;
  }
  assert.ok(moved > 0, "there is a gap");
  disk.put(path, bytes);
  assert.match((await scrubAll(log))[0]!.detail, /not those that the cleaner wrote/);
  await assert.rejects(async () => await readAll(log), isCorruption);
  await log.close();
});

const RACES: Readonly<Record<string, (log: SegmentLog) => Promise<unknown>>> = {
  "deleted by retention": (log) => {
    log.configure({ ...SETTINGS, ...SMALL, retentionBytes: 0 });
    return log.applyRetention(0);
  },
  "trimmed away": (log) => log.trimBefore(log.endOffset),
  "truncated away": (log) => log.truncateFrom(0),
  "truncated in the middle, and written anew": async (log) => {
    await log.truncateFrom(3);
    for (let seed = 0; seed < 40; seed++) await store(log, batchOf(1_000 + seed, { valueBytes: 90 }));
  },
  "closed": (log) => log.close(),
};

for (const [what, race] of Object.entries(RACES)) {
  test(`a log whose segments are ${what} while they are read has no damage`, async () => {
    for (let at = 0; at < 9; at++) {
      const disk = new FaultyDisk();
      const log = await filled(disk);
      const pace = interrupted(async () => void await race(log), at);
      assert.deepEqual(await scrubAll(log, pace), [], `at read ${at}`);
      assert.ok(pace.isDone);
      assert.deepEqual(await scrubAll(log), []);
      assert.deepEqual(log.scrubbing.damage, []);
      await log.close();
      assert.equal(disk.openFiles, 0);
    }
  });
}

test("a log that is compacted while its segments are read has no damage", async () => {
  for (let at = 0; at < 12; at++) {
    const disk = new FaultyDisk();
    const log = await compacted(disk);
    const pace = interrupted(async () => void await clean(log), at);
    assert.deepEqual(await scrubAll(log, pace), [], `at read ${at}`);
    assert.ok(pace.isDone);
    assert.deepEqual(await scrubAll(log), []);
    await log.close();
    assert.equal(disk.openFiles, 0);
  }
});

test("each effect of a compaction may meet a scrub", async () => {
  const probe = new FaultyDisk();
  const probed = await compacted(probe);
  const before = probe.effects.length;
  await clean(probed);
  const effects = probe.effects.length - before;
  for (let skip = 0; skip < effects; skip++) {
    const disk = new FaultyDisk();
    const log = await compacted(disk);
    let left = skip;
    let scrub: Promise<Damage[]> | null = null;
    disk.after = () => {
      if (left-- === 0) scrub = scrubAll(log);
    };
    await clean(log);
    assert.notEqual(scrub, null);
    assert.deepEqual(await scrub, [], `behind effect ${skip} of ${effects}`);
    await log.close();
  }
});

test("damage that is gone with its segment is forgotten", async () => {
  const disk = new FaultyDisk();
  const log = await filled(disk);
  const [first] = sealedPaths(log) as [string];
  flip(disk, first, 90);
  await scrubAll(log);
  assert.equal(log.scrubbing.damage.length, 1);
  await log.trimBefore(log.endOffset);
  assert.deepEqual(log.scrubbing.damage, []);
  await log.close();
});
