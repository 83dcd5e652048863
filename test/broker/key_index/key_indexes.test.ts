/** Lookups by key as the broker runs them: which topics and partitions, over restarts, crashes and changes of the policy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import type { Broker } from "../../../src/broker/broker.ts";
import type { KeyLookup } from "../../../src/broker/key_index/keys_api.ts";
import { murmur2Partition } from "../../../src/broker/partitioner.ts";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import { YieldingClock } from "../../storage/log/cleaning_fixture.ts";
import { IN_DIRECTORIES, openBroker } from "../broker_fixture.ts";
import { bytes, record } from "./table_replica.ts";

const COMPACTED = { "cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0" };
const CHECK_MS = 1_000;

async function put(
  broker: Broker,
  topic: string,
  key: string,
  value: string | null,
  partition?: number,
): Promise<void> {
  const routed = { record: record(key, value), ...(partition === undefined ? {} : { partition }) };
  const [outcome] = await broker.produceRecords(topic, [routed], { acks: "leader" });
  if (!outcome!.ok) throw outcome!.error;
}

function lookUp(broker: Broker, topic: string, key: string, partition?: number): Promise<KeyLookup> {
  const where = partition === undefined ? {} : { partition };
  return broker.keys.lookUp({ topic, key: bytes(key), waitMs: 10_000, ...where });
}

async function valueOf(broker: Broker, topic: string, key: string): Promise<string | null> {
  const { record: found } = await lookUp(broker, topic, key);
  return found === null ? null : new TextDecoder().decode(found.value!);
}

const isCode = (code: string) => (thrown: unknown) => thrown instanceof SentinelError && thrown.code === code;

test("only the client's own compacted topics have lookups", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("events");
  await broker.createTopic("both", { config: { "cleanup.policy": "compact,delete" } });
  await assert.rejects(lookUp(broker, "events", "a"), isCode("topic_not_compacted"));
  await assert.rejects(lookUp(broker, "nothing", "a"), isCode("unknown_topic"));
  await assert.rejects(lookUp(broker, "__consumer_offsets", "a"), isCode("invalid_topic"));
  await assert.rejects(lookUp(broker, "both", "a", 1), isCode("unknown_partition"));
  assert.equal((await lookUp(broker, "both", "a")).record, null);
  assert.equal(broker.counters.errors, 4);
  assert.equal(await opened.disk.status("/data/tree") === null, false);
});

test("a broker in which nobody looks for a key has no tree and no index", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  await opened.broker.createTopic("tables", { config: COMPACTED });
  await put(opened.broker, "tables", "a", "1");
  assert.deepEqual(opened.broker.keys.progress(), []);
  assert.equal(await opened.disk.status("/data/tree"), null);
});

test("the partition is the one that the key is produced to, or the one that is named", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("tables", { partitions: 4, config: COMPACTED });
  for (const key of ["a", "b", "c", "d", "e", "f"]) {
    await put(broker, "tables", key, key.toUpperCase());
    const found = await lookUp(broker, "tables", key);
    assert.equal(found.partition, murmur2Partition(bytes(key), 4));
    assert.equal(new TextDecoder().decode(found.record!.value!), key.toUpperCase());
  }
  const elsewhere = (murmur2Partition(bytes("a"), 4) + 1) % 4;
  await put(broker, "tables", "a", "elsewhere", elsewhere);
  assert.equal(await valueOf(broker, "tables", "a"), "A");
  assert.equal(new TextDecoder().decode((await lookUp(broker, "tables", "a", elsewhere)).record!.value!), "elsewhere");
});

test("a broker that spreads keys by turns must be told the partition", async () => {
  await using opened = await openBroker({ partitioner: "round-robin" });
  const { broker } = opened;
  await broker.createTopic("one", { config: COMPACTED });
  await broker.createTopic("two", { partitions: 2, config: COMPACTED });
  await put(broker, "one", "a", "1");
  await put(broker, "two", "a", "1", 1);
  assert.equal(await valueOf(broker, "one", "a"), "1");
  await assert.rejects(lookUp(broker, "two", "a"), isCode("invalid_parameter"));
  assert.notEqual((await lookUp(broker, "two", "a", 1)).record, null);
});

test("an index goes on after a restart, and tells how far it is", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker({}, disk);
    await opened.broker.createTopic("tables", { config: COMPACTED });
    await put(opened.broker, "tables", "a", "1");
    await put(opened.broker, "tables", "b", "1");
    assert.equal(await valueOf(opened.broker, "tables", "a"), "1");
  }
  await using opened = await openBroker({}, disk);
  const { broker } = opened;
  assert.deepEqual(broker.keys.progress(), [{ topic: "tables", partition: 0, appliedOffset: 2, highWatermark: 2 }]);
  await put(broker, "tables", "a", "2");
  await put(broker, "tables", "b", null);
  assert.deepEqual([await valueOf(broker, "tables", "a"), await valueOf(broker, "tables", "b")], ["2", null]);
  assert.equal(broker.counters.keyIndexRebuilds, 0);
});

test("a power loss that takes the log's end takes it from the index too, also when the log grows first", async () => {
  const disk = new FaultyDisk();
  const { broker } = await openBroker({ ...IN_DIRECTORIES, durability: "os" }, disk);
  await broker.createTopic("tables", { config: COMPACTED });
  await put(broker, "tables", "a", "1");
  await put(broker, "tables", "b", "1");
  assert.equal(await valueOf(broker, "tables", "b"), "1");
  // The tree reaches the disk, the log does not.
  for (const name of await disk.list("/data/tree")) {
    const file = await disk.open(`/data/tree/${name}`, "write");
    await file.sync();
    await file.close();
  }
  await disk.syncDirectory("/data/tree");
  await using after = await openBroker({ ...IN_DIRECTORIES, durability: "os" }, disk.crash("lost"));
  assert.equal(after.broker.describeTopic("tables")!.partitions[0]!.end, 0);
  assert.equal(after.broker.counters.keyIndexRebuilds, 1);
  for (const key of ["c", "d", "e"]) await put(after.broker, "tables", key, "2");
  const found = await Promise.all(["a", "b", "c", "e"].map((key) => valueOf(after.broker, "tables", key)));
  assert.deepEqual(found, [null, null, "2", "2"]);
  await broker.close();
});

test("a topic that is made again under its name has nothing of the old index, which is removed", async () => {
  const disk = new FaultyDisk();
  await using opened = await openBroker({}, disk);
  const { broker } = opened;
  await broker.createTopic("tables", { config: COMPACTED });
  await put(broker, "tables", "a", "1");
  assert.equal(await valueOf(broker, "tables", "a"), "1");
  await broker.deleteTopic("tables");
  assert.deepEqual(broker.keys.progress(), []);
  await broker.createTopic("tables", { config: COMPACTED });
  assert.equal(await valueOf(broker, "tables", "a"), null);
  await put(broker, "tables", "a", "2");
  assert.equal(await valueOf(broker, "tables", "a"), "2");
});

test("a lookup that is under way when its topic goes fails with that", async () => {
  const disk = new FaultyDisk();
  await using opened = await openBroker({}, disk);
  const { broker } = opened;
  await broker.createTopic("tables", { config: COMPACTED });
  await put(broker, "tables", "a", "1");
  const lookup = lookUp(broker, "tables", "a").then(
    ({ record: found }) => (found === null ? "none" : "found"),
    (thrown: SentinelError) => thrown.code,
  );
  await broker.deleteTopic("tables");
  assert.ok(["found", "unknown_topic", "topic_not_compacted"].includes(await lookup), await lookup);
  await assert.rejects(lookUp(broker, "tables", "a"), isCode("unknown_topic"));
});

test("a topic that is no longer compacted loses its index, and gets a new one when it is again", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("tables", { config: COMPACTED });
  await put(broker, "tables", "a", "1");
  assert.equal(await valueOf(broker, "tables", "a"), "1");
  await broker.alterTopic("tables", { config: { "cleanup.policy": "delete" } });
  await assert.rejects(lookUp(broker, "tables", "a"), isCode("topic_not_compacted"));
  assert.deepEqual(broker.keys.progress(), []);
  await put(broker, "tables", "a", "2");
  await broker.alterTopic("tables", { config: { "cleanup.policy": "compact" } });
  assert.equal(await valueOf(broker, "tables", "a"), "2");
});

test("lookups go on while the cleaner works, and after it", async () => {
  const clock = new YieldingClock();
  await using opened = await openBroker({ cleanerCheckMs: CHECK_MS }, new FaultyDisk(), clock);
  const { broker } = opened;
  await broker.createTopic("tables", { config: { ...COMPACTED, "delete.retention.ms": "0" } });
  for (let round = 0; round < 30; round += 1) await put(broker, "tables", `k${round % 3}`, String(round));
  await put(broker, "tables", "k0", null);
  await put(broker, "tables", "last", "1");
  clock.advance(CHECK_MS);
  while (broker.counters.cleanerPasses === 0) {
    assert.equal(await valueOf(broker, "tables", "k1"), "28");
    await new Promise((resolve) => setImmediate(resolve));
  }
  const found = await Promise.all(["k0", "k1", "k2", "last"].map((key) => valueOf(broker, "tables", key)));
  assert.deepEqual(found, [null, "28", "29", "1"]);
});

test("records that were deleted before an offset are not found", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("tables", { config: { ...COMPACTED, "cleanup.policy": "compact,delete" } });
  await put(broker, "tables", "a", "1");
  await put(broker, "tables", "b", "1");
  assert.equal(await valueOf(broker, "tables", "a"), "1");
  await broker.deleteRecordsBefore("tables", 0, 1);
  assert.deepEqual([await valueOf(broker, "tables", "a"), await valueOf(broker, "tables", "b")], [null, "1"]);
});

test("lookups under way are bounded, and the next one is told so", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("tables", { config: COMPACTED });
  await put(broker, "tables", "a", "1");
  // All wait for the index that the first of them makes.
  const lookups = Array.from({ length: LIMITS.keyLookupWaitsMax }, () => lookUp(broker, "tables", "a"));
  await assert.rejects(lookUp(broker, "tables", "a"), isCode("overloaded"));
  const found = await Promise.all(lookups);
  assert.ok(found.every(({ record: each }) => each?.offset === 0));
  assert.equal(await valueOf(broker, "tables", "a"), "1");
});

test("a stop ends the lookups that wait, and nothing touches the tree behind it", async () => {
  const disk = new FaultyDisk();
  const { broker } = await openBroker({}, disk);
  await broker.createTopic("tables", { config: COMPACTED });
  await put(broker, "tables", "a", "1");
  const lookup = lookUp(broker, "tables", "a").then(() => "found", (thrown: SentinelError) => thrown.code);
  broker.endWaits();
  await broker.close();
  assert.equal(await lookup, "shutting_down");
  await assert.rejects(lookUp(broker, "tables", "a"), isCode("shutting_down"));
});
