/** Compacted topics as the broker runs them: keys are asked for, the cleaner comes by itself, a stop waits for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCompression } from "../../adapters/node/compression.ts";
import { SentinelError } from "../../src/base/errors.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { compressBatch } from "../../src/records/compressed_batch.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { verifyDataDirectory } from "../../src/storage/log/verify_data_directory.ts";
import type { BrokerOptions } from "../../src/broker/broker_options.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { YieldingClock } from "../storage/log/cleaning_fixture.ts";
import { fetchOne, IN_DIRECTORIES, openBroker, valuesOf } from "./broker_fixture.ts";

const CHECK_MS = 1_000;
const SETTINGS = {
  "cleanup.policy": "compact",
  "segment.bytes": "200",
  "min.cleanable.dirty.ratio": "0",
  "delete.retention.ms": "5000",
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function keyed(key: string | null, value: string | null): RecordInput {
  return { key: key === null ? null : bytes(key), value: value === null ? null : bytes(value), headers: [] };
}

async function put(broker: Broker, topic: string, key: string | null, value: string | null): Promise<void> {
  const [outcome] = await broker.produceRecords(topic, [{ record: keyed(key, value) }], { acks: "leader" });
  if (!outcome!.ok) throw outcome!.error;
}

/** Lets time pass until the cleaner has gone round once more. */
async function afterCleaning(clock: YieldingClock, broker: Broker, passes: number): Promise<void> {
  clock.advance(CHECK_MS);
  while (broker.counters.cleanerPasses < passes) await new Promise((resolve) => setImmediate(resolve));
}

const compactedBroker = (disk = new FaultyDisk(), clock = new YieldingClock(), options: Partial<BrokerOptions> = {}) =>
  openBroker({ ...options, cleanerCheckMs: CHECK_MS }, disk, clock);

async function whole(broker: Broker, topic: string): Promise<string[]> {
  const found: string[] = [];
  const { highWatermark } = await fetchOne(broker, topic);
  for (let next = 0; next < highWatermark;) {
    const fetched = await fetchOne(broker, topic, 0, next);
    found.push(...valuesOf(fetched));
    assert.ok(fetched.batches.length > 0, `nothing at ${next}`);
    next = fetched.batches.at(-1)!.endOffset;
  }
  return found;
}

test("the cleaner comes by itself, keeps the newest values, and says what it did", async () => {
  const clock = new YieldingClock();
  await using opened = await compactedBroker(new FaultyDisk(), clock);
  const { broker } = opened;
  await broker.createTopic("tables", { config: SETTINGS });
  await broker.createTopic("events", { config: { "segment.bytes": "200" } });
  for (let round = 0; round < 30; round++) {
    await put(broker, "tables", `k${round % 3}`, String(round));
    await put(broker, "events", `k${round % 3}`, String(round));
  }
  const before = broker.describeTopic("tables")!.partitions[0]!.bytes;
  await afterCleaning(clock, broker, 1);
  const found = await whole(broker, "tables");
  assert.deepEqual(found.slice(-3), ["27", "28", "29"]);
  assert.ok(found.length < 8, found.join(" "));
  assert.ok(broker.describeTopic("tables")!.partitions[0]!.bytes < before);
  assert.equal((await whole(broker, "events")).length, 30);
  const { cleanerReadBytes, cleanerWrittenBytes, cleanerRemovedRecords, cleanerFailures } = broker.counters;
  assert.ok(cleanerReadBytes > cleanerWrittenBytes && cleanerWrittenBytes > 0);
  assert.deepEqual([cleanerRemovedRecords, cleanerFailures], [30 - found.length, 0]);
});

test("a policy that is changed takes effect: compact, then delete", async () => {
  const clock = new YieldingClock();
  await using opened = await compactedBroker(new FaultyDisk(), clock);
  const { broker } = opened;
  await broker.createTopic("tables", { config: { "segment.bytes": "200" } });
  for (let round = 0; round < 10; round++) await put(broker, "tables", round === 0 ? null : "k", String(round));
  await broker.alterTopic("tables", { config: SETTINGS });
  await afterCleaning(clock, broker, 1);
  // What had no key before is nobody's newest.
  assert.equal((await whole(broker, "tables"))[0] === "0", false);
  await broker.alterTopic("tables", { config: { "cleanup.policy": null } });
  await put(broker, "tables", null, "keyless");
  assert.equal((await whole(broker, "tables")).at(-1), "keyless");
});

test("a record without a key is refused on a compacted topic, in Kafka's words, also in a compressed batch", async () => {
  await using opened = await compactedBroker();
  const { broker } = opened;
  await broker.createTopic("tables", { partitions: 2, config: SETTINGS });
  const words = /^Compacted topic cannot accept message without key in topic partition tables-\d\.$/;
  const refusal = async (work: Promise<unknown>): Promise<SentinelError> => {
    let error: unknown = null;
    await assert.rejects(work, (thrown) => {
      error = thrown;
      return true;
    });
    assert.ok(error instanceof SentinelError && error.code === "invalid_record", String(error));
    assert.match(error.message, words);
    return error;
  };
  const records = [keyed("a", "1"), keyed(null, "2")].map((record) => ({ record }));
  const error = await refusal(broker.produceRecords("tables", records, { acks: "leader" }));
  assert.equal(error.errors[0]!.pointer, "/records/1/key");
  const batch = () => buildRecordBatch([keyed("a", "1"), keyed(null, "2")], { nowMs: opened.clock.nowMs() });
  await refusal(broker.produceBatch("tables", 1, batch(), { acks: "leader" }));
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
    const compressed = await compressBatch(batch(), codec, nodeCompression);
    await refusal(broker.produceBatch("tables", 1, compressed, { acks: "leader" }));
  }
  assert.equal((await fetchOne(broker, "tables", 1)).highWatermark, 0);
});

