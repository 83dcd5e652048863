/** The group APIs as frames, in all their versions, over a real broker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Broker } from "../../../../src/broker/broker.ts";
import { writeAssignment, writeSubscription } from "../../../../src/broker/groups/consumer_protocol.ts";
import { concatBytes } from "../../../../src/bytes/concat.ts";
import { HandlerRegistry } from "../../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../../../src/protocols/kafka/kafka_session.ts";
import type { KafkaApi } from "../../../../src/protocols/kafka/wire/api.ts";
import { deleteGroupsApi } from "../../../../src/protocols/kafka/wire/messages/delete_groups.ts";
import { describeGroupsApi } from "../../../../src/protocols/kafka/wire/messages/describe_groups.ts";
import { findCoordinatorApi } from "../../../../src/protocols/kafka/wire/messages/find_coordinator.ts";
import { heartbeatApi } from "../../../../src/protocols/kafka/wire/messages/heartbeat.ts";
import { joinGroupApi } from "../../../../src/protocols/kafka/wire/messages/join_group.ts";
import { leaveGroupApi } from "../../../../src/protocols/kafka/wire/messages/leave_group.ts";
import { listGroupsApi } from "../../../../src/protocols/kafka/wire/messages/list_groups.ts";
import { offsetCommitApi } from "../../../../src/protocols/kafka/wire/messages/offset_commit.ts";
import { offsetDeleteApi } from "../../../../src/protocols/kafka/wire/messages/offset_delete.ts";
import { offsetFetchApi } from "../../../../src/protocols/kafka/wire/messages/offset_fetch.ts";
import { syncGroupApi } from "../../../../src/protocols/kafka/wire/messages/sync_group.ts";
import type { AnySchema, MessageValue } from "../../../../src/schema/message_schema.ts";
import { SchemaReader } from "../../../../src/schema/schema_reader.ts";
import { openBroker } from "../../../broker/broker_fixture.ts";
import type { OpenedBroker } from "../../../broker/broker_fixture.ts";
import { requestFrame } from "../request_frame.ts";

const NO_BYTES = new Uint8Array(0);

interface Opened {
  readonly opened: OpenedBroker;
  readonly broker: Broker;
  readonly session: () => KafkaSession;
}

async function open(): Promise<Opened> {
  const opened = await openBroker({ groups: { initialRebalanceDelayMs: 0, offsetsTopicPartitions: 1 } });
  const { broker, clock } = opened;
  broker.setEndpoints({ id: 1, host: "broker.test", port: 9092, http: null });
  await broker.createTopic("t", { partitions: 2 });
  const registry = new HandlerRegistry(KAFKA_HANDLERS);
  const services = { broker, clock, nodeId: 1, onInternalError: (error: Error) => assert.fail(String(error.cause)) };
  return { opened, broker, session: () => new KafkaSession(services, registry, "127.0.0.1:5") };
}

/** Length, correlation id, and in flexible versions a byte of tags. */
async function ask<Q extends AnySchema, A extends AnySchema>(
  session: KafkaSession,
  api: KafkaApi<Q, A>,
  version: number,
  request: Readonly<Record<string, unknown>>,
): Promise<MessageValue<A>> {
  // What a version does not have is left out, which the type of all versions together cannot say.
  const slices = await session.handle(requestFrame(api, version, request as never).subarray(4));
  const bytes = concatBytes([...slices!]).subarray(4 + (api.request.isFlexible(version) ? 5 : 4));
  const reader = new SchemaReader(bytes);
  const answer = api.response.read(reader, version) as MessageValue<A>;
  assert.equal(reader.fault, null);
  assert.equal(reader.left, 0);
  return answer;
}

const JOIN = {
  groupId: "g",
  sessionTimeoutMs: 10_000,
  memberId: "",
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: writeSubscription(["t"]) }],
};

