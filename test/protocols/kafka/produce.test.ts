import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import { fetchOne, values } from "../../broker/broker_fixture.ts";
import { findCoordinatorApi } from "../../../src/protocols/kafka/wire/messages/find_coordinator.ts";
import { KAFKA_ERRORS } from "../../../src/protocols/kafka/wire/error_codes.ts";
import { describeProducersApi } from "../../../src/protocols/kafka/wire/messages/describe_producers.ts";
import { initProducerIdApi } from "../../../src/protocols/kafka/wire/messages/init_producer_id.ts";
import { produceApi } from "../../../src/protocols/kafka/wire/messages/produce.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import type { MessageInput } from "../../../src/schema/message_schema.ts";
import { batchOf, compressedBatchOf, type KafkaFixture, openKafka } from "./kafka_fixture.ts";

type ProduceInput = MessageInput<typeof produceApi.request>;

const produceOne = (records: Uint8Array | null, acks = -1, topic = "orders", index = 0) => ({
  acks,
  timeoutMs: 1_000,
  topicData: [{ name: topic, partitionData: [{ index, records }] }],
});

async function open(): Promise<KafkaFixture> {
  const kafka = await openKafka();
  await kafka.broker.createTopic("orders", { partitions: 2 });
  return kafka;
}

async function errorOf(
  kafka: KafkaFixture,
  request: ProduceInput,
  version = 8,
): Promise<number> {
  const answer = await kafka.call(produceApi, version, request);
  return answer.responses[0]!.partitionResponses[0]!.errorCode;
}

test("Produce appends the batch as bytes and answers its first offset", async () => {
  await using kafka = await open();
  await kafka.call(produceApi, 3, produceOne(batchOf(["a", "b"])));
  const { responses } = await kafka.call(produceApi, 9, produceOne(batchOf(["c"])));
  deepEqual(responses, [{
    name: "orders",
    topicId: "AAAAAAAAAAAAAAAAAAAAAA",
    partitionResponses: [{
      index: 0,
      errorCode: 0,
      baseOffset: 2,
      logAppendTimeMs: -1,
      logStartOffset: 0,
      recordErrors: [],
      errorMessage: null,
      currentLeader: { leaderId: -1, leaderEpoch: -1 },
    }],
  }]);
  deepEqual(await values(kafka.broker, "orders"), ["a", "b", "c"]);
});

test("Produce finds topics by id from version 13 on, and answers 100 for one that is gone", async () => {
  await using kafka = await open();
  const { topicId } = kafka.broker.describeTopic("orders")!;
  const by = (id: string) => ({
    acks: 1,
    timeoutMs: 0,
    topicData: [{ topicId: id, partitionData: [{ index: 1, records: batchOf(["a"]) }] }],
  });
  equal(await errorOf(kafka, by(topicId), 13), 0);
  deepEqual(await values(kafka.broker, "orders", 1), ["a"]);
  await kafka.broker.deleteTopic("orders");
  equal(await errorOf(kafka, by(topicId), 13), 100);
});

test("Produce with acks 0 has no response; a failure ends the connection", async () => {
  await using kafka = await open();
  equal(await kafka.send(produceApi, 7, produceOne(batchOf(["a"]), 0)), null);
  equal(await errorOf(kafka, produceOne(batchOf(["b"]))), 0);
  deepEqual(await values(kafka.broker, "orders"), ["a", "b"]);
  await rejects(kafka.send(produceApi, 7, produceOne(batchOf(["a"]), 0, "missing")), /acks 0 failed with error 3/);
});

test("Produce takes the five codecs, zstd from version 7 on", async () => {
  await using kafka = await open();
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
    equal(await errorOf(kafka, produceOne(await compressedBatchOf(codec, ["x", "y"])), 7), 0, codec);
  }
  equal(await errorOf(kafka, produceOne(await compressedBatchOf("zstd", ["x"])), 6), 76);
  const fetched = await fetchOne(kafka.broker, "orders");
  deepEqual(fetched.batches.map((batch) => [batch.codec, batch.baseOffset]), [
    ["gzip", 0],
    ["snappy", 2],
    ["lz4", 4],
    ["zstd", 6],
  ]);
});

test("each fault of a batch has Kafka's number", async () => {
  await using kafka = await open();
  const change = (at: number, value: number): Uint8Array => {
    const bytes = batchOf(["a"]).slice();
    bytes[at] = value;
    return bytes;
  };
  const two = new Uint8Array([...batchOf(["a"]), ...batchOf(["b"])]);
  const cases: readonly (readonly [string, number, Uint8Array | null])[] = [
    ["null records", 87, null],
    ["no batch", 87, new Uint8Array(0)],
    ["two batches", 87, two],
    ["an old format", 87, change(16, 1)],
    ["an old format, cut off", 87, change(16, 0).subarray(0, 40)],
    ["a format that there is not", 2, change(16, 3)],
    ["a format that there is not, cut off", 2, change(16, 0xff).subarray(0, 40)],
    ["a wrong checksum", 2, change(65, 99)],
    ["cut off", 87, batchOf(["a"]).subarray(0, 40)],
    ["cut off in its head", 87, batchOf(["a"]).subarray(0, 10)],
    ["a length beyond its end", 87, change(10, 1)],
    ["a length beyond all bounds", 87, change(8, 0x40)],
    ["a negative length", 2, change(8, 0xff)],
    ["a length below a header's", 2, change(11, 13)],
    ["a base offset", 87, change(7, 5)],
  ];
  for (const [name, expected, records] of cases) equal(await errorOf(kafka, produceOne(records)), expected, name);
  equal(await errorOf(kafka, produceOne(batchOf(["x".repeat(1_100_000)]))), 10);
  equal(await errorOf(kafka, produceOne(batchOf(["a"]), -1, "missing")), 3);
  equal(await errorOf(kafka, produceOne(batchOf(["a"]), -1, "orders", 2)), 3);
  equal(await errorOf(kafka, produceOne(batchOf(["a"]), -1, "orders", -1)), 3);
  equal(await errorOf(kafka, produceOne(batchOf(["a"]), 2)), 21);
  deepEqual(await values(kafka.broker, "orders"), []);
});

