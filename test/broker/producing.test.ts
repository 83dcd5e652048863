import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { fnv1aPartition, murmur2Partition, RoundRobin } from "../../src/broker/partitioner.ts";
import { LocalReplica } from "../../src/cluster/local_replica.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { compressBatch } from "../../src/records/compressed_batch.ts";
import { readRecords } from "../../src/records/read_records.ts";
import { currentPlatform } from "../adapters/current.ts";
import { ManualClock } from "../manual_clock.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { batchOf, newLog, SETTINGS } from "../storage/log_fixture.ts";
import { fetchOne, isLogOf, openBroker, produce, values } from "./broker_fixture.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const hasCode = (code: string) => (thrown: unknown): boolean => thrown instanceof SentinelError && thrown.code === code;

test("murmur2Partition() spreads keys as the Java client does", () => {
  // Kafka's own vectors for murmur2 (UtilsTest.java), made positive, modulo 1000.
  const vectors = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "abc": 479470107,
  } as const;
  for (const [key, hash] of Object.entries(vectors)) {
    assert.equal(murmur2Partition(utf8(key), 1_000), (hash & 0x7fffffff) % 1_000);
  }
  assert.equal(murmur2Partition(new Uint8Array(0), 1_000), (275646681 & 0x7fffffff) % 1_000);
});

test("fnv1aPartition() and RoundRobin follow facts B5", () => {
  const vectors = { "user-123": [2, 4, 3], "user-1": [1, 3, 4], "order": [2, 5, 7], "key1": [2, 2, 7] } as const;
  for (const [key, expected] of Object.entries(vectors)) {
    assert.deepEqual([3, 7, 16].map((count) => fnv1aPartition(utf8(key), count)), expected);
  }
  assert.equal(fnv1aPartition(new Uint8Array(0), 7), 0);
  const roundRobin = new RoundRobin();
  assert.deepEqual(Array.from({ length: 7 }, () => roundRobin.next(3)), [1, 2, 0, 1, 2, 0, 1]);
});

test("the broker's partitioner decides where records without a partition go", async () => {
  const records = ["user-123", "user-1", "order", "key1"].map((key) => ({
    record: { key: utf8(key), value: utf8(key), headers: [] },
  }));
  const expected = {
    "fnv1a": [2, 1, 2, 2],
    "round-robin": [1, 2, 0, 1],
    "murmur2": ["user-123", "user-1", "order", "key1"].map((key) => murmur2Partition(utf8(key), 3)),
  } as const;
  for (const partitioner of ["fnv1a", "round-robin", "murmur2"] as const) {
    await using opened = await openBroker({ partitioner, partitionsDefault: 3 });
    const outcomes = await opened.broker.produceRecords("orders", records, { acks: "all" });
    const chosen: number[] = [];
    for (const outcome of outcomes) {
      assert.ok(outcome.ok);
      for (const index of outcome.indexes) chosen[index] = outcome.ack.partition;
    }
    assert.deepEqual(chosen, expected[partitioner], partitioner);
  }
});

test("produceRecords() keeps the order of each partition and tells which record went where", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("orders", { partitions: 3 });
  const records = Array.from(
    { length: 30 },
    (_, count) => ({
      record: { key: count % 2 === 0 ? utf8(`key ${count % 6}`) : null, value: utf8(`${count}`), headers: [] },
    }),
  );
  const outcomes = await broker.produceRecords("orders", records, { acks: "all" });
  const seen = new Set<number>();
  for (const outcome of outcomes) {
    assert.ok(outcome.ok);
    assert.deepEqual(await values(broker, "orders", outcome.ack.partition), outcome.indexes.map(String));
    assert.deepEqual([outcome.ack.first, outcome.ack.count, outcome.ack.durability], [
      0,
      outcome.indexes.length,
      "fsync",
    ]);
    for (const index of outcome.indexes) seen.add(index);
  }
  assert.equal(seen.size, 30);
});

test("seed-K1: keys, values, headers and timestamps are stored and read as they came", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const record = {
    key: utf8("key"),
    value: null,
    headers: [{ key: "a", value: utf8("1") }, { key: "a", value: null }],
    timestamp: 1_600_000_000_000,
  };
  await broker.produceRecords("orders", [{ record }], { acks: "leader" });
  const { batches } = await fetchOne(broker, "orders");
  assert.deepEqual(readRecords(batches[0]!), [{ ...record, offset: 0 }]);
});