test("a damaged partition is told once and left alone, the others are cleaned", async () => {
  const clock = new YieldingClock();
  const disk = new FaultyDisk();
  const told: SentinelError[] = [];
  await using opened = await openBroker(
    { ...IN_DIRECTORIES, cleanerCheckMs: CHECK_MS, onError: (error) => void told.push(error) },
    disk,
    clock,
  );
  const { broker } = opened;
  for (const name of ["bad", "good"]) await broker.createTopic(name, { config: SETTINGS });
  for (let round = 0; round < 10; round++) {
    for (const name of ["bad", "good"]) await put(broker, name, "k", String(round));
  }
  const path = "/data/bad-0/00000000000000000000.log";
  const flipped = disk.bytesOf(path).slice();
  flipped[70]! ^= 1;
  disk.put(path, flipped);
  for (let round = 1; round <= 3; round++) {
    await put(broker, "good", "k", "more".repeat(25));
    await afterCleaning(clock, broker, round);
  }
  assert.equal(told.length, 1);
  assert.match(told[0]!.message, /^bad-0 cannot be compacted: Damaged file \/data\/bad-0\//);
  assert.deepEqual([broker.counters.cleanerFailures, broker.counters.cleanerFailedPartitions], [1, 1]);
});

test("a stop in the middle of a pass ends it; the next start finds everything", async () => {
  const disk = new FaultyDisk();
  const clock = new YieldingClock();
  const opened = await compactedBroker(disk, clock, IN_DIRECTORIES);
  await opened.broker.createTopic("tables", { config: SETTINGS });
  for (let round = 0; round < 60; round++) await put(opened.broker, "tables", `k${round % 4}`, String(round));
  const begun = new Promise<void>((resolve) => {
    disk.after = ({ operation, path }) => {
      if (operation === "rename" && path.includes(".log")) resolve();
    };
  });
  clock.advance(CHECK_MS);
  await begun;
  disk.after = () => {};
  await opened.broker.close();
  assert.equal(disk.openFiles, 0);
  await using again = await compactedBroker(disk, clock, IN_DIRECTORIES);
  assert.deepEqual((await whole(again.broker, "tables")).slice(-4), ["56", "57", "58", "59"]);
  await afterCleaning(clock, again.broker, 1);
  assert.deepEqual((await whole(again.broker, "tables")).slice(-4), ["56", "57", "58", "59"]);
});

test("a topic that is deleted while it is cleaned is gone", async () => {
  const disk = new FaultyDisk();
  const clock = new YieldingClock();
  await using opened = await compactedBroker(disk, clock, IN_DIRECTORIES);
  const { broker } = opened;
  await broker.createTopic("tables", { config: SETTINGS });
  for (let round = 0; round < 60; round++) await put(broker, "tables", `k${round % 4}`, String(round));
  const begun = new Promise<void>((resolve) => {
    disk.after = ({ path }) => {
      if (path.endsWith(".cleaned")) resolve();
    };
  });
  clock.advance(CHECK_MS);
  await begun;
  await broker.deleteTopic("tables");
  assert.deepEqual((await disk.list("/data")).filter((name) => name.includes("tables")), []);
  assert.equal(broker.counters.cleanerFailures, 0);
});

test("log verify finds nothing wrong after a pass nor in the middle of one, and names a gap that is nobody's", async () => {
  const disk = new FaultyDisk();
  const clock = new YieldingClock();
  const opened = await compactedBroker(disk, clock, IN_DIRECTORIES);
  const { broker } = opened;
  await broker.createTopic("tables", { config: { ...SETTINGS, "segment.bytes": "400" } });
  for (let round = 0; round < 30; round++) await put(broker, "tables", `k${round % 4}`, String(round));
  const images: FaultyDisk[] = [];
  disk.after = () => void images.push(disk.crash("kill"));
  await afterCleaning(clock, broker, 1);
  disk.after = () => {};
  await broker.close();
  const damages = async (image: FaultyDisk): Promise<string[]> => {
    const found: string[] = [];
    await verifyDataDirectory(image, "/data", {
      onFinding: ({ severity, path, detail }) => {
        if (severity === "damage") found.push(`${path}: ${detail}`);
      },
    });
    return found;
  };
  assert.ok(images.length > 50);
  for (const image of [...images, disk]) assert.deepEqual(await damages(image), []);
  const path = "/data/tables-0/00000000000000000000.log";
  const flipped = disk.bytesOf(path).slice();
  flipped[7]! ^= 1;
  disk.put(path, flipped);
  assert.deepEqual((await damages(disk)).length, 1);
});
