/** What the scrub finds in a tree's tables and manifest, and what compaction may do under it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadManifest, Manifest } from "../../../src/storage/lsm/manifest.ts";
import type { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import type { Damage, ScrubPace } from "../../../src/storage/scrubbing.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { openTree, pairsOf, putText, TREE_DIRECTORY, TREE_IDENTITY, valueOf } from "../tree_fixture.ts";

const AT_ONCE: ScrubPace = { take: () => Promise.resolve() };
const MANIFEST = `${TREE_DIRECTORY}/MANIFEST`;

async function filled(disk: FaultyDisk, keys = 120): Promise<LsmStore> {
  const store = await openTree(disk);
  for (let number = 0; number < keys; number++) {
    await putText(store, `key${String(number % 90).padStart(4, "0")}`, `value ${number}`.padEnd(90, "v"));
  }
  await store.flush();
  return store;
}

async function scrubAll(store: LsmStore, pace: ScrubPace = AT_ONCE): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const unit of store.scrubbing.units()) found.push(...await unit.scrub(pace) ?? []);
  return found;
}

function flip(disk: FaultyDisk, path: string, at: number): void {
  const bytes = disk.bytesOf(path).slice();
  bytes[at]! ^= 1 << (at % 8);
  disk.put(path, bytes);
}

test("sound tables and a sound manifest are read to their end, past the cache", async () => {
  const disk = new FaultyDisk();
  const store = await filled(disk);
  const expected = await pairsOf(store);
  const { blockCacheBytes } = store.stats();
  let taken = 0;
  const pace = { take: (bytes: number) => Promise.resolve(void (taken += bytes)) };
  assert.deepEqual(await scrubAll(store, pace), []);
  const bytes = store.stats().levels.reduce((sum, level) => sum + level.bytes, 0);
  assert.equal(store.scrubbing.coldBytes, bytes);
  assert.ok(taken >= bytes);
  assert.equal(store.stats().blockCacheBytes, blockCacheBytes, "what is scrubbed pushes nothing out of the cache");
  assert.deepEqual(await pairsOf(store), expected);
  await store.close();
  assert.equal(disk.openFiles, 0);
});

test("each flipped bit of each file is found with its name", async () => {
  const disk = new FaultyDisk();
  const store = await filled(disk);
  const units = store.scrubbing.units();
  assert.ok(units.length >= 3 && units.some(({ path }) => path === MANIFEST));
  for (const { path } of units) {
    const { length } = disk.bytesOf(path);
    // All of the manifest, and of each table its beginning, its end, and some of what is between.
    const isLooked = (at: number): boolean => path === MANIFEST || at < 300 || at > length - 900 || at % 13 === 0;
    for (let at = 0; at < length; at++) {
      if (!isLooked(at)) continue;
      flip(disk, path, at);
      const unit = store.scrubbing.units().find((each) => each.path === path)!;
      const found = await unit.scrub(AT_ONCE);
      assert.deepEqual(found?.map((damage) => damage.path), [path], `byte ${at} of ${length} of ${path}`);
      flip(disk, path, at);
    }
  }
  assert.deepEqual(await scrubAll(store), []);
  assert.deepEqual(store.scrubbing.damage, []);
  await store.close();
});

test("a table that is cut or missing is found, and a reader of damage hears of it", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { blockCacheBytes: 0 });
  await putText(store, "a", "1");
  await store.flush();
  await putText(store, "z", "2");
  await store.flush();
  const [first, second] = store.scrubbing.units().map(({ path }) => path) as [string, string];
  const sound = disk.bytesOf(first).slice();
  disk.put(first, sound.subarray(0, sound.length - 1));
  assert.deepEqual((await scrubAll(store)).map(({ path }) => path), [first]);
  disk.put(first, sound);
  flip(disk, first, 20);
  assert.deepEqual((await scrubAll(store)).map(({ path }) => path), [first]);
  assert.deepEqual(store.scrubbing.damage.map(({ path }) => path), [first]);
  await assert.rejects(async () => await valueOf(store, "a"), /Damaged file .*checksum/);
  assert.equal(await valueOf(store, "z"), "2");
  assert.equal(store.failure, null);
  await disk.remove(second);
  assert.match((await scrubAll(store))[1]!.detail, /cannot be read/);
  await store.close();
});

test("tables that compaction takes away while they are read are sound, and are removed when that is over", async () => {
  for (let at = 0; at < 14; at++) {
    const disk = new FaultyDisk();
    const store = await filled(disk);
    let takes = 0;
    const pace = {
      take: async () => {
        if (takes++ === at) await store.compact();
      },
    };
    assert.deepEqual(await scrubAll(store, pace), [], `at read ${at}`);
    const live = new Set(store.scrubbing.units().map(({ path }) => path));
    await store.close();
    const files = (await disk.list(TREE_DIRECTORY)).filter((name) => name.endsWith(".sst"));
    assert.deepEqual(files.filter((name) => !live.has(`${TREE_DIRECTORY}/${name}`)), []);
  }
});

test("each effect of a flush and a compaction may meet a scrub", async () => {
  const probe = new FaultyDisk();
  const probed = await filled(probe);
  const before = probe.effects.length;
  await probed.compact();
  const effects = probe.effects.length - before;
  for (let skip = 0; skip < effects; skip++) {
    const disk = new FaultyDisk();
    const store = await filled(disk);
    let left = skip;
    let scrub: Promise<Damage[]> | null = null;
    disk.after = () => {
      if (left-- === 0) scrub = scrubAll(store);
    };
    await store.compact();
    assert.notEqual(scrub, null);
    assert.deepEqual(await scrub, [], `behind effect ${skip} of ${effects}`);
    await store.close();
    assert.equal(disk.openFiles, 0);
  }
});

test("a manifest that is replaced while it is read is sound", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await putText(store, "a", "1");
  await store.close();
  const place = { disk, directory: TREE_DIRECTORY, identity: TREE_IDENTITY };
  const loaded = (await loadManifest(place, null))!;
  const orFail = (sync: () => Promise<void>): Promise<void> => sync();
  const manifest = new Manifest(place, loaded.generation);
  await manifest.rewrite(loaded, orFail);
  let verified = 0;
  disk.after = () => {
    void manifest.verify(AT_ONCE).then(() => verified += 1, (thrown) => assert.fail(String(thrown)));
  };
  const before = disk.effects.length;
  await manifest.rewrite({ ...loaded, tables: [] }, orFail);
  await manifest.rewrite(loaded, orFail);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(verified, disk.effects.length - before);
  await manifest.close();
});

test("a tree that is closed while it is scrubbed has no damage", async () => {
  for (let at = 0; at < 8; at++) {
    const disk = new FaultyDisk();
    const store = await filled(disk);
    let takes = 0;
    const pace = { take: async () => void (takes++ === at && await store.close()) };
    assert.deepEqual(await scrubAll(store, pace), []);
    await store.close();
    assert.equal(disk.openFiles, 0);
  }
});
