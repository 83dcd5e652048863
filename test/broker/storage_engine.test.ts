import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError, SentinelError } from "../../src/base/errors.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import { formatUuid } from "../../src/base/ids.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { NodeTree } from "../../src/cluster/node_tree.ts";
import { storedPartitions } from "../../src/storage/tree/tree_partitions.ts";
import { ManualClock } from "../manual_clock.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { openBroker, produce, values } from "./broker_fixture.ts";

const LOG = { storageEngine: "log" } as const;
const LSM = { config: { "storage.engine": "lsm" } } as const;

async function failsWith(code: ErrorCode, work: Promise<unknown>): Promise<SentinelError> {
  const error = await work.then(() => null, (thrown: unknown) => thrown);
  assert.ok(error instanceof SentinelError, `wanted ${code}, got ${error}`);
  assert.equal(error.code, code, error.message);
  return error;
}

function engineOf(broker: Broker, topic: string): string | null {
  return broker.describeTopicConfig(topic)!.find(({ name }) => name === "storage.engine")!.value;
}

test("a topic in the tree is described as such, has no directory, and is there after a restart and a power loss", async () => {
  const { broker, disk } = await openBroker(LOG);
  assert.ok(!(await disk.list("/data")).includes("tree"), "a broker that needs no tree has none");
  const made = await broker.createTopic("orders", { partitions: 2, ...LSM });
  assert.deepEqual(made.config, { "storage.engine": "lsm" });
  assert.equal(engineOf(broker, "orders"), "lsm");
  for (let partition = 0; partition < 2; partition++) {
    for (const value of ["a", "b"]) await produce(broker, "orders", `${value}${partition}`, partition);
  }
  assert.ok(broker.describeTopic("orders")!.partitions.every(({ bytes }) => bytes > 0));
  assert.deepEqual((await disk.list("/data")).filter((name) => name.includes("orders")), []);
  const lost = disk.crash("lost");
  await broker.close();
  for (const after of [disk, lost]) {
    await using again = await openBroker(LOG, after);
    assert.deepEqual([again.report.setAside, again.report.offline], [[], []]);
    assert.equal(engineOf(again.broker, "orders"), "lsm");
    assert.deepEqual(await values(again.broker, "orders", 1), ["a1", "b1"]);
    assert.equal(await produce(again.broker, "orders", "c0", 0), 2);
  }
});

test("a topic's engine is fixed: a change says both, and one that does not name it keeps it", async () => {
  await using opened = await openBroker(LOG);
  const { broker } = opened;
  await broker.createTopic("orders", LSM);
  await broker.createTopic("plain");
  const changes = [["orders", "log"], ["orders", null], ["plain", "lsm"]] as const;
  for (const [topic, value] of changes) {
    const error = await failsWith("invalid_config", broker.alterTopic(topic, { config: { "storage.engine": value } }));
    assert.match(error.message, /\blog\b.*\blsm\b|\blsm\b.*\blog\b/);
    assert.equal(error.errors[0]!.pointer, "/config/storage.engine");
  }
  await broker.alterTopic("orders", { config: { "storage.engine": "lsm", "retention.ms": "5" } });
  const replaced = await broker.alterTopic("orders", { config: { "retention.bytes": "9" }, replacesConfig: true });
  assert.deepEqual(replaced.config, { "retention.bytes": "9", "storage.engine": "lsm" });
  await failsWith("invalid_config", broker.createTopic("other", { config: { "storage.engine": "btree" } }));
});

test("the broker's default is for new topics: one that is made keeps what it has under another default", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker({ storageEngine: "lsm" }, disk);
    assert.deepEqual((await opened.broker.createTopic("tree")).config, {});
    await opened.broker.createTopic("segments", { config: { "storage.engine": "log" } });
    for (const topic of ["tree", "segments"]) await produce(opened.broker, topic, topic);
    assert.deepEqual(opened.broker.describeTopic("segments")!.config, { "storage.engine": "log" });
  }
  for (const storageEngine of ["log", "lsm"] as const) {
    await using again = await openBroker({ storageEngine }, disk);
    assert.deepEqual(["tree", "segments"].map((topic) => engineOf(again.broker, topic)), ["lsm", "log"]);
    for (const topic of ["tree", "segments"]) assert.deepEqual(await values(again.broker, topic), [topic]);
  }
});

test("seed-K5: of a deleted topic nothing stays in the tree, and one of the same name begins empty", async () => {
  const disk = new FaultyDisk();
  const { broker } = await openBroker(LOG, disk);
  await broker.createTopic("kept", LSM);
  await broker.createTopic("orders", { partitions: 3, ...LSM });
  for (let partition = 0; partition < 3; partition++) await produce(broker, "orders", "old", partition);
  await broker.deleteTopic("orders");
  await broker.createTopic("orders", { partitions: 1, ...LSM });
  assert.equal(await produce(broker, "orders", "new"), 0);
  const known = ["kept", "orders"].map((name) => broker.describeTopic(name)!.topicId).sort();
  await broker.close();
  assert.deepEqual(await topicIdsIn(disk), known);
});