test("expectedOffset appends at that offset only, and one of several wins", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "first");
  const records = [{ record: { key: null, value: utf8("x"), headers: [] }, partition: 0 }];
  const tries = await Promise.allSettled(
    Array.from({ length: 5 }, () => broker.produceRecords("orders", records, { acks: "leader", expectedOffset: 1 })),
  );
  assert.equal(tries.filter(({ status }) => status === "fulfilled").length, 1);
  for (const outcome of tries) {
    if (outcome.status === "rejected") {
      assert.ok(hasCode("offset_mismatch")(outcome.reason) && outcome.reason.facts.tail === 2);
    }
  }
});

test("LogAppendTime stamps the broker's clock; CreateTime keeps the producer's", async () => {
  await using opened = await openBroker();
  const { broker, clock } = opened;
  await broker.createTopic("orders", { config: { "message.timestamp.type": "LogAppendTime" } });
  const [outcome] = await broker.produceRecords("orders", [{
    record: { key: null, value: null, headers: [], timestamp: 5 },
  }], { acks: "leader" });
  assert.ok(outcome?.ok === true);
  assert.equal(outcome.ack.logAppendTimeMs, clock.nowMs());
  const { batches } = await fetchOne(broker, "orders");
  assert.ok(batches[0]!.hasLogAppendTime && batches[0]!.hasValidCrc());
  assert.equal((readRecords(batches[0]!) as { timestamp: number }[])[0]!.timestamp, clock.nowMs());
});

test("offsetFor() finds the first record at or after a time, in compressed batches and behind a trim too", async () => {
  await using opened = await openBroker();
  const { broker, clock } = opened;
  const now = clock.nowMs();
  const { compression } = currentPlatform();
  for (const [first, codec] of [[0, "gzip"], [3, "zstd"], [6, "lz4"]] as const) {
    const inputs = [0, 1, 2].map((at) => ({
      key: null,
      value: utf8("x".repeat(50)),
      headers: [],
      timestamp: now + (first + at) * 10,
    }));
    const batch = await compressBatch(buildRecordBatch(inputs, { nowMs: now }), codec, compression);
    assert.equal((await broker.produceBatch("orders", 0, batch, { acks: "leader" })).first, first);
  }
  for (let offset = 0; offset < 9; offset++) {
    assert.deepEqual(await broker.offsetFor("orders", 0, now + offset * 10), { offset, timestamp: now + offset * 10 });
    assert.equal((await broker.offsetFor("orders", 0, now + offset * 10 - 9)).offset, offset);
  }
  assert.deepEqual(await broker.offsetFor("orders", 0, now + 81), { offset: 9, timestamp: -1 });
  assert.deepEqual(await broker.offsetFor("orders", 0, "earliest"), { offset: 0, timestamp: -1 });
  // The newest record of a batch that a trim cuts through lies below the log start: the search goes on behind it.
  for (const [offset, timestamp] of [[9, now + 500], [10, now], [11, now + 400]] as const) {
    assert.equal(await produce(broker, "orders", "x", 0, timestamp), offset);
  }
  assert.equal(await broker.deleteRecordsBefore("orders", 0, 10), 10);
  assert.equal((await broker.offsetFor("orders", 0, now + 300)).offset, 11);
  const trimmed = [50, 10].map((ahead) => ({ key: null, value: null, headers: [], timestamp: now + 1_000 + ahead }));
  await broker.produceBatch("orders", 0, buildRecordBatch(trimmed, { nowMs: now }), { acks: "leader" });
  await produce(broker, "orders", "x", 0, now + 1_060);
  await broker.deleteRecordsBefore("orders", 0, 13);
  assert.equal((await broker.offsetFor("orders", 0, now + 1_040)).offset, 14);
});

test("deleteRecordsBefore() refuses what is no offset of the partition and harms nothing", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "a");
  for (const offset of [-1, 2, 0.5, NaN, Infinity]) {
    await assert.rejects(broker.deleteRecordsBefore("orders", 0, offset), hasCode("offset_out_of_range"));
  }
  assert.equal(await broker.deleteRecordsBefore("orders", 0, 1), 1);
  assert.equal(await produce(broker, "orders", "b"), 1);
});

test("retention by the clock takes old segments, again and again", async () => {
  await using opened = await openBroker({ retentionCheckMs: 1_000 });
  const { broker, clock } = opened;
  await broker.createTopic("orders", { config: { "segment.bytes": "100", "retention.ms": "5000" } });
  for (let count = 0; count < 5; count++) await produce(broker, "orders", `${count}`);
  clock.advance(7_000);
  for (let turn = 0; turn < 100 && (await fetchOne(broker, "orders")).logStart === 0; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    clock.advance(1_000);
  }
  assert.ok((await fetchOne(broker, "orders")).logStart > 0);
});

