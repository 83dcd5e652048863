import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { fetchOne, IN_DIRECTORIES, openBroker, produce, values } from "./broker_fixture.ts";

async function failsWith(code: ErrorCode, work: Promise<unknown>): Promise<SentinelError> {
  let error: unknown = null;
  await assert.rejects(work, (thrown) => {
    error = thrown;
    return thrown instanceof SentinelError && thrown.code === code;
  }, code);
  return error as SentinelError;
}

test("seed-O1: topics, partitions, settings, records and next offsets are restored after a restart and after a kill", async () => {
  const { broker, disk } = await openBroker();
  await broker.createTopic("orders", { partitions: 3, config: { "retention.ms": "5000" } });
  for (let count = 0; count < 3; count++) await produce(broker, "orders", `value ${count}`, 2);
  const before = broker.describeTopic("orders");
  const killed = disk.crash("lost");
  await broker.close();
  for (const found of [disk, killed]) {
    await using again = await openBroker({}, found);
    assert.deepEqual(again.report.offline, []);
    const { partitions, ...rest } = again.broker.describeTopic("orders")!;
    const { partitions: partitionsBefore, ...restBefore } = before!;
    assert.deepEqual(rest, restBefore);
    assert.deepEqual(partitions.map(({ end }) => end), partitionsBefore.map(({ end }) => end));
    assert.equal(again.report.offsetMax, 3);
    assert.deepEqual(await values(again.broker, "orders", 2), ["value 0", "value 1", "value 2"]);
    assert.equal(await produce(again.broker, "orders", "next", 2), 3);
  }
});

test("seed-K5: a topic that is deleted and made again is empty, and stays what it is over restarts", async () => {
  const disk = new FaultyDisk();
  let opened = await openBroker({}, disk);
  await produce(opened.broker, "orders", "old");
  await opened.broker.deleteTopic("orders");
  assert.equal(opened.broker.describeTopic("orders"), null);
  await opened.broker.createTopic("orders");
  assert.deepEqual(await values(opened.broker, "orders"), []);
  assert.equal(await produce(opened.broker, "orders", "new"), 0);
  for (let restart = 0; restart < 2; restart++) {
    await opened.broker.close();
    opened = await openBroker({}, disk);
    assert.deepEqual(opened.report.setAside, []);
    assert.deepEqual(await values(opened.broker, "orders"), ["new"]);
  }
  await opened.broker.close();
  assert.equal(disk.openFiles, 0);
});

test("seed-K4: many that make a topic at once get the same one", async () => {
  await using opened = await openBroker();
  const offsets = await Promise.all(
    Array.from({ length: 50 }, (_, count) => produce(opened.broker, "orders", `${count}`)),
  );
  assert.deepEqual(offsets.sort((left, right) => left - right), Array.from({ length: 50 }, (_, count) => count));
  await failsWith("topic_exists", opened.broker.createTopic("orders"));
});

test("createTopic() checks names at, below and above their bounds (seed-P4)", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  for (
    const name of [
      "",
      ".",
      "..",
      "__cluster_metadata",
      "a b",
      "ä",
      "a/b",
      "a\0",
      "x".repeat(LIMITS.topicNameCharsMax + 1),
    ]
  ) {
    await failsWith("invalid_topic", broker.createTopic(name));
    await failsWith("invalid_topic", produce(broker, name, "value"));
  }
  for (
    const name of [
      "a",
      "x".repeat(LIMITS.topicNameCharsMax - 1),
      "y".repeat(LIMITS.topicNameCharsMax),
      "__proto__",
      "constructor",
    ]
  ) {
    await broker.createTopic(name);
    assert.equal(await produce(broker, name, "value"), 0);
  }
  await broker.createTopic("a.b");
  await failsWith("invalid_topic", broker.createTopic("a_b"));
});

test("createTopic() checks partitions and replicas at, below and above their bounds", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  for (const partitions of [0, -1, 1.5, LIMITS.topicPartitionsMax + 1, NaN]) {
    await failsWith("invalid_partitions", broker.createTopic("orders", { partitions }));
  }
  for (const replicas of [0, 2, -2]) {
    await failsWith("invalid_replication_factor", broker.createTopic("orders", { replicas }));
  }
  assert.equal((await broker.createTopic("orders", { partitions: 1, replicas: 1 })).partitions.length, 1);
  await failsWith("invalid_partitions", broker.alterTopic("orders", { partitions: 0 }));
  assert.equal((await broker.alterTopic("orders", { partitions: 4 })).partitions.length, 4);
  await failsWith("invalid_partitions", broker.alterTopic("orders", { partitions: 3 }));
});