test("what a crash leaves of a deleted topic, or of one that was never announced, is gone after the next start", async () => {
  const disk = new FaultyDisk();
  const { broker } = await openBroker(LOG, disk);
  await broker.createTopic("orders", { partitions: 2, ...LSM });
  await produce(broker, "orders", "old", 0);
  const gone = broker.describeTopic("orders")!.topicId;
  const images: FaultyDisk[] = [];
  disk.after = () => images.push(disk.crash("kill"), disk.crash("lost"));
  await broker.deleteTopic("orders");
  await broker.createTopic("late", { partitions: 2, ...LSM });
  disk.after = () => {};
  const late = broker.describeTopic("late")!.topicId;
  assert.ok(images.length > 10);
  for (const image of images) {
    const again = await openBroker(LOG, image);
    assert.deepEqual([again.report.setAside, again.report.offline], [[], []]);
    const known = again.broker.topicNames().map((name) => again.broker.describeTopic(name)!.topicId).sort();
    await again.broker.close();
    assert.ok(known.every((id) => id === gone || id === late));
    assert.deepEqual(await topicIdsIn(image), known);
  }
});

test("a delete that the tree refuses has happened, and the next start removes what is left", async () => {
  const disk = new FaultyDisk();
  const { broker } = await openBroker(LOG, disk);
  await broker.createTopic("orders", LSM);
  await produce(broker, "orders", "old");
  const { topicId } = broker.describeTopic("orders")!;
  disk.before = ({ operation, path }) => {
    if (operation === "write" && path.includes("/tree/")) throw new PlatformError("no_space", operation, path);
  };
  await broker.deleteTopic("orders");
  assert.equal(broker.describeTopic("orders"), null);
  disk.before = () => {};
  const image = disk.crash("kill");
  assert.deepEqual(await topicIdsIn(disk.crash("kill")), [topicId]);
  await (await openBroker(LOG, image)).broker.close();
  assert.deepEqual(await topicIdsIn(image), []);
  await broker.close();
});

test("records of a topic id that the metadata do not know stay, are told, and are not in the way", async () => {
  const disk = new FaultyDisk();
  const before = await openBroker(LOG, disk);
  await before.broker.createTopic("orders", LSM);
  await before.broker.close();
  const older = disk.crash("kill");
  const later = await openBroker(LOG, disk);
  await later.broker.createTopic("forgotten", LSM);
  await produce(later.broker, "forgotten", "value");
  const { topicId } = later.broker.describeTopic("forgotten")!;
  await later.broker.close();
  // The metadata log of before, beside the tree of after.
  for (const name of await older.list("/data/__cluster_metadata-0")) {
    const path = `/data/__cluster_metadata-0/${name}`;
    disk.put(path, older.bytesOf(path));
  }
  for (let start = 0; start < 2; start++) {
    await using again = await openBroker(LOG, disk);
    assert.deepEqual(again.report.setAside, [`tree/${topicId}-0`]);
    assert.deepEqual(again.broker.topicNames(), ["orders"]);
  }
});

test("a tree that is damaged or missing takes its partitions offline, with the reason, and nothing else", async () => {
  const { broker, disk } = await openBroker(LOG);
  await broker.createTopic("tree", LSM);
  await broker.createTopic("segments");
  for (const topic of ["tree", "segments"]) await produce(broker, topic, topic);
  await broker.close();
  const damaged = disk.crash("kill");
  damaged.put(
    "/data/tree/MANIFEST",
    damaged.bytesOf("/data/tree/MANIFEST").map((byte, at) => at === 20 ? byte ^ 1 : byte),
  );
  const missing = disk.crash("kill");
  for (const name of await missing.list("/data/tree")) await missing.remove(`/data/tree/${name}`);
  const removed = missing.crash("kill");
  await removed.remove("/data/tree");
  const cases = [[damaged, /MANIFEST/], [missing, /has nothing of tree-0/], [
    removed,
    /tree that holds tree-0 is missing/,
  ]] as const;
  for (const [image, reason] of cases) {
    await using again = await openBroker(LOG, image);
    assert.equal(again.report.offline.length, 1);
    assert.match(again.broker.describeTopic("tree")!.partitions[0]!.offline!, reason);
    await failsWith("storage_error", produce(again.broker, "tree", "x"));
    assert.deepEqual(await values(again.broker, "segments"), ["segments"]);
    await produce(again.broker, "segments", "more");
    await again.broker.createTopic("more_segments");
    if (image === damaged) await failsWith("storage_error", again.broker.createTopic("more_tree", LSM));
    else {
      await again.broker.createTopic("more_tree", LSM);
      assert.equal(await produce(again.broker, "more_tree", "value"), 0);
    }
  }
});

