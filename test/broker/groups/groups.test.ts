import assert from "node:assert/strict";
import { test } from "node:test";
import type { Broker } from "../../../src/broker/broker.ts";
import type { BrokerOptions } from "../../../src/broker/broker_options.ts";
import { writeAssignment, writeSubscription } from "../../../src/broker/groups/consumer_protocol.ts";
import type { GroupsApi, JoinGroupRequest } from "../../../src/broker/groups/groups_api.ts";
import type { JoinAnswer, MemberClaim } from "../../../src/broker/groups/group_types.ts";
import { OFFSETS_TOPIC } from "../../../src/broker/internal_topics.ts";
import { openBroker, produce, values } from "../broker_fixture.ts";
import type { OpenedBroker } from "../broker_fixture.ts";
import type { ManualClock } from "../../manual_clock.ts";

const OPTIONS: Partial<BrokerOptions> = {
  partitionsDefault: 4,
  groups: {
    initialRebalanceDelayMs: 0,
    offsetsTopicPartitions: 2,
    expiryCheckMs: 60_000,
    offsetsRetentionMs: 3_600_000,
  },
};
const NOBODY: MemberClaim = { memberId: "", instanceId: null, generation: -1 };

function joinRequest(memberId = "", changes: Partial<JoinGroupRequest> = {}): JoinGroupRequest {
  return {
    memberId,
    instanceId: null,
    clientId: "client",
    clientHost: "/127.0.0.1",
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: writeSubscription(["t"]) }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: true,
    ...changes,
  };
}

function position(topic: string, partition: number, offset: number, metadata = "") {
  return { topic, partition, offset, leaderEpoch: -1, metadata };
}

async function commit(groups: GroupsApi, groupId: string, claim: MemberClaim, partition: number, offset: number) {
  const [outcome] = await groups.commitOffsets(groupId, claim, [position("t", partition, offset)]);
  return outcome!.error;
}

function offsetOf(groups: GroupsApi, groupId: string, partition: number): number | null {
  const fetched = groups.fetchOffsets(groupId, [{ topic: "t", partition }]);
  assert.equal(fetched.error, null);
  return fetched.offsets[0]!.committed?.offset ?? null;
}

/** One member alone, in a generation of its own, with all four partitions. */
async function joinAlone(groups: GroupsApi, groupId = "g"): Promise<JoinAnswer> {
  const joined = await groups.join(groupId, joinRequest());
  assert.equal(joined.error, null);
  const assignment = writeAssignment([0, 1, 2, 3].map((partition) => ({ topic: "t", partition })));
  const synced = await groups.sync(groupId, {
    memberId: joined.memberId,
    instanceId: null,
    generation: joined.generation,
    protocolType: "consumer",
    protocolName: "range",
    assignments: new Map([[joined.memberId, assignment]]),
  });
  assert.equal(synced.error, null);
  assert.deepEqual([...synced.assignment], [...assignment]);
  return joined;
}

function claimOf({ memberId, generation }: JoinAnswer): MemberClaim {
  return { memberId, instanceId: null, generation };
}

async function withTopic(options: Partial<BrokerOptions> = OPTIONS): Promise<OpenedBroker> {
  const opened = await openBroker(options);
  await opened.broker.createTopic("t");
  return opened;
}

async function reopen(opened: OpenedBroker, broker: Broker = opened.broker): Promise<OpenedBroker> {
  await broker.close();
  const next = await openBroker(OPTIONS, opened.disk, opened.clock as ManualClock);
  await next.broker.groups.whenLoaded("g");
  return next;
}

test("seed-G1: a new consumer goes on where the group has committed, also after a restart", async () => {
  const first = await withTopic();
  const joined = await joinAlone(first.broker.groups);
  assert.equal(await commit(first.broker.groups, "g", claimOf(joined), 1, 42), null);
  assert.equal(offsetOf(first.broker.groups, "g", 1), 42);
  await using second = await reopen(first);
  assert.equal(offsetOf(second.broker.groups, "g", 1), 42);
  const description = second.broker.groups.describe("g");
  assert.ok(description !== null && typeof description !== "string");
  assert.equal(description.state, "Stable");
  assert.deepEqual(description.members.map((member) => member.memberId), [joined.memberId]);
  assert.equal(description.members[0]!.partitions.length, 4);
  assert.equal(second.broker.groups.heartbeat("g", claimOf(joined)), null);
});