test("settings are checked, kept when they differ from the default, and take effect", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const refused: readonly (readonly [string, string])[] = [
    ["retention.ms", "-2"],
    ["retention.ms", "1.5"],
    ["retention.ms", "9223372036854775808"],
    ["cleanup.policy", "x"],
    ["cleanup.policy", "compact,x"],
    ["cleanup.policy", ""],
    ["compression.type", "brotli"],
    ["compression.gzip.level", "0"],
    ["compression.zstd.level", "23"],
    ["min.cleanable.dirty.ratio", "1.1"],
    ["min.cleanable.dirty.ratio", "half"],
    ["no.such.setting", "1"],
    ["__proto__", "1"],
    ["max.message.bytes", String(LIMITS.batchBytesMax + 1)],
    ["min.insync.replicas", "2"],
  ];
  for (const [name, value] of refused) {
    const config = Object.fromEntries([[name, value]]);
    const error = await failsWith("invalid_config", broker.createTopic("orders", { config }));
    assert.equal(error.errors[0]!.pointer, `/config/${name}`);
  }
  const made = await broker.createTopic("orders", {
    config: { "retention.ms": "0604800000", "max.message.bytes": "0200", "durability": "fsync" },
  });
  assert.deepEqual(made.config, { "max.message.bytes": "200" });
  await failsWith("invalid_config", broker.alterTopic("orders", { config: Object.fromEntries([["__proto__", "1"]]) }));
  assert.deepEqual(
    (await broker.alterTopic("orders", { config: { "max.message.bytes": null, "retention.bytes": "7" } })).config,
    { "retention.bytes": "7" },
  );
  const compacted = { "cleanup.policy": " compact , delete", "min.cleanable.dirty.ratio": "0.10" };
  assert.deepEqual((await broker.createTopic("tables", { config: compacted })).config, {
    "cleanup.policy": "compact,delete",
    "min.cleanable.dirty.ratio": "0.1",
  });
  const lags = { "min.compaction.lag.ms": "20", "max.compaction.lag.ms": "10" };
  const conflict = await failsWith("invalid_config", broker.createTopic("lags", { config: lags }));
  assert.match(conflict.message, /^conflict topic config setting min\.compaction\.lag\.ms \(20\) > max/);
});

test("max.message.bytes holds at, below and above, and points at the record", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("orders", { config: { "max.message.bytes": "200" } });
  // 61 bytes of header, and 9 of a record with a two-byte length and a value of 64 bytes or more.
  await produce(broker, "orders", "x".repeat(129));
  await produce(broker, "orders", "x".repeat(130));
  const error = await failsWith("too_large", produce(broker, "orders", "x".repeat(131)));
  assert.equal(error.errors[0]!.pointer, "/records/0");
  assert.equal((await fetchOne(broker, "orders")).highWatermark, 2);
});

test("seed-P3: a produce that fails leaves no topic and no directory behind", async () => {
  await using opened = await openBroker();
  const { broker, disk } = opened;
  await failsWith("unknown_partition", produce(broker, "orders", "value", 7));
  await failsWith("unknown_partition", produce(broker, "orders", "value", -1));
  await failsWith("too_large", produce(broker, "orders", "x".repeat(2_000_000)));
  await failsWith("invalid_timestamp", produce(broker, "orders", "x", 0, 9e15));
  await failsWith("invalid_timestamp", produce(broker, "orders", "x", 0, -2));
  assert.deepEqual(broker.topicNames(), []);
  assert.ok(!(await disk.list("/data")).some((name) => name.startsWith("orders")));
});

test("without auto-create a missing topic is unknown_topic", async () => {
  await using opened = await openBroker({ autoCreate: false });
  await failsWith("unknown_topic", produce(opened.broker, "orders", "value"));
  await failsWith("unknown_topic", opened.broker.deleteTopic("orders"));
  await failsWith("unknown_topic", opened.broker.alterTopic("orders", {}));
});

test("a topic that cannot be made, or not be announced, leaves nothing and can be made later", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  const { broker, disk } = opened;
  disk.failNext("make directory", "no_space", { suffix: "orders-2" });
  await failsWith("storage_error", broker.createTopic("orders", { partitions: 5 }));
  assert.deepEqual((await disk.list("/data")).filter((name) => name.includes("orders")), []);
  disk.failNext("write", "no_space", { suffix: "__cluster_metadata-0/00000000000000000000.log" });
  await failsWith("storage_error", broker.createTopic("orders", { partitions: 2 }));
  assert.deepEqual((await disk.list("/data")).filter((name) => name.includes("orders")), []);
  await broker.createTopic("orders", { partitions: 2 });
  assert.deepEqual((await disk.list("/data")).filter((name) => name.includes("orders")), ["orders-0", "orders-1"]);
});

