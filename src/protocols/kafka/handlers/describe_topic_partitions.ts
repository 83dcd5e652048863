import { SentinelError } from "../../../base/errors.ts";
import { isInternalTopic } from "../../../broker/internal_topics.ts";
import { assertTopicName } from "../../../broker/topic_name.ts";
import { UUID_NONE } from "../../../schema/schema_reader.ts";
import { TOPIC_OPERATIONS } from "../authorized_operations.ts";
import { answerThrown } from "../error_answer.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import {
  describeTopicPartitionsApi,
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
} from "../wire/messages/describe_topic_partitions.ts";
import { partitionMetadata } from "./metadata.ts";

type TopicResponse = DescribeTopicPartitionsResponse["topics"][number];
type Cursor = NonNullable<DescribeTopicPartitionsResponse["nextCursor"]>;

/** Kafka's max.request.partition.size.limit. */
const PARTITIONS_MAX = 2_000;

/** Topics page by page, sorted by name; with a cursor, from that partition on (KIP-966). */
export const describeTopicPartitionsHandler = defineHandler(describeTopicPartitionsApi, {
  handle(request, context) {
    const limit = Math.min(request.responsePartitionLimit, PARTITIONS_MAX);
    if (limit <= 0) throw new SentinelError("invalid_request", `A limit of ${limit} partitions gives none`);
    const topics: TopicResponse[] = [];
    let left = limit;
    for (const name of namesOf(request, context)) {
      const from = request.cursor?.topicName === name ? request.cursor.partitionIndex : 0;
      if (left <= 0) return { topics, nextCursor: { topicName: name, partitionIndex: from } };
      const { topic, next } = describe(name, from, left, request.cursor !== null, context);
      if (topic !== null) topics.push(topic);
      left -= topic?.partitions.length ?? 0;
      if (next !== null) return { topics, nextCursor: next };
    }
    return { topics };
  },
  fail: (request, { errorCode }) => ({
    topics: request.topics.map(({ name }) => ({ errorCode, name, topicId: UUID_NONE, partitions: [] })),
  }),
});

/** None named: all of them. What comes before the cursor was told before. */
function namesOf({ topics, cursor }: DescribeTopicPartitionsRequest, { broker }: RequestContext): string[] {
  const names = topics.length === 0
    ? broker.topicNames({ withInternal: true })
    : [...new Set(topics.map(({ name }) => name))].sort();
  return cursor === null ? names : names.filter((name) => name >= cursor.topicName);
}

function describe(
  name: string,
  from: number,
  limit: number,
  isLaterPage: boolean,
  { broker, onInternalError }: RequestContext,
): { topic: TopicResponse | null; next: Cursor | null } {
  const found = broker.describeTopic(name);
  if (found === null) {
    // A topic that was deleted between two pages is left out.
    if (isLaterPage && from > 0) return { topic: null, next: null };
    return { topic: missing(name, onInternalError), next: null };
  }
  const partitions = found.partitions.slice(Math.max(0, from), Math.max(0, from) + limit);
  const end = Math.max(0, from) + partitions.length;
  const topic = {
    errorCode: KAFKA_ERRORS.NONE,
    name,
    topicId: found.topicId,
    isInternal: isInternalTopic(name),
    partitions: partitions.map((partition) => ({
      ...partitionMetadata(partition),
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    })),
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  };
  return { topic, next: end < found.partitions.length ? { topicName: name, partitionIndex: end } : null };
}

function missing(name: string, onInternalError: RequestContext["onInternalError"]): TopicResponse {
  try {
    assertTopicName(name);
    throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
  } catch (thrown) {
    const { errorCode } = answerThrown(thrown, onInternalError);
    return { errorCode, name, topicId: UUID_NONE, partitions: [], topicAuthorizedOperations: TOPIC_OPERATIONS };
  }
}