test("seed-G3: what is committed must be a position of a partition that there is", async () => {
  await using opened = await withTopic();
  const { groups } = opened.broker;
  const outcomes = await groups.commitOffsets("g", NOBODY, [
    position("t", 99, 1),
    position("nothing", 0, 1),
    position("t", 0, -7),
    position("t", 1, 1, "m".repeat(4_097)),
    position("t", 2, 1, "m".repeat(4_096)),
  ]);
  assert.deepEqual(outcomes.map(({ error }) => error), [
    "unknown_partition",
    "unknown_partition",
    "invalid_parameter",
    "offset_metadata_too_large",
    null,
  ]);
  assert.deepEqual(groups.fetchOffsets("g", null).offsets.map(({ partition }) => partition), [2]);
});

test("the offsets topic is made when a group is asked for, and clients cannot change it", async () => {
  await using opened = await withTopic();
  const { broker } = opened;
  assert.equal(broker.partitionCount(OFFSETS_TOPIC), null);
  assert.equal(await broker.groups.prepare("g"), null);
  assert.equal(broker.partitionCount(OFFSETS_TOPIC), 2);
  assert.deepEqual(broker.topicNames(), ["t"]);
  await assert.rejects(produce(broker, OFFSETS_TOPIC, "x"), { code: "invalid_topic" });
  await assert.rejects(broker.deleteTopic(OFFSETS_TOPIC), { code: "invalid_topic" });
  await assert.rejects(broker.alterTopic(OFFSETS_TOPIC, { partitions: 9 }), { code: "invalid_topic" });
  await assert.rejects(broker.deleteRecordsBefore(OFFSETS_TOPIC, 0, 0), { code: "invalid_topic" });
  await assert.rejects(broker.createTopic(OFFSETS_TOPIC), { code: "invalid_topic" });
});

test("two members share, and one that falls silent loses its part", async () => {
  await using opened = await withTopic();
  const { groups } = opened.broker;
  const first = await joinAlone(groups);
  const joining = groups.join("g", joinRequest());
  assert.equal(groups.heartbeat("g", claimOf(first)), "rebalance_in_progress");
  const [again, second] = await Promise.all([groups.join("g", joinRequest(first.memberId)), joining]);
  assert.equal(again.generation, 2);
  assert.equal(again.leader, first.memberId);
  assert.deepEqual(again.members.map(({ memberId }) => memberId), [first.memberId, second.memberId]);
  assert.deepEqual(second.members, []);
  const waiting = groups.sync("g", {
    ...claimOf(second),
    protocolType: null,
    protocolName: null,
    assignments: new Map(),
  });
  const lead = groups.sync("g", {
    ...claimOf(again),
    protocolType: null,
    protocolName: null,
    assignments: new Map([[second.memberId, writeAssignment([{ topic: "t", partition: 3 }])]]),
  });
  assert.deepEqual([...(await waiting).assignment], [...writeAssignment([{ topic: "t", partition: 3 }])]);
  assert.equal((await lead).assignment.length, 0);
  assert.equal(await commit(groups, "g", claimOf(first), 0, 5), "illegal_generation");
  opened.clock.advance(9_000);
  assert.equal(groups.heartbeat("g", claimOf(second)), null);
  opened.clock.advance(1_000);
  assert.equal(groups.heartbeat("g", claimOf(again)), "unknown_member");
  assert.equal(groups.heartbeat("g", claimOf(second)), "rebalance_in_progress");
});

test("a topic's end is the end of its positions", async () => {
  const first = await withTopic();
  await commit(first.broker.groups, "g", NOBODY, 0, 7);
  await first.broker.deleteTopic("t");
  await first.broker.createTopic("t");
  await using second = await reopen(first);
  assert.equal(offsetOf(second.broker.groups, "g", 0), null);
});

test("positions of a topic that was made again do not count, though a crash kept them", async () => {
  const first = await withTopic();
  await commit(first.broker.groups, "g", NOBODY, 0, 7);
  first.disk.failNext("write", "no_space", { suffix: "__consumer_offsets-1/00000000000000000000.log" });
  first.disk.failNext("write", "no_space", { suffix: "__consumer_offsets-0/00000000000000000000.log" });
  await first.broker.deleteTopic("t");
  await first.broker.createTopic("t");
  await using second = await reopen(first);
  assert.equal(offsetOf(second.broker.groups, "g", 0), null);
  await commit(second.broker.groups, "g", NOBODY, 0, 3);
  assert.equal(offsetOf(second.broker.groups, "g", 0), 3);
});

