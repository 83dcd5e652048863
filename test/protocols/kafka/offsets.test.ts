import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { listOffsetsApi } from "../../../src/protocols/kafka/wire/messages/list_offsets.ts";
import { offsetForLeaderEpochApi } from "../../../src/protocols/kafka/wire/messages/offset_for_leader_epoch.ts";
import { produce } from "../../broker/broker_fixture.ts";
import { type KafkaFixture, openKafka } from "./kafka_fixture.ts";

const START_MS = 1_699_999_000_000;

async function open(times: readonly number[] = [5, 9, 7, 9]): Promise<KafkaFixture> {
  const kafka = await openKafka();
  await kafka.broker.createTopic("orders");
  for (const time of times) await produce(kafka.broker, "orders", `at ${time}`, 0, START_MS + time);
  return kafka;
}

async function list(
  kafka: KafkaFixture,
  timestamp: number,
  version = 11,
  currentLeaderEpoch?: number,
  partitionIndex = 0,
) {
  const answer = await kafka.call(listOffsetsApi, version, {
    replicaId: -1,
    isolationLevel: version >= 2 ? 1 : 0,
    topics: [{ name: "orders", partitions: [{ partitionIndex, timestamp, currentLeaderEpoch }] }],
  });
  const { errorCode, offset, timestamp: found, leaderEpoch } = answer.topics[0]!.partitions[0]!;
  return [errorCode, offset, found, leaderEpoch];
}

test("ListOffsets finds the ends, the first record at or after a time, and the newest by time", async () => {
  await using kafka = await open();
  deepEqual(await list(kafka, -1), [0, 4, -1, 0]);
  deepEqual(await list(kafka, -2), [0, 0, -1, 0]);
  deepEqual(await list(kafka, -3), [0, 1, START_MS + 9, 0]);
  deepEqual(await list(kafka, -4), [0, 0, -1, 0]);
  deepEqual(await list(kafka, -5), [0, -1, -1, -1]);
  deepEqual(await list(kafka, -6), [0, -1, -1, -1]);
  deepEqual(await list(kafka, 0), [0, 0, START_MS + 5, 0]);
  deepEqual(await list(kafka, START_MS + 6), [0, 1, START_MS + 9, 0]);
  deepEqual(await list(kafka, START_MS + 10), [0, -1, -1, -1]);
  deepEqual(await list(kafka, -1, 1), [0, 4, -1, -1]);
});

test("an empty partition has ends and no record", async () => {
  await using kafka = await open([]);
  deepEqual(await list(kafka, -1), [0, 0, -1, 0]);
  deepEqual(await list(kafka, -3), [0, -1, -1, -1]);
  deepEqual(await list(kafka, 0), [0, -1, -1, -1]);
});

test("special times have their first versions, and there are no others", async () => {
  await using kafka = await open();
  for (const [timestamp, version] of [[-3, 6], [-4, 7], [-5, 8], [-6, 10], [-7, 11]] as const) {
    equal((await list(kafka, timestamp, version))[0], 35, `${timestamp} in v${version}`);
  }
});

test("faults: no such partition, another leader epoch, a partition that comes twice", async () => {
  await using kafka = await open();
  equal((await list(kafka, -1, 11, -1, 3))[0], 3);
  equal((await list(kafka, -1, 11, 1))[0], 75);
  equal((await list(kafka, -1, 11, 0))[0], 0);
  const partition = { partitionIndex: 0, timestamp: -1 };
  const answer = await kafka.call(listOffsetsApi, 5, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: "orders", partitions: [partition, partition, { ...partition, partitionIndex: 1 }] }],
  });
  deepEqual(answer.topics[0]!.partitions.map(({ errorCode }) => errorCode), [42, 42, 3]);
});

test("OffsetForLeaderEpoch tells where an epoch ends, and nothing of one that never was", async () => {
  await using kafka = await open();
  const ask = async (leaderEpoch: number, currentLeaderEpoch = -1, partition = 0) => {
    const { topics } = await kafka.call(offsetForLeaderEpochApi, 4, {
      topics: [{ topic: "orders", partitions: [{ partition, leaderEpoch, currentLeaderEpoch }] }],
    });
    const { errorCode, leaderEpoch: epoch, endOffset } = topics[0]!.partitions[0]!;
    return [errorCode, epoch, endOffset];
  };
  deepEqual(await ask(0), [0, 0, 4]);
  deepEqual(await ask(1), [0, -1, -1]);
  deepEqual(await ask(0, 5), [75, -1, -1]);
  deepEqual(await ask(0, -1, 7), [3, -1, -1]);
});
