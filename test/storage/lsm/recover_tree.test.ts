import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { bytesOf, openTree, pairsOf, putText, TREE_DIRECTORY } from "../tree_fixture.ts";

const key = (number: number): string => `key${String(number).padStart(4, "0")}`;

/** A disk on which a crash came between the making of the next log and its first byte. */
async function withHalfMadeLog(): Promise<{ readonly image: FaultyDisk; readonly count: number }> {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  const made: { image: FaultyDisk; count: number }[] = [];
  let count = 0;
  disk.after = ({ operation, path }) => {
    if (operation === "create" && /wal_\d+\.log$/.test(path)) made.push({ image: disk.crash("kill"), count });
  };
  while (made.length === 0) {
    await putText(store, key(count), "value");
    count += 1;
  }
  return made[0]!;
}

test("a log that a crash left half made is gone for good, whatever comes after it", async () => {
  const { image, count } = await withHalfMadeLog();
  const store = await openTree(image, { syncMode: "always" });
  assert.equal((await pairsOf(store)).length, count);
  const images: FaultyDisk[] = [];
  image.after = () => void images.push(image.crash("kill"), image.crash("lost"));
  for (let number = 0; number < 120; number++) await putText(store, `l${key(number)}`, "value");
  assert.ok(images.length > 400);
  for (const later of images.filter((_, at) => at % 5 === 0)) {
    assert.ok((await pairsOf(await openTree(later))).length >= count);
  }
});

test("a start on a full disk reads what is there, and writes when there is room", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  await putText(store, "a", "1");
  const image = disk.crash("kill");
  image.failNext("write", "no_space", { suffix: "MANIFEST.tmp" });
  const reopened = await openTree(image, { syncMode: "always" });
  assert.deepEqual(await pairsOf(reopened), ["a=1"]);
  await putText(reopened, "b", "2");
  await reopened.flush();
  assert.deepEqual(await pairsOf(await openTree(image.crash("lost"))), ["a=1", "b=2"]);
});

test("a directory with files of a tree and no manifest is damaged, not new", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk);
  await putText(store, "a", "1");
  await store.close();
  await disk.remove(`${TREE_DIRECTORY}/MANIFEST`);
  await assert.rejects(openTree(disk), (thrown) => {
    return thrown instanceof SentinelError && /MANIFEST.*the manifest is missing/.test(thrown.message);
  });
});

test("configure() takes over settings at once, and refuses what cannot be", async () => {
  const store = await openTree(new FaultyDisk(), { memtableBytes: 1_000_000, blockCacheBytes: 1_000_000 });
  for (let number = 0; number < 200; number++) await putText(store, key(number), "value");
  await store.flush();
  await pairsOf(store);
  assert.ok(store.stats().blockCacheBytes > 0);
  store.configure({ blockCacheBytes: 0, memtableBytes: 4_096, syncMode: "always" });
  for (let number = 0; number < 200; number++) await store.put(bytesOf(key(number)), bytesOf("newer"));
  await store.flush();
  await pairsOf(store);
  assert.equal(store.stats().blockCacheBytes, 0);
  assert.throws(() => store.configure({ levelsMax: 1 }), /levelsMax is 1/);
  assert.throws(() => store.configure({ memtableBytes: 1.5 }), /memtableBytes is 1.5/);
});
