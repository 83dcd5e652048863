import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultyDisk } from "../faulty_disk.ts";
import { openTree, pairsOf, putText } from "../tree_fixture.ts";

test("mode written: a write that is answered outlives a kill, and a power loss once sync() has answered", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "written" });
  const kept = async (mode: "kill" | "lost"): Promise<string[]> => await pairsOf(await openTree(disk.crash(mode)));
  const syncs = disk.count("sync", ".log");
  await putText(store, "a", "1");
  assert.deepEqual(await kept("kill"), ["a=1"]);
  assert.deepEqual(await kept("lost"), []);
  assert.equal(disk.count("sync", ".log"), syncs, "a write waits for no sync");
  await Promise.all(Array.from({ length: 100 }, () => store.sync()));
  assert.equal(disk.count("sync", ".log"), syncs + 1, "one sync serves all who ask for it");
  assert.deepEqual(await kept("lost"), ["a=1"]);
});

test("mode written: a sync does not fail with another's write, and a write that fails is not seen", async () => {
  const disk = new FaultyDisk();
  const store = await openTree(disk, { syncMode: "written" });
  await putText(store, "a", "1");
  disk.failNext("write", "no_space", { suffix: ".log" });
  const refused = assert.rejects(async () => await putText(store, "b", "2"), /could not store it/);
  await store.sync();
  await refused;
  assert.equal(store.failure, null);
  await putText(store, "c", "3");
  assert.deepEqual(await pairsOf(store), ["a=1", "c=3"]);
  assert.deepEqual(await pairsOf(await openTree(disk.crash("kill"))), ["a=1", "c=3"]);
});
