import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeTree } from "../../src/cluster/node_tree.ts";
import { formatUuid } from "../../src/base/ids.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { TailCacheBudget } from "../../src/storage/log/tail_cache.ts";
import { ProducerBudget } from "../../src/storage/producer_budget.ts";
import { TreeLog } from "../../src/storage/tree/tree_log.ts";
import { ManualClock } from "../manual_clock.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { batchOf, SETTINGS } from "../storage/log_fixture.ts";
import { bytesOf, pairsOf, putText } from "../storage/tree_fixture.ts";

const clock = new ManualClock();
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};
const directoryId = formatUuid(Uint8Array.from({ length: 16 }, (_, at) => at + 1));
const treeOn = (disk: FaultyDisk, id = directoryId): NodeTree =>
  new NodeTree({ disk, clock, path: "/data", directoryId: id });

async function newDisk(): Promise<FaultyDisk> {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/data");
  await disk.syncDirectory("/");
  return disk;
}

test("a node's tree is made when somebody needs it, once, and found again", async () => {
  const disk = await newDisk();
  const unused = treeOn(disk);
  await unused.openExisting();
  assert.equal(unused.existing, null);
  await unused.close();
  assert.deepEqual(await disk.list("/data"), []);
  assert.deepEqual(disk.openFiles, 0);

  const tree = treeOn(disk);
  const [first, second] = await Promise.all([tree.store(), tree.store()]);
  assert.equal(first, second);
  assert.equal(tree.existing, first);
  await putText(first, "a", "1");
  await tree.close();
  await assert.rejects(tree.store(), /closed/);
  assert.equal(disk.openFiles, 0);

  const again = treeOn(disk);
  await again.openExisting();
  assert.deepEqual(await pairsOf(again.existing!), ["a=1"]);
  await again.close();
});

test("a tree that is damaged, or another directory's, is told and never replaced by a new one", async () => {
  const disk = await newDisk();
  const made = treeOn(disk);
  await putText(await made.store(), "a", "1");
  await made.close();

  const foreign = treeOn(disk.crash("kill"), formatUuid(new Uint8Array(16).fill(9)));
  await foreign.openExisting();
  assert.equal(foreign.existing, null);
  assert.match(foreign.failure!.message, /MANIFEST/);

  const damaged = disk.crash("kill");
  await damaged.remove("/data/tree/MANIFEST");
  const tree = treeOn(damaged);
  await tree.openExisting();
  assert.match(tree.failure!.message, /the manifest is missing/);
  await assert.rejects(tree.store(), tree.failure!);
  await tree.close();
  assert.equal(damaged.openFiles, 0);
});

test("a tree that could not be made on a full disk is made when there is room", async () => {
  const disk = await newDisk();
  const tree = treeOn(disk);
  disk.failNext("write", "no_space");
  await assert.rejects(tree.store(), /cannot be opened: .*no.space/);
  assert.equal(tree.failure, null);
  await putText(await tree.store(), "a", "1");
  await tree.close();
  assert.equal(disk.openFiles, 0);
});

test("partitions that are flushed at once share a sync of the node's tree", async () => {
  const disk = await newDisk();
  const tree = treeOn(disk);
  const store = await tree.store();
  const topicId = bytesOf("0123456789abcdef");
  const budgets = { tail: new TailCacheBudget(0), producers: new ProducerBudget() };
  const logs = await Promise.all(
    Array.from(
      { length: 500 },
      (_, partition) => TreeLog.open({ store, clock, name: `p-${partition}`, topicId, partition }, SETTINGS, budgets),
    ),
  );
  const before = disk.count("sync", ".log");
  for (const log of logs) log.appendAsLeader(batchOf(1), 0);
  await Promise.all(logs.map((log) => log.flush()));
  assert.ok(disk.count("sync", ".log") - before <= 3, `${disk.count("sync", ".log") - before} syncs`);
  const durable = treeOn(disk.crash("lost"));
  await durable.openExisting();
  assert.equal((await pairsOf(durable.existing!)).length, 2 * 500);
});

test("a flush that begins to fail is told, once for all its tries, and again when it fails anew", async () => {
  const disk = await newDisk();
  const told: string[] = [];
  const time = new ManualClock();
  const tree = new NodeTree({
    disk,
    clock: time,
    path: "/data",
    directoryId,
    memtableBytes: LIMITS.lsmMemtableBytesMin,
    onError: (error) => told.push(error.message),
  });
  const store = await tree.store();
  let number = 0;
  const fillMemtable = async (): Promise<void> => {
    const { immutableMemtables: before, tables } = store.stats();
    while (store.stats().immutableMemtables === before && store.stats().tables === tables) {
      await putText(store, `key${number++}`, "value".repeat(100));
    }
  };
  disk.failNext("write", "no_space", { suffix: ".sst.tmp" });
  disk.failNext("write", "no_space", { suffix: ".sst.tmp" });
  await fillMemtable();
  await turns();
  assert.equal(told.length, 1);
  assert.match(told[0]!, /no space/);
  time.advance(1_000);
  await turns();
  assert.deepEqual([told.length, store.stats().tables], [1, 0]);
  time.advance(1_000);
  await turns();
  assert.deepEqual([told.length, store.stats().tables], [1, 1]);
  disk.failNext("write", "no_space", { suffix: ".sst.tmp" });
  await fillMemtable();
  await turns();
  assert.equal(told.length, 2);
  await tree.close();
});
