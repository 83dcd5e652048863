/** What the payloads of the group messages are (native frames, version 1). */
import { z } from "zod";
import { LIMITS } from "../../../base/limits.ts";
import { integer, partitionIndex, text, topicName, wrong } from "./fields.ts";

const INT32_MAX = 2_147_483_647;
const count = integer(0, Number.MAX_SAFE_INTEGER);
const int32 = integer(-2_147_483_648, INT32_MAX);
/** Kafka's default of session.timeout.ms. */
const SESSION_MS_DEFAULT = 45_000;
/** Kafka's default of max.poll.interval.ms, which is what its consumers give for it. */
const REBALANCE_MS_DEFAULT = 300_000;

/** A name that is none is refused where it is looked up; one that is too long for Kafka's strings is not written at all. */
const readTopic = topicName.max(LIMITS.topicNameCharsMax, {
  error: `is longer than ${LIMITS.topicNameCharsMax} characters`,
});
const group = text.min(1, { error: "is required" });
const memberId = text;
const topicPartition = z.object({ topic: readTopic, partition: partitionIndex });
const topicPartitions = z.array(topicPartition, { error: wrong("a list of partitions") })
  .max(LIMITS.brokerPartitionsMax, { error: `has more than ${LIMITS.brokerPartitionsMax} entries` });

export const joinGroupRequest = z.object({
  group,
  /** The id that an earlier join gave; a newcomer has none. */
  memberId: memberId.default(""),
  instanceId: text.nullable().default(null),
  topics: z.array(readTopic, { error: wrong("a list of topics") }).min(1, { error: "is empty" }).max(1_000, {
    error: "has more than 1000 names",
  }),
  sessionTimeoutMs: integer(1, INT32_MAX).default(SESSION_MS_DEFAULT),
  rebalanceTimeoutMs: integer(1, INT32_MAX).default(REBALANCE_MS_DEFAULT),
});

export const syncGroupRequest = z.object({
  group,
  memberId,
  generation: int32,
  /** From the leader. */
  assignments: z.array(z.object({ memberId, partitions: topicPartitions }), { error: wrong("a list of assignments") })
    .max(LIMITS.groupMembersMax, { error: `has more than ${LIMITS.groupMembersMax} entries` }).default([]),
});

export const groupHeartbeatRequest = z.object({ group, memberId, generation: int32 });

export const leaveGroupRequest = z.object({ group, memberId });

/** Without a member: an administrator's, which only a group without members takes. */
export const commitOffsetsRequest = z.object({
  group,
  memberId: memberId.default(""),
  generation: int32.default(-1),
  offsets: z.array(
    topicPartition.extend({
      offset: count,
      leaderEpoch: int32.default(-1),
      metadata: text.default(""),
    }),
    { error: wrong("a list of offsets") },
  ).max(LIMITS.brokerPartitionsMax, { error: `has more than ${LIMITS.brokerPartitionsMax} entries` }),
});

export const committedOffsetsRequest = z.object({ group, partitions: topicPartitions.optional() });

export const listGroupsRequest = z.object({});

export const groupRequest = z.object({ group });

// -- Replies ----------------------------------------------------------------------------------------------------------

export const joinGroupReply = z.object({
  memberId,
  generation: count,
  leader: text,
  protocol: text,
  members: z.array(z.object({ memberId, topics: z.array(text) })),
});

export const syncGroupReply = z.object({ partitions: z.array(topicPartition) });

export const commitOffsetsReply = z.object({ offsets: z.array(topicPartition.extend({ error: text.optional() })) });

export const committedOffsetsReply = z.object({
  offsets: z.array(topicPartition.extend({ offset: count, leaderEpoch: int32, metadata: text })),
});

export const listGroupsReply = z.object({
  groups: z.array(z.object({ group: text, state: text, protocolType: text })),
});

export const describeGroupReply = z.object({
  group: text,
  state: text,
  generation: count,
  protocolType: text,
  protocol: text,
  leader: text.nullable(),
  members: z.array(
    z.object({
      memberId,
      instanceId: text.nullable(),
      clientId: text,
      clientHost: text,
      partitions: z.array(topicPartition),
    }),
  ),
});

export type JoinGroupReply = z.output<typeof joinGroupReply>;
export type SyncGroupReply = z.output<typeof syncGroupReply>;
export type CommitOffsetsReply = z.output<typeof commitOffsetsReply>;
export type CommittedOffsetsReply = z.output<typeof committedOffsetsReply>;
export type ListGroupsReply = z.output<typeof listGroupsReply>;
export type DescribeGroupReply = z.output<typeof describeGroupReply>;