test("a sync that fails ends the writes of all that is in the tree, and only of that; a restart finds what was acknowledged", async () => {
  const disk = new FaultyDisk();
  {
    const { broker } = await openBroker(LOG, disk);
    for (const topic of ["one", "two"]) await broker.createTopic(topic, LSM);
    await broker.createTopic("segments");
    for (const topic of ["one", "two", "segments"]) await produce(broker, topic, "acknowledged");
    disk.failNext("sync", "io", { suffix: ".log" });
    await failsWith("storage_error", produce(broker, "one", "not"));
    for (const topic of ["one", "two"]) {
      await failsWith("storage_error", produce(broker, topic, "not either"));
      assert.deepEqual(await values(broker, topic), ["acknowledged"]);
      assert.match(broker.describeTopic(topic)!.partitions[0]!.offline!, /until a restart/);
    }
    await produce(broker, "segments", "goes on");
    await broker.close().catch(() => {});
  }
  await using again = await openBroker(LOG, disk.crash("lost"));
  for (const topic of ["one", "two"]) {
    assert.equal((await values(again.broker, topic))[0], "acknowledged");
    await produce(again.broker, topic, "again");
  }
});

test("a full disk refuses records of the tree, reads go on, and it takes more when there is room", async () => {
  await using opened = await openBroker(LOG);
  const { broker, disk } = opened;
  await broker.createTopic("orders", LSM);
  await produce(broker, "orders", "a");
  for (let time = 0; time < 3; time++) {
    disk.failNext("write", "no_space", { suffix: ".log" });
    await failsWith("storage_error", produce(broker, "orders", "refused"));
    assert.deepEqual(await values(broker, "orders"), ["a"]);
  }
  assert.equal(await produce(broker, "orders", "b"), 1);
  assert.deepEqual(await values(broker, "orders"), ["a", "b"]);
});

test("a trim for which no table can be opened now is refused, and the log goes on", async () => {
  await using opened = await openBroker({ ...LOG, treeMemtableBytes: 4_096 });
  const { broker, disk } = opened;
  await broker.createTopic("orders", LSM);
  for (let at = 0; at < 20; at++) await produce(broker, "orders", `${at}`.padEnd(1_000));
  disk.before = ({ operation, path }) => {
    if (operation === "open" && path.endsWith(".sst")) throw new PlatformError("too_many_open_files", operation, path);
  };
  await failsWith("storage_error", broker.deleteRecordsBefore("orders", 0, 11));
  assert.equal(await produce(broker, "orders", "next"), 20);
  disk.before = () => {};
  assert.equal(await broker.deleteRecordsBefore("orders", 0, 11), 11);
  assert.equal((await values(broker, "orders"))[0], "11".padEnd(1_000));
});

test("one sync serves many partitions of many topics", async () => {
  await using opened = await openBroker(LOG);
  const { broker, disk } = opened;
  for (const topic of ["one", "two"]) await broker.createTopic(topic, { partitions: 100, ...LSM });
  const before = disk.count("sync", ".log");
  await Promise.all(
    ["one", "two"].flatMap((topic) => Array.from({ length: 100 }, (_, at) => produce(broker, topic, "value", at))),
  );
  assert.ok(disk.count("sync", ".log") - before <= 4, `${disk.count("sync", ".log") - before} syncs`);
});

test("partitions can be added to a topic in the tree, and records deleted from one", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker(LOG, disk);
    const { broker } = opened;
    await broker.createTopic("orders", LSM);
    for (const value of ["a", "b", "c"]) await produce(broker, "orders", value, 0);
    assert.equal((await broker.alterTopic("orders", { partitions: 3 })).partitions.length, 3);
    await produce(broker, "orders", "d", 2);
    assert.equal(await broker.deleteRecordsBefore("orders", 0, 2), 2);
  }
  await using again = await openBroker(LOG, disk);
  assert.deepEqual(again.report.setAside, []);
  assert.deepEqual(await values(again.broker, "orders", 0), ["c"]);
  assert.deepEqual(await values(again.broker, "orders", 2), ["d"]);
});

/** The topic ids of which the tree of a broker that is closed has anything. */
async function topicIdsIn(disk: FaultyDisk): Promise<string[]> {
  const meta = new TextDecoder().decode(disk.bytesOf("/data/meta.properties"));
  const directoryId = /^directory\.id=(.+)$/m.exec(meta)![1]!;
  const tree = new NodeTree({ disk, clock: new ManualClock(), path: "/data", directoryId });
  await tree.openExisting();
  const ids = new Set<string>();
  for await (const { topicId } of storedPartitions(tree.existing!)) ids.add(formatUuid(topicId));
  await tree.close();
  return [...ids].sort();
}
