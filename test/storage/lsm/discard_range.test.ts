/** A range that nobody reads any more: its tables go as they are, and nothing else does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LsmStore } from "../../../src/storage/lsm/lsm_store.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { bytesOf, openTree, pairsOf, putText } from "../tree_fixture.ts";

const RANGE = { from: bytesOf("b"), to: bytesOf("c") };
const key = (letter: string, number: number): string => `${letter}${String(number).padStart(4, "0")}`;

/** Three ranges, each as large as some tables. */
async function fill(store: LsmStore, count: number, value: string): Promise<void> {
  for (const letter of ["a", "b", "c"]) {
    for (let number = 0; number < count; number++) await putText(store, key(letter, number), value.padEnd(90, "v"));
  }
}

const outside = async (store: LsmStore): Promise<string[]> =>
  (await pairsOf(store)).filter((pair) => !pair.startsWith("b"));

test("tables inside the range go without being read, and a walk that has begun goes on", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { blockCacheBytes: 0 });
  await fill(store, 200, "old");
  await store.flush();
  await store.compact();
  const expected = await outside(store);
  const tables = store.stats().tables;
  const walk = store.scan(RANGE);
  await walk.next();
  const discarded = await store.discardRange(RANGE);
  assert.ok(discarded > 10_000, `${discarded} bytes`);
  assert.ok(store.stats().tables <= tables - 3, `${store.stats().tables} of ${tables} tables`);
  let seen = 1;
  while (await walk.next() !== null) seen += 1;
  walk.close();
  assert.equal(seen, 200);
  // What shared a table with others is left to the deletion.
  const left = await store.deleteRange(RANGE);
  assert.ok(left > 0 && left < 100, `${left} keys were left`);
  assert.deepEqual(await pairsOf(store), expected);
  await store.close();
  assert.deepEqual(await pairsOf(await openTree(disk)), expected);
});

test("it takes no table from a compaction that runs", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new SeededRandom(seed);
    const store = await openTree(new FaultyDisk(), { level0Trigger: 2 });
    await fill(store, 120, "old");
    await fill(store, 60 + random.below(60), "new");
    const expected = await outside(store);
    const compacting = store.compact();
    for (let turns = random.below(60); turns > 0; turns--) await Promise.resolve();
    await Promise.all([store.discardRange(RANGE), store.discardRange(RANGE), compacting]);
    await store.deleteRange(RANGE);
    assert.deepEqual(await pairsOf(store), expected, `seed ${seed}`);
    await store.compact();
    assert.deepEqual(await pairsOf(store), expected, `seed ${seed}`);
    await store.close();
  }
});

test("a crash after any effect of it leaves everything outside, and a tree that opens", async () => {
  const random = new SeededRandom(5);
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  await fill(store, 100, "old");
  await store.flush();
  await store.compact();
  const expected = await outside(store);
  const images: FaultyDisk[] = [];
  disk.after = () => {
    for (const mode of ["kill", "lost", "some"] as const) images.push(disk.crash(mode, random));
  };
  await store.discardRange(RANGE);
  await store.deleteRange(RANGE);
  assert.ok(images.length > 10);
  for (const image of images) {
    const again = await openTree(image, { syncMode: "always" });
    assert.deepEqual(await outside(again), expected);
    await again.deleteRange(RANGE);
    assert.deepEqual(await pairsOf(again), expected);
    await again.close();
  }
});

test("a disk that takes no edit leaves every table", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await fill(store, 100, "old");
  await store.flush();
  await store.compact();
  const before = await pairsOf(store);
  // The file's name when it was opened.
  disk.failNext("write", "no_space", { suffix: "MANIFEST.tmp" });
  await assert.rejects(store.discardRange(RANGE), /no space/);
  assert.equal(store.failure, null);
  assert.deepEqual(await pairsOf(store), before);
  assert.ok(await store.discardRange(RANGE) > 0);
  await store.close();
});
