/** The reference's defects (facts §5), each as what ours must do in its place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import { TableWriter } from "../../../src/storage/lsm/table_writer.ts";
import { WriteBatch } from "../../../src/storage/write_batch.ts";
import { ManualClock } from "../../manual_clock.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import {
  bytesOf,
  openTree,
  pairsOf,
  putText,
  TREE_DIRECTORY,
  TREE_IDENTITY,
  treeLocation,
  valueOf,
} from "../tree_fixture.ts";

const isStorageError = (pattern: RegExp) => (thrown: unknown): boolean =>
  thrown instanceof SentinelError && thrown.code === "storage_error" && pattern.test(thrown.message);

const key = (number: number): string => `key${String(number).padStart(6, "0")}`;
const filesOf = async (disk: FaultyDisk, suffix: string): Promise<string[]> =>
  (await disk.list(TREE_DIRECTORY)).filter((name) => name.endsWith(suffix));
/** Turns of the event loop: what waits for the disk in memory is done by then. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

test("seed-T1: batch mode syncs within its interval, none writes within it, written and always before they answer", async () => {
  for (
    const [syncMode, kept, synced] of [["none", 3, 0], ["batch", 3, 3], ["written", 3, 0], ["always", 3, 3]] as const
  ) {
    const disk = new FaultyDisk();
    const clock = new ManualClock();
    const store = await openTree(disk, { syncMode, syncIntervalMs: 50 }, clock);
    for (let number = 0; number < 3; number++) await putText(store, key(number), "v");
    clock.advance(50);
    await turns();
    const afterKill = await openTree(disk.crash("kill"));
    assert.equal((await pairsOf(afterKill)).length, kept, `${syncMode}, killed`);
    const afterLoss = await openTree(disk.crash("lost"));
    assert.equal((await pairsOf(afterLoss)).length, synced, `${syncMode}, power lost`);
  }
});

test("seed-T2: a torn end of the log is cut, whatever it is, and the good records stay", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  for (let number = 0; number < 3; number++) await putText(store, key(number), "value");
  const path = `${TREE_DIRECTORY}/${(await filesOf(disk, ".log"))[0]!}`;
  const whole = disk.bytesOf(path).slice();
  const recordBytes = 28 + 8 + 9 + 5;
  for (let cut = 1; cut <= recordBytes; cut++) {
    const torn = disk.crash("kill");
    torn.put(path, whole.slice(0, whole.length - cut));
    assert.equal((await pairsOf(await openTree(torn))).length, 2, `cut by ${cut}`);
  }
  for (
    const damaged of [Uint8Array.from([...whole, ...new Array<number>(200).fill(0)]), flipped(whole, whole.length - 3)]
  ) {
    const torn = disk.crash("kill");
    torn.put(path, damaged);
    const reopened = await openTree(torn, { syncMode: "always" });
    assert.equal((await pairsOf(reopened)).length, damaged.length === whole.length ? 2 : 3);
    await putText(reopened, key(9), "after");
    assert.equal(await valueOf(await openTree(torn.crash("kill")), key(9)), "after");
  }
});

test("seed-T2: damage before good records that are known to be synced is reported, not cut", async () => {
  const disk = new FaultyDisk();
  const clock = new ManualClock();
  const store = await openTree(disk, { syncMode: "always" }, clock);
  await putText(store, key(1), "value");
  clock.advance(1_000);
  await putText(store, key(2), "value");
  await turns();
  const path = `${TREE_DIRECTORY}/${(await filesOf(disk, ".log"))[0]!}`;
  const damaged = disk.crash("kill");
  damaged.put(path, flipped(disk.bytesOf(path), 45));
  await assert.rejects(openTree(damaged), isStorageError(/wal_\d+\.log at position 40/));
});

test("seed-T3: a log goes when its table is there, and a start flushes what it reads", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "batch" });
  for (let number = 0; number < 500; number++) await putText(store, key(number), "value");
  await store.flush();
  assert.equal((await filesOf(disk, ".log")).length, 1);
  const reopened = await openTree(disk.crash("kill"));
  assert.equal(reopened.report.records, 0);
  assert.equal((await pairsOf(reopened)).length, 500);
  assert.ok(reopened.stats().memtableBytes <= 8_192);
});

test("seed-T4: numbers go on after a start, and no table is written over another", async () => {
  const disk = new FaultyDisk();
  const names = new Set<string>();
  for (const [name, value] of [["a", "1"], ["b", "2"], ["c", "3"]] as const) {
    const store = await openTree(disk);
    await putText(store, name, value);
    await store.close();
    const tables = await filesOf(disk, ".sst");
    for (const table of tables) names.add(table);
    assert.equal(tables.length, names.size);
  }
  assert.deepEqual(await pairsOf(await openTree(disk)), ["a=1", "b=2", "c=3"]);
});

test("seed-T4b: a deletion hides older tables, in memory, in a table and after compaction", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await putText(store, "a", "old");
  await store.flush();
  await store.delete(bytesOf("a"));
  assert.equal(await valueOf(store, "a"), null);
  await store.flush();
  assert.equal(await valueOf(store, "a"), null);
  await store.compact();
  assert.equal(await valueOf(store, "a"), null);
  assert.equal(store.stats().tables, 0);
  await store.close();
  assert.equal(await valueOf(await openTree(disk), "a"), null);
});

test("seed-T5: values around and far above a block come back from a table, and so does what lies behind them", async () => {
  const store = await openTree(new FaultyDisk());
  const sizes = [8_100, 8_170, 8_192, 100_000];
  for (const size of sizes) {
    await store.put(bytesOf(`k${size}`), new Uint8Array(size).fill(size & 255));
    await putText(store, `k${size}x`, "behind");
  }
  await store.flush();
  for (const size of sizes) {
    assert.deepEqual(await store.get(bytesOf(`k${size}`)), new Uint8Array(size).fill(size & 255));
    assert.equal(await valueOf(store, `k${size}x`), "behind");
  }
});

test("seed-T6: one flipped bit anywhere in a table is an error with the file's name, never a wrong answer", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  const expected = new Map<string, string>();
  for (let number = 0; number < 60; number++) expected.set(key(number), `value ${number}`);
  for (const [name, value] of expected) await putText(store, name, value);
  await store.close();
  const [name] = await filesOf(disk, ".sst");
  const path = `${TREE_DIRECTORY}/${name!}`;
  const whole = disk.bytesOf(path).slice();
  for (let at = 0; at < whole.length; at += 29) {
    const damaged = disk.crash("kill");
    damaged.put(path, flipped(whole, at));
    const opened = await openTree(damaged);
    let errors = 0;
    for (const [wanted, value] of expected) {
      try {
        assert.equal(await valueOf(opened, wanted), value);
      } catch (thrown) {
        assert.ok(isStorageError(new RegExp(name!))(thrown), `byte ${at}: ${thrown}`);
        errors += 1;
      }
    }
    assert.ok(errors > 0, `byte ${at} of ${whole.length} changes nothing`);
    // A scan needs no filter; else it fails as a whole.
    await pairsOf(opened).then(
      (pairs) => assert.equal(pairs.length, expected.size),
      (thrown) => assert.ok(isStorageError(new RegExp(name!))(thrown)),
    );
    await opened.close();
  }
});

test("seed-T7: every acknowledged key is there at every moment of a flush", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  let reads = 0;
  disk.after = () => {
    for (let number = 0; number < written; number += 7) {
      reads += 1;
      const found = store.get(bytesOf(key(number)));
      if (found instanceof Promise) void found.then((value) => assert.ok(value !== null, `${number} is gone`));
      else assert.ok(found !== null, `${number} is gone`);
    }
  };
  let written = 0;
  for (let number = 0; number < 300; number++) {
    await putText(store, key(number), "value");
    written = number + 1;
  }
  await store.flush();
  await turns();
  assert.ok(reads > 1_000 && store.stats().tables > 0);
});

test("seed-T8: an open scan delays no writer, and a put keeps no buffer of its caller", async () => {
  const store = await openTree(new FaultyDisk());
  await putText(store, "b", "1");
  const scan = store.scan();
  const buffer = bytesOf("a");
  await store.put(buffer, buffer);
  buffer[0] = 0x7a;
  assert.deepEqual(await pairsOf(store), ["a=a", "b=1"]);
  assert.equal(new TextDecoder().decode((await scan.next())!.key), "b");
  assert.equal(await scan.next(), null);
});

test("seed-T9: every frozen memtable becomes a table, close flushes all, and writers wait when too many do", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  let mostImmutables = 0;
  for (let number = 0; number < 1_500; number++) {
    await putText(store, key(number), "value");
    mostImmutables = Math.max(mostImmutables, store.stats().immutableMemtables);
  }
  assert.ok(mostImmutables <= 2, `${mostImmutables} memtables waited`);
  await store.close();
  const reopened = await openTree(disk);
  assert.deepEqual([reopened.report.records, reopened.stats().immutableMemtables], [0, 0]);
  assert.equal((await pairsOf(reopened)).length, 1_500);
});

test("seed-T10: a flush on a full disk keeps the memtable, tells, and is tried again", async () => {
  const disk = new FaultyDisk();
  const clock = new ManualClock();
  const store = await openTree(disk, {}, clock);
  for (let number = 0; number < 20; number++) await putText(store, key(number), "value");
  disk.failNext("write", "no_space", { suffix: ".sst.tmp" });
  await assert.rejects(store.flush(), isStorageError(/no space/));
  assert.ok(store.backgroundError !== null);
  assert.equal((await pairsOf(store)).length, 20);
  assert.deepEqual(await filesOf(disk, ".tmp"), []);
  clock.advance(1_000);
  await turns();
  assert.equal(store.backgroundError, null);
  assert.equal(store.stats().tables, 1);
  assert.equal((await pairsOf(store)).length, 20);
});

test("seed-T11: after twelve flushes and a start the newest value counts", async () => {
  const disk = new FaultyDisk();
  for (let version = 1; version <= 12; version++) {
    const store = await openTree(disk, { level0Trigger: 12 });
    await putText(store, "k", `v${version}`);
    await store.close();
  }
  const store = await openTree(disk, { level0Trigger: 12 });
  assert.equal(store.stats().tables, 12);
  assert.equal(await valueOf(store, "k"), "v12");
});

test("seed-T12: a start keeps the time at which an entry was written", async () => {
  const disk = new FaultyDisk();
  const clock = new ManualClock(1_000);
  const store = await openTree(disk, { syncMode: "always" }, clock);
  await putText(store, "k", "v");
  const reopened = await openTree(disk.crash("kill"), {}, new ManualClock(9_999_999));
  await reopened.close();
  const path = `${TREE_DIRECTORY}/${(await filesOf(disk, ".log"))[0]!}`;
  const view = new DataView(disk.bytesOf(path).buffer);
  assert.equal(view.getBigUint64(40 + 16, true), 1_000n);
  const kept = disk.crash("kill");
  const second = await openTree(kept, {}, new ManualClock(9_999_999));
  await second.flush();
  const [table] = (await kept.list(TREE_DIRECTORY)).filter((name) => name.endsWith(".sst"));
  const entry = new DataView(kept.bytesOf(`${TREE_DIRECTORY}/${table!}`).buffer);
  assert.equal(entry.getBigUint64(8 + 8, true), 1_000n);
});

test("seed-T13: many readers at once all get what they asked for, with a cache of nothing", async () => {
  const store = await openTree(new FaultyDisk(), { blockCacheBytes: 0 });
  for (let number = 0; number < 400; number++) await putText(store, key(number), `value ${number}`);
  await store.flush();
  const found = await Promise.all(Array.from({ length: 1_200 }, (_, at) => valueOf(store, key(at % 400))));
  assert.deepEqual(found, Array.from({ length: 1_200 }, (_, at) => `value ${at % 400}`));
});

test("seed-T14: a scan finds its first key through the index and reads each block once", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { blockCacheBytes: 1_000_000, memtableBytes: 1_000_000, tableBytes: 1_000_000 });
  for (let number = 0; number < 3_000; number++) await putText(store, key(number), "value");
  await store.flush();
  const missesBefore = store.stats().blockCacheMisses;
  const some = await pairsOf(store, { from: bytesOf(key(1_500)), to: bytesOf(key(1_510)) });
  assert.equal(some.length, 10);
  assert.ok(store.stats().blockCacheMisses - missesBefore <= 4, "the scan looked at more than its own blocks");
});

test("seed-T15: deletions fill a memtable as other writes do", async () => {
  const store = await openTree(new FaultyDisk());
  for (let number = 0; number < 2_000; number++) await store.delete(bytesOf(key(number)));
  await turns();
  assert.ok(store.stats().memtableEntries < 400, `${store.stats().memtableEntries} entries in a memtable of 4 KiB`);
});

test("seed-T16: a tree that is open cannot be opened again", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await assert.rejects(openTree(disk), isStorageError(/in use/));
  await store.close();
  await (await openTree(disk)).close();
});

test("seed-T17: a table is synced under another name before it has its own, and its name before the manifest has it", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await putText(store, "k", "v");
  const from = disk.effects.length;
  await store.flush();
  const effects = disk.effects.slice(from).map(({ operation, path }) => `${operation} ${path.split("/").at(-1)}`);
  const table = effects.findIndex((effect) => /^create L0_\d+\.sst\.tmp$/.test(effect));
  const order = [/^sync L0_\d+\.sst\.tmp$/, /^rename /, /^sync directory tree$/, /^write MANIFEST/, /^sync MANIFEST/];
  let at = table;
  for (const pattern of order) {
    const next = effects.findIndex((effect, place) => place > at && pattern.test(effect));
    assert.ok(next > at, `${pattern} is not behind ${effects[at]}`);
    at = next;
  }
  assert.ok(effects.findIndex((effect) => /^remove wal_/.test(effect)) > at);
  // A half-written table that a crash leaves is gone after the next start.
  const left = disk.crash("kill");
  left.put(`${TREE_DIRECTORY}/L0_0000000099.sst.tmp`, bytesOf("half"));
  left.put(`${TREE_DIRECTORY}/L0_0000000098.sst`, bytesOf("nobody's"));
  const reopened = await openTree(left);
  assert.equal(reopened.report.orphans, 2);
  await putText(reopened, "l", "w");
  await reopened.flush();
  assert.ok((await left.list(TREE_DIRECTORY)).every((name) => !/009[89]/.test(name)), "a number was given twice");
});

test("seed-T18: on deeper levels every key is found, first and last of each table too", async () => {
  const store = await openTree(new FaultyDisk());
  for (let number = 0; number < 1_000; number++) await putText(store, key((number * 77) % 1_000), `value ${number}`);
  await store.flush();
  await store.compact();
  assert.ok(store.stats().levels.slice(1).some(({ tables }) => tables > 3));
  for (let number = 0; number < 1_000; number++) {
    assert.equal(await valueOf(store, key((number * 77) % 1_000)), `value ${number}`);
  }
  assert.equal(await valueOf(store, "key000500x"), null);
});

test("seed-T19: a table refuses entries that are not in order", () => {
  const place = { ...treeLocation(new FaultyDisk()), identity: TREE_IDENTITY };
  const add = (entries: readonly (readonly [string, number])[]): void => {
    const writer = new TableWriter(place, 1, 0);
    for (const [name, sequence] of entries) writer.add(bytesOf(name), bytesOf("v"), 1, sequence);
  };
  add([["a", 2], ["a", 1], ["b", 9]]);
  for (const wrong of [[["b", 1], ["a", 2]], [["a", 1], ["a", 1]], [["a", 1], ["a", 2]]] as const) {
    assert.throws(() => add(wrong), /must be sorted/);
  }
});

test("seed-K2, seed-K3: nothing of a write that fails is seen or stays, and the next one works", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  await putText(store, "a", "1");
  disk.failNext("write", "no_space", { suffix: ".log" });
  const batch = new WriteBatch().put(bytesOf("a"), bytesOf("2")).put(bytesOf("b"), bytesOf("2"));
  await assert.rejects(async () => await store.write(batch), isStorageError(/no space/));
  assert.deepEqual(await pairsOf(store), ["a=1"]);
  assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), ["a=1"]);
  assert.deepEqual(await pairsOf(await openTree(disk.crash("kill"))), ["a=1"]);
  await putText(store, "c", "3");
  assert.deepEqual(await pairsOf(store), ["a=1", "c=3"]);
  assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), ["a=1", "c=3"]);
});

test("seed-K2: no reader sees a write before it is on the disk, in mode always", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  let seenAtSync: string | null = "none";
  disk.before = async ({ operation, path }) => {
    if (operation === "sync" && path.endsWith(".log")) seenAtSync = await valueOf(store, "k");
  };
  await putText(store, "k", "v");
  assert.equal(seenAtSync, null);
  assert.equal(await valueOf(store, "k"), "v");
});

test("seed-K5: what a range delete has removed stays removed, over compaction and a start", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  for (let number = 0; number < 300; number++) await putText(store, key(number), "old");
  await store.flush();
  assert.equal(await store.deleteRange({ from: bytesOf("key"), to: bytesOf("kez") }), 300);
  await putText(store, key(7), "new incarnation");
  await store.flush();
  await store.compact();
  await store.close();
  assert.deepEqual(await pairsOf(await openTree(disk)), [`${key(7)}=new incarnation`]);
});

test("seed-V2: a second close does nothing, and a write after a close is an error", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await putText(store, "k", "v");
  await store.close();
  await store.close();
  assert.throws(() => store.put(bytesOf("k"), bytesOf("w")), isStorageError(/closed/));
  assert.equal(disk.openFiles, 0);
  assert.equal(await valueOf(await openTree(disk), "k"), "v");
});

test("a failed sync is final: no write after it, and what was durable is there after a start", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  await putText(store, "a", "1");
  disk.failNext("sync", "io", { suffix: ".log" });
  await assert.rejects(putText(store, "b", "2"), isStorageError(/until a restart/));
  await assert.rejects(putText(store, "c", "3"), isStorageError(/until a restart/));
  assert.deepEqual(await pairsOf(store), ["a=1"]);
  await store.close();
  assert.equal(disk.openFiles, 0);
  assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), ["a=1"]);
});

test("a directory of the seed's own format is refused by name", async () => {
  const disk = new FaultyDisk();
  await disk.makeDirectory(TREE_DIRECTORY);
  disk.put(`${TREE_DIRECTORY}/wal.log`, bytesOf("x"));
  await assert.rejects(LsmStore.open(treeLocation(disk)), isStorageError(/wal\.log, a file of format version 0/));
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at]! ^= 4;
  return changed;
}
