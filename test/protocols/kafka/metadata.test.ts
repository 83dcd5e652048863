import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { describeClusterApi } from "../../../src/protocols/kafka/wire/messages/describe_cluster.ts";
import { describeTopicPartitionsApi } from "../../../src/protocols/kafka/wire/messages/describe_topic_partitions.ts";
import { findCoordinatorApi } from "../../../src/protocols/kafka/wire/messages/find_coordinator.ts";
import { metadataApi } from "../../../src/protocols/kafka/wire/messages/metadata.ts";
import type { MessageValue } from "../../../src/schema/message_schema.ts";
import { openKafka } from "./kafka_fixture.ts";

type Page = MessageValue<typeof describeTopicPartitionsApi.response>;

const named = (...names: string[]) => ({
  topics: names.map((name) => ({ name })),
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
});

test("Metadata tells node, controller, cluster and the topics that were asked for", async () => {
  await using kafka = await openKafka();
  const { topicId } = await kafka.broker.createTopic("orders", { partitions: 2 });
  const answer = await kafka.call(metadataApi, 12, { ...named("orders"), includeTopicAuthorizedOperations: true });
  deepEqual(answer.brokers, [{ nodeId: 1, host: "broker.test", port: 9092, rack: null }]);
  equal(answer.controllerId, 1);
  match(answer.clusterId!, /^[\w-]{22}$/);
  const partition = (partitionIndex: number) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: 1,
    leaderEpoch: 0,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  });
  deepEqual(answer.topics, [{
    errorCode: 0,
    name: "orders",
    topicId,
    isInternal: false,
    partitions: [partition(0), partition(1)],
    topicAuthorizedOperations: 0b1101_1111_1000,
  }]);
  equal(answer.clusterAuthorizedOperations, -2_147_483_648);
});

test("no list is all topics, an empty one none; in version 0 an empty one is all", async () => {
  await using kafka = await openKafka();
  for (const name of ["b", "a"]) await kafka.broker.createTopic(name);
  await kafka.call(findCoordinatorApi, 0, { key: "group", coordinatorKeys: [] });
  const names = async (version: number, topics: null | []) => {
    const answer = await kafka.call(metadataApi, version, { ...named(), topics });
    return answer.topics.map(({ name, isInternal }) => `${name} ${isInternal}`);
  };
  deepEqual(await names(1, null), ["__consumer_offsets true", "a false", "b false"]);
  deepEqual(await names(1, []), []);
  deepEqual((await names(0, [])).length, 3);
});

test("a topic that is named twice is told once", async () => {
  await using kafka = await openKafka();
  await kafka.broker.createTopic("a");
  const answer = await kafka.call(metadataApi, 9, named("a", "b", "a"));
  deepEqual(answer.topics.map(({ name }) => name), ["a", "b"]);
});

test("a missing topic is made where client and broker want it", async () => {
  await using kafka = await openKafka({ partitionsDefault: 3 });
  const ask = async (version: number, name: string, allowAutoTopicCreation?: boolean) => {
    const answer = await kafka.call(metadataApi, version, { ...named(name), allowAutoTopicCreation });
    return [answer.topics[0]!.errorCode, answer.topics[0]!.partitions.length];
  };
  deepEqual(await ask(4, "a", false), [3, 0]);
  deepEqual(await ask(4, "a", true), [0, 3]);
  deepEqual(await ask(3, "b"), [0, 3]);
  deepEqual(await ask(9, "b"), [0, 3]);
  deepEqual(await ask(9, "no good"), [17, 0]);
  deepEqual(await ask(9, "__consumer_offsets"), [3, 0]);
  await using closed = await openKafka({ autoCreate: false });
  const answer = await closed.call(metadataApi, 9, named("a"));
  equal(answer.topics[0]!.errorCode, 3);
});

test("topics are looked up by id from version 12 on", async () => {
  await using kafka = await openKafka();
  const { topicId } = await kafka.broker.createTopic("orders");
  const ask = async (version: number, id: string) => {
    const topics = [{ name: null, topicId: id }];
    const answer = await kafka.call(metadataApi, version, { ...named(), topics });
    return answer.topics.map(({ errorCode, name }) => [errorCode, name]);
  };
  deepEqual(await ask(12, topicId), [[0, "orders"]]);
  deepEqual(await ask(12, "AAAAAAAAAAAAAAAAAAAABQ"), [[100, null]]);
  deepEqual(await ask(11, topicId), [[42, ""]]);
});

test("DescribeCluster answers for brokers only", async () => {
  await using kafka = await openKafka();
  const ask = (endpointType: number) =>
    kafka.call(describeClusterApi, 1, {
      endpointType,
      includeClusterAuthorizedOperations: true,
      includeFencedBrokers: false,
    });
  const answer = await ask(1);
  deepEqual(answer.brokers, [{ brokerId: 1, host: "broker.test", port: 9092, rack: null, isFenced: false }]);
  deepEqual([answer.errorCode, answer.controllerId, answer.clusterAuthorizedOperations], [0, 1, 0b1_1111_1010_0000]);
  deepEqual([(await ask(2)).errorCode, (await ask(3)).errorCode], [114, 115]);
});

test("DescribeTopicPartitions goes on at its cursor until everything is told", async () => {
  await using kafka = await openKafka();
  await kafka.broker.createTopic("a", { partitions: 3 });
  await kafka.broker.createTopic("b", { partitions: 2 });
  const told: string[] = [];
  let cursor: { topicName: string; partitionIndex: number } | null = null;
  for (let page = 0; page === 0 || cursor !== null; page += 1) {
    const answer: Page = await kafka.call(describeTopicPartitionsApi, 0, {
      topics: [],
      responsePartitionLimit: 2,
      cursor,
    });
    for (const topic of answer.topics) {
      told.push(...topic.partitions.map(({ partitionIndex }) => `${page} ${topic.name}-${partitionIndex}`));
    }
    cursor = answer.nextCursor;
  }
  deepEqual(told, ["0 a-0", "0 a-1", "1 a-2", "1 b-0", "2 b-1"]);
  const missing = await kafka.call(describeTopicPartitionsApi, 0, { topics: [{ name: "c" }, { name: "b" }] });
  deepEqual(missing.topics.map(({ name, errorCode }) => [name, errorCode]), [["b", 0], ["c", 3]]);
});
