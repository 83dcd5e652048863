import { deepEqual, equal, notEqual } from "node:assert/strict";
import { test } from "node:test";
import { fetchApi } from "../../../src/protocols/kafka/wire/messages/fetch.ts";
import type { MessageInput } from "../../../src/schema/message_schema.ts";
import { produce } from "../../broker/broker_fixture.ts";
import { type KafkaFixture, openKafka } from "./kafka_fixture.ts";

type FetchInput = MessageInput<typeof fetchApi.request>;

async function open(): Promise<KafkaFixture> {
  const kafka = await openKafka();
  await kafka.broker.createTopic("orders", { partitions: 4 });
  return kafka;
}

function request(
  partitions: readonly (readonly [partition: number, offset: number])[],
  more: Partial<FetchInput> = {},
) {
  const asked = partitions.map(([partition, fetchOffset]) => ({
    partition,
    fetchOffset,
    partitionMaxBytes: 1_000_000,
  }));
  return {
    maxWaitMs: 0,
    minBytes: 1,
    forgottenTopicsData: [],
    topics: asked.length === 0 ? [] : [{ topic: "orders", partitions: asked }],
    ...more,
  };
}

/** Which partitions are told, with the end of their data. */
async function told(kafka: KafkaFixture, input: FetchInput) {
  const { errorCode, sessionId, responses } = await kafka.call(fetchApi, 12, input);
  const partitions = responses.flatMap((topic) =>
    topic.partitions.map((
      one,
    ) => [one.partitionIndex, one.errorCode, one.highWatermark, (one.records?.length ?? 0) > 0])
  );
  return { errorCode, sessionId, partitions };
}

test("a session tells everything first, then only what has changed, and takes changes of what is asked", async () => {
  await using kafka = await open();
  await produce(kafka.broker, "orders", "a", 0);
  const first = await told(kafka, request([[0, 0], [1, 0], [2, 0]], { sessionEpoch: 0 }));
  deepEqual(first.partitions, [[0, 0, 1, true], [1, 0, 0, false], [2, 0, 0, false]]);
  const { sessionId } = first;
  notEqual(sessionId, 0);
  const next = (sessionEpoch: number, partitions: [number, number][] = [], more: Partial<FetchInput> = {}) =>
    told(kafka, request(partitions, { sessionId, sessionEpoch, ...more }));

  deepEqual(await next(1, [[0, 1]]), { errorCode: 0, sessionId, partitions: [] });
  await produce(kafka.broker, "orders", "b", 1);
  deepEqual((await next(2)).partitions, [[1, 0, 1, true]]);
  // It did not move its offset: it gets the same again.
  deepEqual((await next(3)).partitions, [[1, 0, 1, true]]);
  deepEqual((await next(4, [[1, 1], [3, 0]])).partitions, [[3, 0, 0, false]]);
  await produce(kafka.broker, "orders", "c", 2);
  await produce(kafka.broker, "orders", "d", 3);
  const forgottenTopicsData = [{ topic: "orders", partitions: [2] }];
  deepEqual((await next(5, [], { forgottenTopicsData })).partitions, [[3, 0, 1, true]]);
  equal(kafka.fetchSessions.partitionCount, 3);
});

test("what brought records is read last the next time", async () => {
  await using kafka = await open();
  for (const partition of [0, 1]) await produce(kafka.broker, "orders", "a", partition);
  const { sessionId } = await told(kafka, request([[0, 0], [1, 0]], { sessionEpoch: 0, maxBytes: 1 }));
  const next = (sessionEpoch: number) => told(kafka, request([], { sessionId, sessionEpoch, maxBytes: 1 }));
  // One batch fits into each answer: partition 0 had its turn.
  deepEqual((await next(1)).partitions, [[1, 0, 1, true]]);
  deepEqual((await next(2)).partitions, [[0, 0, 1, true]]);
});

test("an error is told each time, and what follows it anew", async () => {
  await using kafka = await open();
  const { sessionId, partitions } = await told(kafka, request([[0, 0], [1, 5]], { sessionEpoch: 0 }));
  deepEqual(partitions, [[0, 0, 0, false], [1, 1, -1, false]]);
  const next = (sessionEpoch: number, asked: [number, number][]) =>
    told(kafka, request(asked, { sessionId, sessionEpoch }));
  deepEqual((await next(1, [])).partitions, [[1, 1, -1, false]]);
  deepEqual((await next(2, [[1, 0]])).partitions, [[1, 0, 0, false]]);
  deepEqual((await next(3, [])).partitions, []);
});

test("a wrong epoch is 71, another way to name topics 106, and neither costs the session", async () => {
  await using kafka = await open();
  const { sessionId } = await told(kafka, request([[0, 0]], { sessionEpoch: 0 }));
  equal((await told(kafka, request([], { sessionId, sessionEpoch: 2 }))).errorCode, 71);
  const byId = await kafka.call(fetchApi, 13, request([], { sessionId, sessionEpoch: 1 }));
  equal(byId.errorCode, 106);
  equal((await told(kafka, request([], { sessionId, sessionEpoch: 1 }))).errorCode, 0);
});

test("a session ends when its client says so, begins anew, or asks for nothing more", async () => {
  await using kafka = await open();
  const begin = async (sessionId = 0) =>
    (await told(kafka, request([[0, 0]], { sessionId, sessionEpoch: 0 }))).sessionId;
  const first = await begin();
  const second = await begin(first);
  equal((await told(kafka, request([], { sessionId: first, sessionEpoch: 1 }))).errorCode, 70);
  const closed = await told(kafka, request([[0, 0]], { sessionId: second, sessionEpoch: -1 }));
  deepEqual([closed.sessionId, closed.partitions.length], [0, 1]);
  const third = await begin();
  const forgottenTopicsData = [{ topic: "orders", partitions: [0] }];
  const empty = await told(kafka, request([], { sessionId: third, sessionEpoch: 1, forgottenTopicsData }));
  deepEqual(empty, { errorCode: 0, sessionId: 0, partitions: [] });
  deepEqual([kafka.fetchSessions.sessionCount, kafka.fetchSessions.partitionCount], [0, 0]);
});

test("there are only so many: a new one gets none until another was not used for two minutes", async () => {
  await using kafka = await open();
  const begin = async (count = 1) => {
    const asked = Array.from({ length: count }, (_, partition): [number, number] => [partition % 4, 0]);
    return (await told(kafka, request(asked, { sessionEpoch: 0 }))).sessionId;
  };
  const first = await begin();
  const second = await begin();
  equal(await begin(), 0);
  kafka.clock.advance(60_000);
  await told(kafka, request([], { sessionId: first, sessionEpoch: 1 }));
  kafka.clock.advance(60_001);
  notEqual(await begin(), 0);
  equal((await told(kafka, request([], { sessionId: first, sessionEpoch: 2 }))).errorCode, 0);
  equal((await told(kafka, request([], { sessionId: second, sessionEpoch: 1 }))).errorCode, 70);
  equal(kafka.fetchSessions.sessionCount, 2);
});