async function join(session: KafkaSession, version: number): Promise<{ memberId: string; generationId: number }> {
  const request = version === 0 ? JOIN : { ...JOIN, rebalanceTimeoutMs: 5_000 };
  let answer = await ask(session, joinGroupApi, version, request);
  if (version >= 4) {
    assert.equal(answer.errorCode, 79);
    assert.equal(answer.generationId, -1);
    assert.match(answer.memberId, /^test-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    answer = await ask(session, joinGroupApi, version, { ...request, memberId: answer.memberId });
  }
  assert.equal(answer.errorCode, 0);
  assert.equal(answer.protocolName, "range");
  if (version >= 7) assert.equal(answer.protocolType, "consumer");
  assert.equal(answer.leader, answer.memberId);
  assert.deepEqual(answer.members.map(({ memberId }) => memberId), [answer.memberId]);
  assert.deepEqual([...answer.members[0]!.metadata], [...writeSubscription(["t"])]);
  return answer;
}

test("a member's life in every version of JoinGroup, SyncGroup, Heartbeat and LeaveGroup", async () => {
  const { opened, session } = await open();
  await using _ = opened;
  for (let version = 0; version <= 9; version++) {
    const connection = session();
    const { memberId, generationId } = await join(connection, version);
    const capped = (most: number) => Math.min(version, most);
    const assignment = writeAssignment([{ topic: "t", partition: 0 }]);
    const synced = await ask(connection, syncGroupApi, capped(5), {
      groupId: "g",
      generationId,
      memberId,
      assignments: [{ memberId, assignment }],
    });
    assert.deepEqual([synced.errorCode, [...synced.assignment]], [0, [...assignment]]);
    assert.equal(
      (await ask(connection, heartbeatApi, capped(4), { groupId: "g", generationId, memberId })).errorCode,
      0,
    );
    const stale = { groupId: "g", generationId: generationId - 1, memberId };
    assert.equal((await ask(connection, heartbeatApi, capped(4), stale)).errorCode, 22);
    const isBatch = capped(5) >= 3;
    const leaving = isBatch ? { groupId: "g", members: [{ memberId }, { memberId: "x" }] } : { groupId: "g", memberId };
    const left = await ask(connection, leaveGroupApi, capped(5), leaving);
    assert.equal(left.errorCode, 0);
    assert.deepEqual(left.members.map(({ errorCode }) => errorCode), isBatch ? [0, 25] : []);
    const again = await ask(connection, leaveGroupApi, capped(5), leaving);
    assert.deepEqual(
      [again.errorCode, again.members.map(({ errorCode }) => errorCode)],
      isBatch ? [0, [25, 25]] : [25, []],
    );
  }
});

test("OffsetCommit and OffsetFetch in every version, by name and by id", async () => {
  const { opened, broker, session } = await open();
  await using _ = opened;
  const topicId = broker.describeTopic("t")!.topicId;
  const unknownId = "AAAAAAAAAAAAAAAAAAAAAQ";
  for (let version = 2; version <= 10; version++) {
    const partitions = [{
      partitionIndex: 0,
      committedOffset: version,
      committedMetadata: version === 5 ? null : `v${version}`,
    }, {
      partitionIndex: 9,
      committedOffset: 1,
      committedMetadata: "",
    }];
    const topics = version >= 10
      ? [{ topicId, partitions }, { topicId: unknownId, partitions }]
      : [{ name: "t", partitions }];
    const committed = await ask(session(), offsetCommitApi, version, { groupId: "g", topics });
    assert.deepEqual(committed.topics[0]!.partitions.map(({ errorCode }) => errorCode), [0, 3]);
    if (version >= 10) assert.deepEqual(committed.topics[1]!.partitions.map(({ errorCode }) => errorCode), [100, 100]);
    const member = { groupId: "gone", generationIdOrMemberEpoch: 3, memberId: "m", topics };
    const refused = await ask(session(), offsetCommitApi, version, member);
    assert.equal(refused.topics[0]!.partitions[0]!.errorCode, version >= 9 ? 69 : 22);
  }
  for (let version = 1; version <= 10; version++) {
    const topics = version >= 10 ? [{ topicId, partitionIndexes: [0, 1] }] : [{ name: "t", partitionIndexes: [0, 1] }];
    for (const wanted of version === 1 ? [topics] : [topics, null]) {
      const request = version >= 8 ? { groups: [{ groupId: "g", topics: wanted }] } : { groupId: "g", topics: wanted };
      const answer = await ask(session(), offsetFetchApi, version, request);
      const group = version >= 8 ? answer.groups[0]! : answer;
      assert.equal(group.errorCode, 0);
      const [topic] = group.topics;
      assert.equal(
        version >= 10 ? (topic as { topicId?: string }).topicId : topic!.name,
        version >= 10 ? topicId : "t",
      );
      const found = topic!.partitions.map((
        each,
      ) => [each.partitionIndex, each.committedOffset, each.metadata, each.errorCode]);
      assert.deepEqual(found, wanted === null ? [[0, 10, "v10", 0]] : [[0, 10, "v10", 0], [1, -1, "", 0]]);
    }
  }
  const empty = await ask(session(), offsetFetchApi, 8, { groups: [{ groupId: "", topics: null }] });
  assert.equal(empty.groups[0]!.errorCode, 24);
});

test("FindCoordinator in every version", async () => {
  const { opened, session } = await open();
  await using _ = opened;
  for (let version = 0; version <= 6; version++) {
    const request = version >= 4 ? { keyType: 0, coordinatorKeys: ["g", "h"] } : { key: "g" };
    const answer = await ask(session(), findCoordinatorApi, version, request);
    const found = version >= 4 ? answer.coordinators : [answer];
    assert.deepEqual(
      found.map(({ nodeId, host, port, errorCode }) => [nodeId, host, port, errorCode]),
      found.map(() => [1, "broker.test", 9092, 0]),
    );
    assert.equal(found.length, version >= 4 ? 2 : 1);
    if (version === 0) continue;
    const share = version >= 4 ? { keyType: 2, coordinatorKeys: ["g"] } : { keyType: 2, key: "g" };
    const refused = await ask(session(), findCoordinatorApi, version, share);
    const [one] = version >= 4 ? refused.coordinators : [refused];
    assert.deepEqual([one!.errorCode, one!.nodeId, one!.port], [42, -1, -1]);
  }
});

test("ListGroups, DescribeGroups, OffsetDelete and DeleteGroups in every version", async () => {
  const { opened, session } = await open();
  await using _ = opened;
  const { memberId, generationId } = await join(session(), 9);
  const assignment = writeAssignment([{ topic: "t", partition: 1 }]);
  await ask(session(), syncGroupApi, 5, {
    groupId: "g",
    generationId,
    memberId,
    assignments: [{ memberId, assignment }],
  });
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }];
  await ask(session(), offsetCommitApi, 2, { groupId: "empty", topics: [{ name: "t", partitions }] });
  for (let version = 0; version <= 5; version++) {
    const all = await ask(session(), listGroupsApi, version, {});
    assert.deepEqual(all.groups.map(({ groupId, protocolType }) => [groupId, protocolType]), [["empty", ""], [
      "g",
      "consumer",
    ]]);
    if (version < 4) continue;
    const stable = await ask(session(), listGroupsApi, version, { statesFilter: ["STABLE"] });
    assert.deepEqual(stable.groups.map(({ groupId, groupState }) => [groupId, groupState]), [["g", "Stable"]]);
    if (version < 5) continue;
    assert.deepEqual(stable.groups.map(({ groupType }) => groupType), ["classic"]);
    assert.deepEqual((await ask(session(), listGroupsApi, version, { typesFilter: ["share"] })).groups, []);
  }
  for (let version = 0; version <= 6; version++) {
    const { groups } = await ask(session(), describeGroupsApi, version, { groups: ["g", "nothing"] });
    assert.deepEqual(groups.map(({ groupState, errorCode }) => [groupState, errorCode]), [
      ["Stable", 0],
      ["Dead", version >= 6 ? 69 : 0],
    ]);
    const [member] = groups[0]!.members;
    assert.deepEqual([member!.memberId, member!.clientId, member!.clientHost], [memberId, "test", "/127.0.0.1"]);
    assert.deepEqual([[...member!.memberAssignment], groups[0]!.protocolData], [[...assignment], "range"]);
  }
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }];
  const deletions = async (groupId: string) => {
    const { errorCode, topics: answered } = await ask(session(), offsetDeleteApi, 0, { groupId, topics });
    return [errorCode, ...answered.flatMap((topic) => topic.partitions.map((partition) => partition.errorCode))];
  };
  assert.deepEqual(await deletions("g"), [0, 86, 3]);
  assert.deepEqual(await deletions("nothing"), [69]);
  assert.deepEqual(await deletions("empty"), [0, 0, 3]);
  for (let version = 0; version <= 2; version++) {
    await ask(session(), offsetCommitApi, 2, { groupId: "empty", topics: [{ name: "t", partitions }] });
    const { results } = await ask(session(), deleteGroupsApi, version, { groupsNames: ["empty", "g", "nothing"] });
    assert.deepEqual(results.map(({ groupId, errorCode }) => [groupId, errorCode]), [["empty", 0], ["g", 68], [
      "nothing",
      69,
    ]]);
  }
});

test("a member whose connection ends while it waits is answered, and the group goes on", async () => {
  const { opened, session } = await open();
  await using _ = opened;
  const first = session();
  const { memberId, generationId } = await join(first, 9);
  const second = session();
  const { memberId: otherId } = await ask(second, joinGroupApi, 9, JOIN);
  const waiting = ask(second, joinGroupApi, 9, { ...JOIN, memberId: otherId });
  second.endWaits();
  assert.equal((await waiting).errorCode, 16);
  assert.equal((await ask(first, heartbeatApi, 4, { groupId: "g", generationId, memberId })).errorCode, 27);
  const again = await ask(first, joinGroupApi, 9, { ...JOIN, memberId });
  assert.deepEqual(again.members.map((member) => member.memberId), [memberId, otherId]);
  const synced = await ask(session(), syncGroupApi, 5, { groupId: "g", generationId: 1, memberId, assignments: [] });
  assert.deepEqual([synced.errorCode, [...synced.assignment]], [22, [...NO_BYTES]]);
});
