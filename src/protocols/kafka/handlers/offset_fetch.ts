import type { BrokerApi } from "../../../broker/broker_api.ts";
import type { FetchedOffset, FetchedOffsets } from "../../../broker/groups/groups_api.ts";
import type { TopicPartition } from "../../../broker/groups/group_types.ts";
import { formatUuid } from "../../../base/ids.ts";
import { errorCodeOf } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { offsetFetchApi, type OffsetFetchRequest, type OffsetFetchResponse } from "../wire/messages/offset_fetch.ts";

/** From here on an error of the group has a place of its own; before, it stands in each partition. */
const GROUP_ERROR_VERSION = 2;
/** From here on several groups are asked at once. */
const BATCH_VERSION = 8;
/** From here on topics are named by their ids. */
const TOPIC_ID_VERSION = 10;
const NO_TOPIC_ID = formatUuid(new Uint8Array(16));

type GroupRequest = OffsetFetchRequest["groups"][number];
type GroupResponse = NonNullable<OffsetFetchResponse["groups"]>[number];
type PartitionResponse = GroupResponse["topics"][number]["partitions"][number];

/** Positions that were committed; −1 for those that were not, in groups that do not exist too. */
export const offsetFetchHandler = defineHandler(offsetFetchApi, {
  handle(request, { apiVersion, broker }) {
    if (apiVersion >= BATCH_VERSION) {
      return {
        throttleTimeMs: 0,
        topics: [],
        groups: request.groups.map((group) => groupResponse(group, apiVersion, broker)),
      };
    }
    const { groupId, topics } = request;
    const wanted = topics === null
      ? null
      : topics.flatMap(({ name, partitionIndexes }) => partitionsOf(name, partitionIndexes));
    const fetched = broker.groups.fetchOffsets(groupId, wanted);
    const errorCode = errorCodeOf(fetched.error);
    if (fetched.error === null) return { throttleTimeMs: 0, errorCode, topics: byTopic(fetched.offsets), groups: [] };
    const isInPartitions = apiVersion < GROUP_ERROR_VERSION && topics !== null;
    const failed = isInPartitions
      ? topics.map(({ name, partitionIndexes }) => failedTopic(name, partitionIndexes, errorCode))
      : [];
    return { throttleTimeMs: 0, errorCode, topics: failed, groups: [] };
  },
  fail: ({ groups }, { errorCode }) => ({
    throttleTimeMs: 0,
    errorCode,
    topics: [],
    groups: groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })),
  }),
});

function groupResponse({ groupId, topics }: GroupRequest, apiVersion: number, broker: BrokerApi): GroupResponse {
  const isById = apiVersion >= TOPIC_ID_VERSION;
  if (topics === null) {
    const fetched = broker.groups.fetchOffsets(groupId, null);
    const answered = fetched.error === null ? byTopic(fetched.offsets) : [];
    // A topic that is gone has no id: nobody who goes by ids can mean it.
    const named = answered.map((topic) => ({ ...topic, topicId: topicIdOf(topic.name, fetched, broker) }));
    return {
      groupId,
      topics: isById ? named.filter(({ topicId }) => topicId !== NO_TOPIC_ID) : named,
      errorCode: errorCodeOf(fetched.error),
    };
  }
  const names = topics.map(({ name, topicId }) => (isById ? broker.topicNameById(topicId) : name));
  const wanted = topics.flatMap(({ partitionIndexes }, at) => {
    const name = names[at];
    return name == null ? [] : partitionsOf(name, partitionIndexes);
  });
  const fetched = broker.groups.fetchOffsets(groupId, wanted);
  if (fetched.error !== null) return { groupId, topics: [], errorCode: errorCodeOf(fetched.error) };
  let next = 0;
  const answered = topics.map(({ name, topicId, partitionIndexes }, at) => {
    if (names[at] == null) return { ...failedTopic(name, partitionIndexes, KAFKA_ERRORS.UNKNOWN_TOPIC_ID), topicId };
    return { name, topicId, partitions: partitionIndexes.map(() => partitionResponse(fetched.offsets[next++]!)) };
  });
  return { groupId, topics: answered, errorCode: 0 };
}

function partitionsOf(topic: string, partitions: readonly number[]): TopicPartition[] {
  return partitions.map((partition) => ({ topic, partition }));
}

/** In the order of the first partition of each topic. */
function byTopic(offsets: readonly FetchedOffset[]): { name: string; partitions: PartitionResponse[] }[] {
  const topics = new Map<string, PartitionResponse[]>();
  for (const offset of offsets) {
    const listed = topics.get(offset.topic);
    if (listed === undefined) topics.set(offset.topic, [partitionResponse(offset)]);
    else listed.push(partitionResponse(offset));
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }));
}

function partitionResponse({ partition, committed }: FetchedOffset): PartitionResponse {
  return {
    partitionIndex: partition,
    committedOffset: committed?.offset ?? -1,
    committedLeaderEpoch: committed?.leaderEpoch ?? -1,
    metadata: committed?.metadata ?? "",
    errorCode: 0,
  };
}

function failedTopic(name: string, partitions: readonly number[], errorCode: number) {
  return {
    name,
    partitions: partitions.map((partition) => ({
      ...partitionResponse({ topic: name, partition, committed: null }),
      errorCode,
    })),
  };
}

function topicIdOf(name: string, { offsets }: FetchedOffsets, broker: BrokerApi): string {
  const stored = offsets.find(({ topic, committed }) => topic === name && committed?.topicId != null);
  return stored?.committed?.topicId ?? broker.describeTopic(name)?.topicId ?? NO_TOPIC_ID;
}