test("a directory of another topic id is set aside at the start, never read or reused", async () => {
  const { broker, disk } = await openBroker(IN_DIRECTORIES);
  await produce(broker, "orders", "mine");
  await produce(broker, "other", "theirs");
  await broker.close();
  const metadata = "/data/orders-0/partition.metadata";
  const foreign = disk.bytesOf("/data/other-0/partition.metadata").slice();
  disk.put(metadata, foreign);
  await using again = await openBroker(IN_DIRECTORIES, disk);
  assert.deepEqual(again.report.setAside, ["orders-0"]);
  assert.equal(again.report.offline.length, 1);
  assert.ok((await disk.list("/data")).includes("orders-0.0-stray"));
  assert.equal((await fetchOne(again.broker, "orders")).error?.code, "storage_error");
  assert.equal((await fetchOne(again.broker, "orders", 0, 5)).error?.code, "storage_error");
  await failsWith("storage_error", produce(again.broker, "orders", "value"));
  await failsWith("storage_error", again.broker.offsetFor("orders", 0, "latest"));
  assert.deepEqual(await values(again.broker, "other"), ["theirs"]);
});

test("a partition that is damaged is offline with file and position; the others work", async () => {
  const { broker, disk } = await openBroker(IN_DIRECTORIES);
  await broker.createTopic("orders", { partitions: 2 });
  await produce(broker, "orders", "a", 0);
  await produce(broker, "orders", "b", 1);
  await broker.close();
  const path = "/data/orders-0/00000000000000000000.log";
  const bytes = disk.bytesOf(path).slice();
  bytes[66]! ^= 1;
  disk.put(path, bytes);
  await using again = await openBroker(IN_DIRECTORIES, disk);
  assert.match(again.report.offline[0]!.message, /orders-0\/00000000000000000000\.log at position 0/);
  assert.match(again.broker.describeTopic("orders")!.partitions[0]!.offline!, /Damaged/);
  assert.deepEqual(await values(again.broker, "orders", 1), ["b"]);
  assert.deepEqual(disk.bytesOf(path), bytes);
});

test("a damaged metadata log, a locked directory, a foreign node id or a newer format refuse the start and free the lock", async () => {
  const { broker, disk } = await openBroker();
  await failsWith("storage_error", openBroker({}, disk));
  await broker.createTopic("orders");
  await broker.close();
  await failsWith("storage_error", openBroker({ nodeId: 2 }, disk));
  const damaged = disk.crash("kill");
  const path = "/data/__cluster_metadata-0/00000000000000000000.log";
  damaged.put(path, damaged.bytesOf(path).map((byte, at) => (at === 70 ? byte ^ 1 : byte)));
  await failsWith("storage_error", openBroker({}, damaged));
  await failsWith("storage_error", openBroker({}, damaged));
  assert.equal(damaged.openFiles, 0);
  const newer = disk.crash("kill");
  const meta = new TextDecoder().decode(newer.bytesOf("/data/meta.properties"));
  newer.put("/data/meta.properties", new TextEncoder().encode(meta.replace("sentinel.format=1", "sentinel.format=2")));
  assert.match((await failsWith("storage_error", openBroker({}, newer))).message, /format 2/);
  await (await openBroker({}, disk)).broker.close();
});

test("a metadata log that has grown is replaced by a snapshot at the start, and says the same", async () => {
  const { broker, disk } = await openBroker();
  await broker.createTopic("orders");
  await broker.createTopic("gone");
  await broker.deleteTopic("gone");
  for (let change = 0; change < LIMITS.metadataRecordsBeforeSnapshot; change++) {
    await broker.alterTopic("orders", { config: { "retention.ms": String(change + 1) } });
  }
  await broker.close();
  for (let start = 0; start < 2; start++) {
    const again = await openBroker({}, disk);
    assert.deepEqual(again.broker.topicNames(), ["orders"]);
    assert.deepEqual(again.broker.describeTopic("orders")!.config, {
      "retention.ms": String(LIMITS.metadataRecordsBeforeSnapshot),
    });
    await again.broker.close();
  }
});

