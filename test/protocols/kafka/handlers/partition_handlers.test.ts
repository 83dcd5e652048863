/** DeleteRecords, DescribeLogDirs, ElectLeaders and ListPartitionReassignments, as frames over a broker in memory. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { deleteRecordsApi } from "../../../../src/protocols/kafka/wire/messages/delete_records.ts";
import { describeLogDirsApi } from "../../../../src/protocols/kafka/wire/messages/describe_log_dirs.ts";
import { electLeadersApi } from "../../../../src/protocols/kafka/wire/messages/elect_leaders.ts";
import { findCoordinatorApi } from "../../../../src/protocols/kafka/wire/messages/find_coordinator.ts";
import { listPartitionReassignmentsApi } from "../../../../src/protocols/kafka/wire/messages/list_partition_reassignments.ts";
import { IN_DIRECTORIES, openBroker, produce } from "../../../broker/broker_fixture.ts";
import { openAdminSession } from "./admin_session.ts";

type Offsets = readonly (readonly [number, number])[];

test("DeleteRecords deletes before an offset, at its bounds and not beside them, in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  for (let count = 0; count < 10; count++) await produce(session.broker, "orders", `value ${count}`);
  const ask = async (version: number, offset: number) => {
    const topics = [{ name: "orders", partitions: [{ partitionIndex: 0, offset }] }];
    const answer = await session.ask(deleteRecordsApi, version, { topics, timeoutMs: 1_000 });
    const { lowWatermark, errorCode } = answer.topics[0]!.partitions[0]!;
    return [lowWatermark, errorCode];
  };
  deepEqual(await ask(0, 0), [0, 0]);
  deepEqual(await ask(1, 3), [3, 0]);
  deepEqual(await ask(2, 3), [3, 0]);
  // What is gone is gone: an offset before the start is no fault.
  deepEqual(await ask(2, 2), [3, 0]);
  deepEqual(await ask(2, 11), [-1, 1]);
  deepEqual(await ask(2, -2), [-1, 1]);
  deepEqual(await ask(2, 9), [9, 0]);
  deepEqual(await ask(2, 10), [10, 0]);
  await produce(session.broker, "orders", "one more");
  deepEqual(await ask(2, -1), [11, 0]);
  equal(session.broker.describeTopic("orders")!.partitions[0]!.start, 11);
});

test("DeleteRecords answers each partition once, with its own fault", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders", { partitions: 2 });
  await produce(session.broker, "orders", "value", 1);
  // A coordinator that is asked for makes the topic that it keeps its groups in.
  await session.ask(findCoordinatorApi, 3, { key: "group", keyType: 0, coordinatorKeys: [] });
  await session.broker.createTopic("compacted", { config: { "cleanup.policy": "compact" } });
  const ask = (name: string, ...offsets: Offsets) => ({
    name,
    partitions: offsets.map(([partitionIndex, offset]) => ({ partitionIndex, offset })),
  });
  const { topics } = await session.ask(deleteRecordsApi, 2, {
    topics: [
      ask("orders", [0, 0], [1, 0], [2, 0], [-1, 0]),
      ask("none", [0, 0]),
      ask("a b", [0, 0]),
      ask("__consumer_offsets", [0, 0], [99, 0]),
      ask("__transaction_state", [0, 0]),
      ask("compacted", [0, 0]),
      ask("orders", [1, 1]),
      ask("nothing"),
    ],
    timeoutMs: 0,
  });
  const answers = topics.map(({ name, partitions }) => [
    name,
    partitions.map((answer) => [answer.partitionIndex, answer.lowWatermark, answer.errorCode]),
  ]);
  deepEqual(answers, [
    ["orders", [[0, 0, 0], [1, 1, 0], [2, -1, 3], [-1, -1, 3]]],
    ["none", [[0, -1, 3]]],
    ["a b", [[0, -1, 3]]],
    ["__consumer_offsets", [[0, -1, 17], [99, -1, 3]]],
    ["__transaction_state", [[0, -1, 3]]],
    ["compacted", [[0, -1, 44]]],
  ]);
  deepEqual((await session.ask(deleteRecordsApi, 2, { topics: [], timeoutMs: 1 })).topics, []);
});

test("DeleteRecords of a partition that is offline is a storage error", async () => {
  await using first = await openBroker(IN_DIRECTORIES);
  await first.broker.createTopic("orders");
  const damaged = first.disk.crash("kill");
  await damaged.remove("/data/orders-0/partition.metadata");
  await using session = await openAdminSession({}, damaged);
  const topics = [{ name: "orders", partitions: [{ partitionIndex: 0, offset: 0 }] }];
  const answer = await session.ask(deleteRecordsApi, 2, { topics, timeoutMs: 1_000 });
  deepEqual(answer.topics[0]!.partitions, [{ partitionIndex: 0, lowWatermark: -1, errorCode: 56 }]);
  deepEqual(session.internal, []);
});

test("DescribeLogDirs tells the sizes of all partitions, or of those that are asked for, in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders", { partitions: 2 });
  await session.broker.createTopic("other");
  await produce(session.broker, "orders", "value", 1);
  const { bytes } = session.broker.describeTopic("orders")!.partitions[1]!;
  ok(bytes > 0);
  for (let version = 1; version <= 5; version++) {
    const answer = await session.ask(describeLogDirsApi, version, { topics: null });
    const [{ topics, ...directory }] = answer.results as unknown as [(typeof answer.results)[number]];
    deepEqual([answer.errorCode, answer.results.length], [0, 1]);
    deepEqual(directory, {
      errorCode: 0,
      logDir: "/data",
      totalBytes: -1,
      usableBytes: version < 4 ? -1 : Number.MAX_SAFE_INTEGER,
      isCordoned: false,
    });
    deepEqual(topics.map(({ name }) => name), ["orders", "other"]);
    deepEqual(topics[0]!.partitions, [
      { partitionIndex: 0, partitionSize: 0, offsetLag: 0, isFutureKey: false },
      { partitionIndex: 1, partitionSize: bytes, offsetLag: 0, isFutureKey: false },
    ]);
  }
  const asked = async (topics: readonly { topic: string; partitions: readonly number[] }[]) =>
    (await session.ask(describeLogDirsApi, 5, { topics })).results[0]!.topics.map(({ name, partitions }) => [
      name,
      ...partitions.map(({ partitionIndex }) => partitionIndex),
    ]);
  deepEqual(await asked([]), []);
  deepEqual(await asked([{ topic: "orders", partitions: [] }]), []);
  deepEqual(await asked([{ topic: "orders", partitions: [1, 1, 9, -1] }, { topic: "none", partitions: [0] }]), [
    ["orders", 1],
  ]);
  deepEqual(await asked([{ topic: "orders", partitions: [1] }, { topic: "orders", partitions: [0] }]), [
    ["orders", 0, 1],
  ]);
});

test("DescribeLogDirs leaves out a partition whose size nobody knows", async () => {
  await using first = await openBroker(IN_DIRECTORIES);
  await first.broker.createTopic("orders", { partitions: 2 });
  const damaged = first.disk.crash("kill");
  await damaged.remove("/data/orders-0/partition.metadata");
  await using session = await openAdminSession({}, damaged);
  const { results: [directory] } = await session.ask(describeLogDirsApi, 5, { topics: null });
  deepEqual(directory!.topics.map(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex)), [[1]]);
});

test("ElectLeaders finds that there is nothing to elect, in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  const notNeeded = "Leader election not needed for topic partition.";
  for (let version = 0; version <= 2; version++) {
    const answer = await session.ask(electLeadersApi, version, {
      ...(version === 0 ? { electionType: 0 } : { electionType: 1 }),
      topicPartitions: [{ topic: "orders", partitions: [0, 0, 9, -1] }, { topic: "none", partitions: [0] }],
      timeoutMs: 1_000,
    });
    deepEqual([answer.errorCode, answer.replicaElectionResults], [0, [
      {
        topic: "orders",
        partitionResult: [
          { partitionId: 0, errorCode: 84, errorMessage: notNeeded },
          { partitionId: 0, errorCode: 84, errorMessage: notNeeded },
          { partitionId: 9, errorCode: 3, errorMessage: "No such partition as orders-9" },
          { partitionId: -1, errorCode: 3, errorMessage: "No such partition as orders--1" },
        ],
      },
      { topic: "none", partitionResult: [{ partitionId: 0, errorCode: 3, errorMessage: "No such topic as none" }] },
    ]]);
    const all = await session.ask(electLeadersApi, version, { electionType: 0, topicPartitions: null });
    deepEqual(all.replicaElectionResults, [{ topic: "orders", partitionResult: [] }]);
  }
});

test("ElectLeaders of a type that there is not is refused as a whole", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  for (const electionType of [2, -1]) {
    const topicPartitions = [{ topic: "orders", partitions: [0] }];
    const answer = await session.ask(electLeadersApi, 2, { electionType, topicPartitions });
    const errorMessage = `Unknown election type ${electionType}`;
    deepEqual([answer.errorCode, answer.replicaElectionResults[0]!.partitionResult], [42, [
      { partitionId: 0, errorCode: 42, errorMessage },
    ]]);
    const all = await session.ask(electLeadersApi, 1, { electionType, topicPartitions: null });
    deepEqual([all.errorCode, all.replicaElectionResults], [42, []]);
  }
});

test("ElectLeaders without time is a time-out, in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  for (let version = 0; version <= 2; version++) {
    const topicPartitions = [{ topic: "orders", partitions: [0] }];
    const answer = await session.ask(electLeadersApi, version, { electionType: 0, topicPartitions, timeoutMs: 0 });
    deepEqual([answer.errorCode, answer.replicaElectionResults[0]!.partitionResult], [version === 0 ? 0 : 7, [
      { partitionId: 0, errorCode: 7, errorMessage: null },
    ]]);
  }
});

test("ElectLeaders finds no leader for a partition that is offline", async () => {
  await using first = await openBroker(IN_DIRECTORIES);
  await first.broker.createTopic("orders");
  const damaged = first.disk.crash("kill");
  await damaged.remove("/data/orders-0/partition.metadata");
  await using session = await openAdminSession({}, damaged);
  for (const [electionType, errorCode] of [[0, 80], [1, 83]] as const) {
    const topicPartitions = [{ topic: "orders", partitions: [0] }];
    const answer = await session.ask(electLeadersApi, 2, { electionType, topicPartitions });
    equal(answer.replicaElectionResults[0]!.partitionResult[0]!.errorCode, errorCode);
  }
});

test("ListPartitionReassignments lists nothing", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  for (
    const topics of [null, [], [{ name: "orders", partitionIndexes: [0] }, { name: "none", partitionIndexes: [0] }]]
  ) {
    const answer = await session.ask(listPartitionReassignmentsApi, 0, { topics });
    deepEqual(answer, { throttleTimeMs: 0, errorCode: 0, errorMessage: null, topics: [] });
  }
});
