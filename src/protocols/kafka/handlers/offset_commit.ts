import type { ErrorCode } from "../../../base/errors.ts";
import type { CommitPartition } from "../../../broker/groups/groups_api.ts";
import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { offsetCommitApi, type OffsetCommitRequest } from "../wire/messages/offset_commit.ts";

/** From here on a missing group is named as such; before, it is taken for a generation of the past. */
const UNKNOWN_GROUP_VERSION = 9;
/** From here on topics are named by their ids. */
const TOPIC_ID_VERSION = 10;

/** Positions, kept when it is answered. */
export const offsetCommitHandler = defineHandler(offsetCommitApi, {
  async handle(request, { apiVersion, broker }) {
    const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch, retentionTimeMs } = request;
    const names = request.topics.map(({ name, topicId }) =>
      apiVersion >= TOPIC_ID_VERSION ? broker.topicNameById(topicId) : name
    );
    const commits = request.topics.flatMap((topic, at) => {
      const name = names[at];
      return name == null ? [] : topic.partitions.map((partition) => commitOf(name, partition));
    });
    const claim = { memberId, instanceId: groupInstanceId, generation: generationIdOrMemberEpoch };
    const outcomes = await broker.groups.commitOffsets(groupId, claim, commits, { retentionMs: retentionTimeMs });
    let next = 0;
    const topics = request.topics.map(({ name, topicId, partitions }, at) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => {
        const isUnknown = names[at] == null;
        const errorCode = isUnknown ? KAFKA_ERRORS.UNKNOWN_TOPIC_ID : commitError(outcomes[next++]!.error, apiVersion);
        return { partitionIndex, errorCode };
      }),
    }));
    return { throttleTimeMs: 0, topics };
  },
  fail: ({ topics }, { errorCode }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
});

type RequestedPartition = OffsetCommitRequest["topics"][number]["partitions"][number];

function commitOf(topic: string, partition: RequestedPartition): CommitPartition {
  return {
    topic,
    partition: partition.partitionIndex,
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? "",
  };
}

function commitError(error: ErrorCode | null, apiVersion: number): number {
  const isOld = error === "unknown_group" && apiVersion < UNKNOWN_GROUP_VERSION;
  return errorCodeOf(isOld ? "illegal_generation" : error);
}