test("a crash after every effect of create, produce, alter and delete leaves what was acknowledged", async () => {
  const disk = new FaultyDisk();
  const done: string[] = [];
  const crashes: { disk: FaultyDisk; done: readonly string[]; effect: string }[] = [];
  disk.after = ({ operation, path }) => {
    for (const mode of ["kill", "lost"] as const) {
      crashes.push({ disk: disk.crash(mode), done: [...done], effect: `${operation} ${path} ${mode}` });
    }
  };
  const { broker } = await openBroker({}, disk);
  await broker.createTopic("orders", { partitions: 2 });
  done.push("made");
  await produce(broker, "orders", "first", 1);
  done.push("produced");
  await broker.alterTopic("orders", { partitions: 3, config: { "retention.ms": "-1" } });
  done.push("altered");
  await broker.deleteTopic("orders");
  done.push("deleted");
  await broker.createTopic("orders");
  await produce(broker, "orders", "second");
  done.push("made again");
  await broker.close();
  disk.after = () => {};
  for (const { disk: found, done: promised, effect } of crashes) {
    await using again = await openBroker({}, found);
    const where = `after ${promised.at(-1)}, ${effect}`;
    assert.deepEqual(again.report.offline, [], where);
    const topic = again.broker.describeTopic("orders");
    if (promised.includes("made again")) assert.deepEqual(await values(again.broker, "orders"), ["second"], where);
    else if (promised.includes("deleted")) assert.ok(topic === null || topic.partitions.length === 1, where);
    else if (promised.includes("produced") && topic !== null) {
      assert.deepEqual(await values(again.broker, "orders", 1), ["first"], where);
    }
    if (promised.includes("made") && promised.length < 3) assert.ok(topic !== null, where);
    if (promised.includes("altered") && promised.length === 3 && topic !== null) {
      assert.equal(topic.partitions.length, 3, where);
    }
  }
});

test("checkNewTopic() fails as createTopic() would, and makes nothing", async () => {
  await using opened = await openBroker({ partitionsDefault: 3 });
  const { broker, disk } = opened;
  await broker.createTopic("there");
  const plan = broker.checkNewTopic("orders", { config: { "retention.ms": "5" } });
  assert.deepEqual([plan.partitions, plan.config, plan.topicId.length], [3, { "retention.ms": "5" }, 22]);
  const refused = [
    ["there", {}, "topic_exists"],
    ["a b", {}, "invalid_topic"],
    ["orders", { partitions: 0 }, "invalid_partitions"],
    ["orders", { replicas: 2 }, "invalid_replication_factor"],
    ["orders", { config: { "retention.ms": "x" } }, "invalid_config"],
  ] as const;
  for (const [name, options, code] of refused) {
    await failsWith(code, (async () => broker.checkNewTopic(name, options))());
    await failsWith(code, broker.createTopic(name, options));
  }
  assert.deepEqual(broker.topicNames(), ["there"]);
  assert.ok(!(await disk.list("/data")).some((name) => name.startsWith("orders")));
});

test("checkTopicChange() fails as alterTopic() would, and changes nothing", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const before = await broker.createTopic("orders", { partitions: 2, config: { "retention.ms": "5" } });
  broker.checkTopicChange("orders", { partitions: 3, config: { "retention.ms": null } });
  const refused = [
    ["none", {}, "unknown_topic"],
    ["orders", { partitions: 1 }, "invalid_partitions"],
    ["orders", { partitions: LIMITS.topicPartitionsMax + 1 }, "invalid_partitions"],
    ["orders", { config: { "retention.ms": "x" } }, "invalid_config"],
    ["orders", { config: { "retention.ms": { append: "1" } } }, "invalid_config"],
  ] as const;
  for (const [name, change, code] of refused) {
    await failsWith(code, (async () => broker.checkTopicChange(name, change))());
    await failsWith(code, broker.alterTopic(name, change));
  }
  assert.deepEqual(broker.describeTopic("orders"), before);
  const replaced = await broker.alterTopic("orders", { config: { "segment.ms": "7" }, replacesConfig: true });
  assert.deepEqual(replaced.config, { "segment.ms": "7" });
});

test("a topic is found by its id, and deleted only as the incarnation that is meant", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const first = await broker.createTopic("orders");
  assert.equal(broker.topicNameById(first.topicId), "orders");
  await broker.deleteTopic("orders", first.topicId);
  assert.equal(broker.topicNameById(first.topicId), null);
  const second = await broker.createTopic("orders");
  await failsWith("unknown_topic", broker.deleteTopic("orders", first.topicId));
  assert.equal(broker.topicNameById(second.topicId), "orders");
});

test("describeLogDirectory() tells the room that the disk has, or that it cannot tell", async () => {
  await using opened = await openBroker();
  const described = await opened.broker.describeLogDirectory();
  assert.deepEqual(described, { path: "/data", totalBytes: null, usableBytes: Number.MAX_SAFE_INTEGER });
});