test("close() ends appends with shutting_down and keeps what was acknowledged; a second close is nothing (seed-V2)", async () => {
  const { broker, disk } = await openBroker();
  await produce(broker, "orders", "kept");
  await Promise.all([broker.close(), broker.close()]);
  await assert.rejects(produce(broker, "orders", "late"), hasCode("shutting_down"));
  assert.equal(disk.openFiles, 0);
  await using again = await openBroker({}, disk);
  assert.deepEqual(await values(again.broker, "orders"), ["kept"]);
});

test("seed-V1: all that was acknowledged before a stop is there after it, 60 of 60 times", async () => {
  for (let round = 0; round < 60; round++) {
    const { broker, disk } = await openBroker();
    const produced = await Promise.all(Array.from({ length: 10 }, (_, count) => produce(broker, "orders", `${count}`)));
    await broker.close();
    await using again = await openBroker({}, disk.crash("lost"));
    assert.equal((await values(again.broker, "orders")).length, produced.length);
  }
});

test("interval and os acknowledge after the write; interval syncs when its time is over", async () => {
  for (const durability of ["interval", "os"] as const) {
    await using opened = await openBroker({ durability, flushIntervalMs: 100 });
    const { broker, disk, clock } = opened;
    await broker.createTopic("orders");
    const before = disk.effects.length;
    await produce(broker, "orders", "value");
    const syncs = (): number =>
      disk.effects.slice(before).filter(({ operation, path }) => operation === "sync" && isLogOf(path, "orders-0"))
        .length;
    assert.equal(syncs(), 0);
    clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(syncs(), durability === "interval" ? 1 : 0);
    assert.deepEqual(await values(broker, "orders"), ["value"]);
  }
});

test("waitForRoom() bounds what is queued, wakes in order, and nobody comes before those who wait", async () => {
  const disk = new FaultyDisk();
  const log = await newLog(disk, { segmentBytes: 1_000_000_000, batchBytesMax: LIMITS.batchBytesMax });
  const settings = { durability: "os", log: SETTINGS } as const;
  const replica = new LocalReplica(log, {
    topic: "orders",
    partition: 0,
    clock: new ManualClock(),
    settings,
    flushIntervalMs: 100,
  });
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const isSecond = Promise.withResolvers<void>();
  let writes = 0;
  disk.before = async ({ operation, path }) => {
    if (operation !== "write" || !path.endsWith(".log")) return;
    writes += 1;
    if (writes === 2) isSecond.resolve();
    await (writes === 1 ? first : second).promise;
  };
  const big = (): ReturnType<typeof batchOf> =>
    buildRecordBatch([{ key: null, value: new Uint8Array(1_000_000), headers: [] }], { nowMs: 1 });
  const acknowledged = [];
  let appended = 0;
  while (replica.waitForRoom() === null) {
    acknowledged.push(replica.append([big()]).acknowledged);
    appended += 1;
  }
  assert.ok(log.pendingBytes > LIMITS.logPendingBytesMax && log.pendingBytes < LIMITS.logPendingBytesMax + 1_100_000);
  const order: number[] = [];
  const waits = [1, 2, 3].map((who) => replica.waitForRoom()!.then(() => void order.push(who)));
  first.resolve();
  await isSecond.promise;
  // There is room for one more, and three have waited longer.
  assert.ok(log.pendingBytes < LIMITS.logPendingBytesMax && log.pendingBytes > LIMITS.logPendingBytesMax / 2);
  waits.push(replica.waitForRoom()!.then(() => void order.push(4)));
  second.resolve();
  await Promise.all([...waits, ...acknowledged]);
  assert.deepEqual(order, [1, 2, 3, 4]);
  assert.equal(log.endOffset, appended);
  await replica.close(new SentinelError("shutting_down", "Test"));
});

test("what comes for a topic in the very moment in which it is made comes behind those who waited for it", async () => {
  await using opened = await openBroker();
  const { broker, disk } = opened;
  // The memory's disk takes no turns: so many steps behind its last sync lies every moment until all have appended.
  for (let steps = 0; steps < 150; steps++) {
    const topic = `topic-${steps}`;
    const isAnnounced = Promise.withResolvers<void>();
    disk.before = ({ operation, path }) => {
      if (operation === "sync" && path.startsWith("/data/__cluster_metadata-0/")) isAnnounced.resolve();
    };
    const waiting = [produce(broker, topic, "first"), produce(broker, topic, "second")];
    await isAnnounced.promise;
    for (let step = 0; step < steps; step++) await undefined;
    await Promise.all([...waiting, produce(broker, topic, "third")]);
    assert.deepEqual(await values(broker, topic), ["first", "second", "third"], `${steps} steps behind the sync`);
  }
});