test("a timestamp out of range names the record that has it", async () => {
  await using kafka = await open();
  const late = kafka.clock.nowMs() + 7_200_000;
  const { responses } = await kafka.call(produceApi, 8, produceOne(batchOf(["a"], { timestamp: late })));
  const [answer] = responses[0]!.partitionResponses;
  equal(answer!.errorCode, 32);
  deepEqual(answer!.recordErrors.map(({ batchIndex }) => batchIndex), [0]);
});

test("partitions of one request fail on their own", async () => {
  await using kafka = await open();
  const { responses } = await kafka.call(produceApi, 9, {
    acks: -1,
    timeoutMs: 1,
    topicData: [
      { name: "orders", partitionData: [{ index: 0, records: null }, { index: 1, records: batchOf(["b"]) }] },
      { name: "missing", partitionData: [{ index: 0, records: batchOf(["c"]) }] },
    ],
  });
  deepEqual(
    responses.map(({ name, partitionResponses }) => [name, partitionResponses.map(({ errorCode }) => errorCode)]),
    [["orders", [87, 0]], ["missing", [3]]],
  );
});

test("the broker's own topics take no records of clients", async () => {
  await using kafka = await openKafka();
  // Made when somebody first looks for a group.
  await kafka.call(findCoordinatorApi, 0, { key: "group", coordinatorKeys: [] });
  equal(await errorOf(kafka, produceOne(batchOf(["a"]), -1, "__consumer_offsets")), 17);
});

test("requests that are pipelined are appended in their order", async () => {
  await using kafka = await open();
  const sent = Array.from({ length: 20 }, (_, index) => kafka.call(produceApi, 9, produceOne(batchOf([`${index}`]))));
  const answers = await Promise.all(sent);
  deepEqual(
    answers.map(({ responses }) => responses[0]!.partitionResponses[0]!.baseOffset),
    Array.from({ length: 20 }, (_, index) => index),
  );
});

test("a disk that does not answer ends in 7 after the client's time-out, and no request waits for ever", async () => {
  const disk = new FaultyDisk();
  await using kafka = await openKafka({}, disk);
  await kafka.broker.createTopic("orders");
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  disk.before = ({ operation }) => operation === "sync" ? released : undefined;
  const timers = kafka.clock.pending;
  const answer = errorOf(kafka, { ...produceOne(batchOf(["a"])), timeoutMs: 8_000 });
  while (kafka.clock.pending === timers) await new Promise((resolve) => setTimeout(resolve));
  kafka.clock.advance(7_999);
  await new Promise((resolve) => setTimeout(resolve));
  kafka.clock.advance(1);
  equal(await answer, 7);
  release();
});

/** A batch of one record of producer `id`. */
function sequenced(id: number, epoch: number, sequence: number, isTransactional = false): Uint8Array {
  const record = { key: null, value: new TextEncoder().encode(`${id} ${epoch} ${sequence}`), headers: [] };
  const producer = { producerId: BigInt(id), producerEpoch: epoch, baseSequence: sequence, isTransactional };
  return buildRecordBatch([record], { nowMs: 1_000, ...producer }).bytes;
}

test("Produce takes an idempotent producer's batches once, in order, with Kafka's errors for others", async () => {
  await using kafka = await open();
  const { producerId, producerEpoch } = await kafka.call(initProducerIdApi, 4, {
    transactionalId: null,
    transactionTimeoutMs: 0,
  });
  const send = async (epoch: number, sequence: number) => {
    const { responses } = await kafka.call(produceApi, 9, produceOne(sequenced(producerId, epoch, sequence)));
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    return [errorCode, baseOffset];
  };
  // Five under way on one connection, the last two sent twice.
  const sent = await Promise.all([0, 1, 2, 3, 4, 3, 4].map((sequence) => send(producerEpoch, sequence)));
  deepEqual(sent, [[0, 0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 3], [0, 4]]);
  deepEqual(await send(0, 6), [KAFKA_ERRORS.OUT_OF_ORDER_SEQUENCE_NUMBER, -1]);
  deepEqual(await send(1, 1), [KAFKA_ERRORS.OUT_OF_ORDER_SEQUENCE_NUMBER, -1]);
  deepEqual(await send(1, 0), [0, 5]);
  deepEqual(await send(0, 5), [KAFKA_ERRORS.INVALID_PRODUCER_EPOCH, -1]);
  const described = await kafka.call(describeProducersApi, 0, { topics: [{ name: "orders", partitionIndexes: [0] }] });
  const [producer] = described.topics[0]!.partitions[0]!.activeProducers;
  deepEqual([producer!.producerId, producer!.producerEpoch, producer!.lastSequence], [producerId, 1, 0]);
});

test("Produce refuses a transaction's batch with 53, and stores nothing", async () => {
  await using kafka = await open();
  equal(await errorOf(kafka, produceOne(sequenced(1, 0, 0, true))), KAFKA_ERRORS.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  equal(kafka.broker.describeTopic("orders")!.partitions[0]!.end, 0);
});
