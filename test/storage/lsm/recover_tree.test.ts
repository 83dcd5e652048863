import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError, SentinelError } from "../../../src/base/errors.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { bytesOf, openTree, pairsOf, putText, TREE_DIRECTORY } from "../tree_fixture.ts";

const key = (number: number): string => `key${String(number).padStart(4, "0")}`;

/** What a writer hears whose write may be tried again when there is room. */
function isFullDisk(thrown: unknown): boolean {
  return thrown instanceof SentinelError && thrown.code === "storage_error" &&
    /no_space|no space/i.test(thrown.message);
}

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

/**
 * Takes a disk's room. `partly`: bytes that a file has may be written again, as on tmpfs and ext4. `wholly`: nothing may,
 * as where each write takes a new place.
 */
function fill(disk: FaultyDisk, how: "partly" | "wholly"): void {
  disk.before = ({ operation, path }) => {
    const isRefused = operation === "create" || (operation === "write" && (how === "wholly" || /wal_|tmp$/.test(path)));
    if (isRefused) throw new PlatformError("no_space", operation, path);
  };
}

for (const how of ["partly", "wholly"] as const) {
  for (const syncMode of ["batch", "always"] as const) {
    test(`after a clean stop a ${how} full disk is read; ${syncMode} writes are refused until there is room`, async () => {
      const disk = new FaultyDisk();
      const store = await openTree(disk, { syncMode });
      await putText(store, "a", "1");
      await store.close();
      fill(disk, how);
      const full = await openTree(disk, { syncMode });
      for (let time = 0; time < 3; time++) {
        assert.deepEqual(await pairsOf(full), ["a=1"]);
        await assert.rejects(async () => await putText(full, "b", "2"), isFullDisk);
        await assert.rejects(full.deleteRange({}), isFullDisk);
      }
      await full.sync();
      await full.flush();
      await assert.rejects(full.compact(), isFullDisk);
      assert.equal(full.failure, null);
      // Neither a crash nor a stop on the full disk takes anything.
      for (const mode of ["kill", "lost"] as const) {
        const crashed = disk.crash(mode);
        assert.deepEqual(await pairsOf(await openTree(crashed)), ["a=1"]);
        fill(crashed, how);
        assert.deepEqual(await pairsOf(await openTree(crashed.crash("kill"))), ["a=1"]);
      }
      disk.before = () => {};
      await putText(full, "b", "2");
      await full.sync();
      assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), ["a=1", "b=2"]);
      await full.close();
      assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), ["a=1", "b=2"]);
    });

    test(`a ${how} full disk may be stopped and started again and again, ${syncMode}`, async () => {
      const disk = new FaultyDisk();
      const store = await openTree(disk, { syncMode });
      for (let number = 0; number < 60; number++) await putText(store, key(number), "value");
      await store.close();
      const before = await pairsOf(await openTree(disk.crash("kill")));
      fill(disk, how);
      for (let time = 0; time < 3; time++) {
        const full = await openTree(disk, { syncMode });
        assert.deepEqual(await pairsOf(full), before);
        await assert.rejects(async () => await putText(full, "b", "2"), isFullDisk);
        await full.close();
        assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), before);
      }
      assert.equal(disk.openFiles, 0);
      // Damage of what a clean stop has left is still told: the clean mark was not lost.
      const manifest = disk.bytesOf(`${TREE_DIRECTORY}/MANIFEST`).slice();
      disk.put(`${TREE_DIRECTORY}/MANIFEST`, manifest.subarray(0, manifest.length - 1));
      await assert.rejects(openTree(disk), /Damaged file .*MANIFEST/);
    });
  }
}

test("a tree whose memtable found no room at the stop opens on the full disk, and is whole when there is room", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "always" });
  await putText(store, "a", "1");
  fill(disk, "partly");
  await store.close();
  const full = await openTree(disk, { syncMode: "always" });
  assert.deepEqual(await pairsOf(full), ["a=1"]);
  await assert.rejects(async () => await putText(full, "b", "2"), isFullDisk);
  disk.before = () => {};
  await putText(full, "b", "2");
  assert.deepEqual(await pairsOf(await openTree(disk.crash("lost"))), ["a=1", "b=2"]);
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
