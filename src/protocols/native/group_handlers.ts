/**
 * Groups over native frames. A native member is a member like Kafka's: protocol type `consumer`, protocol `range`, and
 * what it says to the leader is in Kafka's form, so that both kinds may share a group.
 */
import { SentinelError } from "../../base/errors.ts";
import {
  CONSUMER_PROTOCOL_TYPE,
  readAssignment,
  readSubscription,
  writeAssignment,
  writeSubscription,
} from "../../broker/groups/consumer_protocol.ts";
import { joinFailure, syncFailure } from "../../broker/groups/group_answers.ts";
import { assertNoGroupError, groupError } from "../../broker/groups/group_error.ts";
import { untilEnd } from "../../broker/groups/until_end.ts";
import type { HandlerContext } from "./handler_context.ts";
import {
  type CommitOffsetsReply,
  commitOffsetsRequest,
  type CommittedOffsetsReply,
  committedOffsetsRequest,
  type DescribeGroupReply,
  groupHeartbeatRequest,
  groupRequest,
  type JoinGroupReply,
  joinGroupRequest,
  leaveGroupRequest,
  type ListGroupsReply,
  listGroupsRequest,
  type SyncGroupReply,
  syncGroupRequest,
} from "./wire/group_messages.ts";
import { type Payload, readPayload } from "./wire/payload.ts";

const RANGE = "range";

export async function handleJoinGroup(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const request = readPayload(payload, joinGroupRequest);
  const { group, memberId, instanceId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const joining = context.broker.groups.join(group, {
    memberId,
    instanceId,
    clientId: context.connection.clientName,
    clientHost: `/${hostOf(context.peer ?? "")}`,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocols: [{ name: RANGE, metadata: writeSubscription(topics) }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: false,
  });
  const answer = await untilEnd(joining, joinFailure("not_coordinator", memberId), context);
  assertNoGroupError(answer.error, group);
  return {
    memberId: answer.memberId,
    generation: answer.generation,
    leader: answer.leader,
    protocol: answer.protocolName ?? "",
    members: answer.members.map((member) => ({
      memberId: member.memberId,
      topics: [...(readSubscription(member.metadata) ?? [])],
    })),
  } satisfies JoinGroupReply;
}

export async function handleSyncGroup(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { group, memberId, generation, assignments } = readPayload(payload, syncGroupRequest);
  const syncing = context.broker.groups.sync(group, {
    memberId,
    instanceId: null,
    generation,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName: RANGE,
    assignments: new Map(assignments.map((each) => [each.memberId, writeAssignment(each.partitions)])),
  });
  const answer = await untilEnd(syncing, syncFailure("not_coordinator"), context);
  assertNoGroupError(answer.error, group);
  const partitions = readAssignment(answer.assignment);
  if (partitions === null) throw new SentinelError("internal", "The leader's assignment cannot be read");
  return { partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) } satisfies SyncGroupReply;
}

export function handleGroupHeartbeat(context: HandlerContext, payload: Uint8Array): Payload {
  const { group, memberId, generation } = readPayload(payload, groupHeartbeatRequest);
  assertNoGroupError(context.broker.groups.heartbeat(group, { memberId, instanceId: null, generation }), group);
  return {};
}

export function handleLeaveGroup(context: HandlerContext, payload: Uint8Array): Payload {
  const { group, memberId } = readPayload(payload, leaveGroupRequest);
  const [outcome] = context.broker.groups.leave(group, [{ memberId, instanceId: null }]);
  assertNoGroupError(outcome?.error ?? null, group);
  return {};
}

export async function handleCommitOffsets(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { group, memberId, generation, offsets } = readPayload(payload, commitOffsetsRequest);
  await context.broker.groups.whenLoaded(group);
  const claim = { memberId, instanceId: null, generation };
  const outcomes = await context.broker.groups.commitOffsets(group, claim, offsets);
  return {
    offsets: outcomes.map(({ topic, partition, error }) => ({
      topic,
      partition,
      ...(error === null ? {} : { error }),
    })),
  } satisfies CommitOffsetsReply;
}

export async function handleCommittedOffsets(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { group, partitions } = readPayload(payload, committedOffsetsRequest);
  await context.broker.groups.whenLoaded(group);
  const { error, offsets } = context.broker.groups.fetchOffsets(group, partitions ?? null);
  assertNoGroupError(error, group);
  return {
    offsets: offsets.flatMap(({ topic, partition, committed }) => {
      if (committed === null) return [];
      const { offset, leaderEpoch, metadata } = committed;
      return [{ topic, partition, offset, leaderEpoch, metadata }];
    }),
  } satisfies CommittedOffsetsReply;
}

export function handleListGroups(context: HandlerContext, payload: Uint8Array): Payload {
  readPayload(payload, listGroupsRequest);
  const { error, groups } = context.broker.groups.list();
  if (error !== null) throw new SentinelError(error, "The groups are still read");
  return {
    groups: groups.map(({ groupId, state, protocolType }) => ({ group: groupId, state, protocolType })),
  } satisfies ListGroupsReply;
}

export async function handleDescribeGroup(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { group } = readPayload(payload, groupRequest);
  await context.broker.groups.whenLoaded(group);
  const description = context.broker.groups.describe(group);
  if (description === null) throw groupError("unknown_group", group);
  if (typeof description === "string") throw groupError(description, group);
  const { state, generation, protocolType, protocol, leader, members } = description;
  return {
    group,
    state,
    generation,
    protocolType,
    protocol,
    leader,
    members: members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      partitions: member.partitions.map(({ topic, partition }) => ({ topic, partition })),
    })),
  } satisfies DescribeGroupReply;
}

export async function handleDeleteGroup(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { group } = readPayload(payload, groupRequest);
  await context.broker.groups.whenLoaded(group);
  assertNoGroupError(await context.broker.groups.delete(group), group);
  return {};
}

function hostOf(peer: string): string {
  const port = peer.lastIndexOf(":");
  return (port < 0 ? peer : peer.slice(0, port)).replace(/^\[|\]$/g, "");
}