test("positions expire after the retention, and the group with the last of them", async () => {
  const first = await withTopic();
  await commit(first.broker.groups, "g", NOBODY, 0, 7);
  first.clock.advance(3_600_000 - 60_000);
  assert.equal(offsetOf(first.broker.groups, "g", 0), 7);
  first.clock.advance(60_000);
  await commit(first.broker.groups, "other", NOBODY, 0, 1);
  assert.deepEqual(first.broker.groups.list().groups.map(({ groupId }) => groupId), ["other"]);
  await using second = await reopen(first);
  assert.equal(offsetOf(second.broker.groups, "g", 0), null);
  assert.equal(offsetOf(second.broker.groups, "other", 0), 1);
});

test("deleting: groups with members stay, positions of what is read stay", async () => {
  await using opened = await withTopic();
  const { broker } = opened;
  const { groups } = broker;
  await broker.createTopic("u");
  const joined = await joinAlone(groups);
  await groups.commitOffsets("g", claimOf(joined), [position("t", 0, 1), position("u", 0, 2)]);
  assert.equal(await groups.delete("g"), "group_not_empty");
  assert.equal(await groups.delete("nothing"), "unknown_group");
  assert.equal(await groups.deleteOffsets("nothing", []), "unknown_group");
  const partitions = [{ topic: "t", partition: 0 }, { topic: "u", partition: 0 }, { topic: "u", partition: 9 }];
  const outcomes = await groups.deleteOffsets("g", partitions);
  assert.ok(typeof outcomes !== "string");
  assert.deepEqual(outcomes.map(({ error }) => error), ["group_subscribed", null, "unknown_partition"]);
  assert.deepEqual(groups.fetchOffsets("g", null).offsets.map(({ topic }) => topic), ["t"]);
  assert.deepEqual(groups.leave("g", [{ memberId: joined.memberId, instanceId: null }]).map(({ error }) => error), [
    null,
  ]);
  assert.equal(await groups.delete("g"), null);
  assert.equal(groups.describe("g"), null);
  assert.deepEqual(groups.list().groups, []);
});

test("lag is what a group has not read yet", async () => {
  await using opened = await withTopic();
  const { broker } = opened;
  for (const value of ["a", "b", "c"]) await produce(broker, "t", value, 1);
  await commit(broker.groups, "g", NOBODY, 1, 1);
  assert.deepEqual([...broker.groups.lags()], [
    { groupId: "g", topic: "t", partition: 1, offset: 1, end: 3, lag: 2 },
  ]);
  assert.equal((await values(broker, "t", 1)).length, 3);
});

test("a stop answers whoever waits for a rebalance", async () => {
  await using opened = await withTopic();
  const { broker } = opened;
  await joinAlone(broker.groups);
  const joining = broker.groups.join("g", joinRequest());
  await Promise.resolve();
  broker.endWaits();
  assert.equal((await joining).error, "not_coordinator");
  assert.equal((await broker.groups.join("g", joinRequest())).error, "not_coordinator");
});

test("a group of a partition that cannot be stored to gets errors, and no answer that is not true", async () => {
  await using opened = await withTopic();
  const { broker, disk } = opened;
  await commit(broker.groups, "g", NOBODY, 0, 1);
  disk.failNext("sync", "io", { suffix: ".log" });
  assert.equal(await commit(broker.groups, "g", NOBODY, 0, 2), "not_coordinator");
  assert.equal(offsetOf(broker.groups, "g", 0), 1);
  const joined = await broker.groups.join("g", joinRequest());
  const sync = {
    ...claimOf(joined),
    protocolType: null,
    protocolName: null,
    assignments: new Map<string, Uint8Array>(),
  };
  assert.equal((await broker.groups.sync("g", sync)).error, "not_coordinator");
});

test("group ids have bounds", async () => {
  await using opened = await withTopic();
  const { groups } = opened.broker;
  assert.equal((await groups.join("", joinRequest())).error, "invalid_group_id");
  assert.equal(await commit(groups, "x".repeat(1_025), NOBODY, 0, 1), "invalid_group_id");
  assert.equal(groups.fetchOffsets("", null).error, "invalid_group_id");
  assert.equal((await groups.join("g", joinRequest("made-up"))).error, "unknown_member");
});
