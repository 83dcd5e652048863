/** When the memory of a request may be used again: by whom it is held, and that nobody else releases it. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../../src/base/limits.ts";
import { Lease } from "../../../src/bytes/lease.ts";
import { fetchApi } from "../../../src/protocols/kafka/wire/messages/fetch.ts";
import { produceApi } from "../../../src/protocols/kafka/wire/messages/produce.ts";
import type { StorageEngine } from "../../../src/cluster/partition_store.ts";
import { turns } from "../../server/fake_connection.ts";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import { batchOf, type KafkaFixture, openKafka } from "./kafka_fixture.ts";
import { requestFrame } from "./request_frame.ts";

const TOPIC = "leases";

function produceBody(records: Uint8Array, acks = -1): Uint8Array {
  const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records }] }];
  return requestFrame(produceApi, 9, { acks, timeoutMs: 1_000, topicData }).subarray(4);
}

function fetchBody(fetchOffset: number): Uint8Array {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 10_000 }];
  const topics = [{ topic: TOPIC, partitions }];
  return requestFrame(fetchApi, 11, { maxWaitMs: 0, minBytes: 1, forgottenTopicsData: [], topics }).subarray(4);
}

interface Lent {
  readonly lease: Lease;
  hasEnded: boolean;
}

function lend(): Lent {
  const lent: Lent = { lease: new Lease(() => lent.hasEnded = true), hasEnded: false };
  return lent;
}

/** A broker with the topic, in this engine. */
async function openWithTopic(storageEngine: StorageEngine, disk?: FaultyDisk): Promise<KafkaFixture> {
  const kafka = await openKafka({ storageEngine }, disk);
  await kafka.broker.createTopic(TOPIC, { partitions: 1 });
  return kafka;
}

/** Fills the partition's tail cache, so that what was in it before goes. */
async function passBy({ session }: KafkaFixture): Promise<void> {
  for (let part = 0; part < 3; part += 1) await session.handle(produceBody(batchOf(["x".repeat(900_000)])));
}

test("a produced batch's memory is held until it is answered, written and out of the tail cache", async () => {
  await using kafka = await openWithTopic("log");
  const lent = lend();
  await kafka.session.handle(produceBody(batchOf(["a"])), lent.lease);
  equal(lent.hasEnded, false);
  await passBy(kafka);
  equal(lent.hasEnded, true);
});

test("an answer holds the memory that it has views of until it is sent, and for ever if it never is", async () => {
  await using kafka = await openWithTopic("log");
  const [sent, unsent] = [lend(), lend()];
  const large = (letter: string): Uint8Array => produceBody(batchOf([letter.repeat(1_000)]));
  await kafka.session.handle(large("a"), sent.lease);
  await kafka.session.handle(large("b"), unsent.lease);
  const [first, second] = [await kafka.session.handle(fetchBody(0)), await kafka.session.handle(fetchBody(1))];
  ok(first !== null && second !== null);
  await passBy(kafka);
  equal(sent.hasEnded, false);
  // Both batches came with the first answer, and the second one with the other, too.
  kafka.session.noteSent(first);
  equal(sent.hasEnded, true);
  equal(unsent.hasEnded, false);
});

test("what an answer has read from a file is free when it is sent, and as it was before that", async () => {
  await using kafka = await openWithTopic("log");
  const values = ["a", "b"].map((letter) => letter.repeat(2_000));
  for (const value of values) await kafka.session.handle(produceBody(batchOf([value])));
  await passBy(kafka);
  const replies = [await kafka.session.handle(fetchBody(0)), await kafka.session.handle(fetchBody(0))];
  const [first, second] = replies.map((reply) => reply!.filter((slice) => slice.length > 2_000));
  equal(first!.length, 2);
  kafka.session.noteSent(replies[0]!);
  deepEqual(first!.map((slice) => slice.length), [0, 0]);
  const texts = second!.map((slice) => new TextDecoder().decode(slice));
  for (const [index, value] of values.entries()) ok(texts[index]!.includes(value));
});

test("memory of a batch that is not written yet is held, though its request was answered", async () => {
  const disk = new FaultyDisk();
  await using kafka = await openWithTopic("log", disk);
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  disk.before = async ({ operation, path }) => {
    if (operation === "write" && path.includes(`/${TOPIC}-0/`)) await opened;
  };
  const lent = lend();
  await kafka.session.handle(produceBody(batchOf(["a"]), 0), lent.lease);
  for (let part = 0; part < 3; part += 1) await kafka.session.handle(produceBody(batchOf(["x".repeat(900_000)]), 0));
  equal(lent.hasEnded, false);
  open();
  await passBy(kafka);
  equal(lent.hasEnded, true);
});

test("a batch that is still waited for is held, though its request was answered that it took too long", async () => {
  const disk = new FaultyDisk();
  await using kafka = await openWithTopic("log", disk);
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  disk.before = async ({ operation, path }) => {
    if (operation === "sync" && path.includes(`/${TOPIC}-0/`) && path.endsWith(".log")) await opened;
  };
  const lent = lend();
  const answered = kafka.session.handle(produceBody(batchOf(["a"])), lent.lease);
  for (let part = 0; part < 3; part += 1) await kafka.session.handle(produceBody(batchOf(["x".repeat(900_000)]), 0));
  kafka.clock.advance(LIMITS.kafkaProduceTimeoutMsMin);
  await answered;
  await turns();
  equal(lent.hasEnded, false);
  open();
  await passBy(kafka);
  equal(lent.hasEnded, true);
});

test("a tree gives the memory back as the segment log does", async () => {
  await using kafka = await openWithTopic("lsm");
  const lent = lend();
  await kafka.session.handle(produceBody(batchOf(["a"])), lent.lease);
  equal(lent.hasEnded, false);
  await passBy(kafka);
  equal(lent.hasEnded, true);
});

test("a batch that is refused never gives its memory back", async () => {
  await using kafka = await openWithTopic("log");
  const damaged = lend();
  const bytes = batchOf(["b"]);
  bytes[bytes.length - 1]! ^= 1;
  await kafka.session.handle(produceBody(bytes), damaged.lease);
  await passBy(kafka);
  equal(damaged.hasEnded, false);
});

test("a request of another kind never gives its memory back", async () => {
  await using kafka = await openWithTopic("log");
  await kafka.session.handle(produceBody(batchOf(["a"])));
  const lent = lend();
  const reply = await kafka.session.handle(fetchBody(0), lent.lease);
  kafka.session.noteSent(reply!);
  equal(lent.hasEnded, false);
});
