import { SentinelError } from "../../../base/errors.ts";
import type { BrokerApi } from "../../../broker/broker_api.ts";
import { isInternalTopic } from "../../../broker/internal_topics.ts";
import { assertTopicName } from "../../../broker/topic_name.ts";
import type { PartitionDescription, TopicDescription } from "../../../broker/types.ts";
import { UUID_NONE } from "../../../schema/schema_reader.ts";
import { CLUSTER_OPERATIONS, OPERATIONS_OMITTED, TOPIC_OPERATIONS } from "../authorized_operations.ts";
import { answerThrown } from "../error_answer.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { metadataApi, type MetadataRequest, type MetadataResponse } from "../wire/messages/metadata.ts";

type RequestedTopic = NonNullable<MetadataRequest["topics"]>[number];
type TopicResponse = MetadataResponse["topics"][number];
type PartitionResponse = TopicResponse["partitions"][number];

/** Before, every request made the topics that it named. */
const AUTO_CREATION_FLAG_VERSION = 4;
/** Before, an empty list asked for all topics. */
const NULL_IS_ALL_VERSION = 1;

/** The first version that looks topics up by their ids; ids are sent from version 10 on. */
const BY_ID_VERSION = 12;

/** Nodes, and the topics that were asked for or all; a missing one is made where both client and broker want it. */
export const metadataHandler = defineHandler(metadataApi, {
  async handle(request, context) {
    if (context.apiVersion < BY_ID_VERSION && request.topics?.some(isById) === true) {
      throw new SentinelError(
        "invalid_request",
        `Metadata v${context.apiVersion} does not look topics up by their ids`,
      );
    }
    const topics: TopicResponse[] = [];
    for (const topic of withoutRepeats(topicsOf(request, context))) {
      topics.push(await describe(topic, request, context));
    }
    return { ...clusterPart(request, context.broker), topics };
  },
  fail: (request, { errorCode }, { broker }) => ({
    ...clusterPart(request, broker),
    errorCode,
    // Versions that cannot ask by id cannot say that there is no name either.
    topics: (request.topics ?? []).map(({ name, topicId }) => unknown(name ?? "", topicId, errorCode)),
  }),
});

function isById({ name, topicId }: RequestedTopic): boolean {
  return name === null || topicId !== UUID_NONE;
}

function topicsOf({ topics }: MetadataRequest, { broker, apiVersion }: RequestContext): readonly RequestedTopic[] {
  const isAll = topics === null || (topics.length === 0 && apiVersion < NULL_IS_ALL_VERSION);
  return isAll ? broker.topicNames({ withInternal: true }).map((name) => ({ name, topicId: UUID_NONE })) : topics;
}

/** Kafka takes the topics for a set. */
function withoutRepeats(topics: readonly RequestedTopic[]): RequestedTopic[] {
  return [...new Map(topics.map((topic) => [`${topic.name ?? ""}/${topic.topicId}`, topic])).values()];
}

function clusterPart(request: MetadataRequest, broker: BrokerApi): Omit<MetadataResponse, "topics"> {
  const cluster = broker.describeCluster();
  return {
    brokers: cluster.nodes.map(({ id, host, port }) => ({ nodeId: id, host, port })),
    clusterId: cluster.clusterId,
    controllerId: cluster.controller,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_OMITTED,
  };
}

async function describe(
  { name, topicId }: RequestedTopic,
  request: MetadataRequest,
  context: RequestContext,
): Promise<TopicResponse> {
  const { broker, apiVersion } = context;
  if (name === null) {
    const found = broker.topicNameById(topicId);
    const topic = found === null ? null : broker.describeTopic(found);
    return topic === null ? unknown(null, topicId, KAFKA_ERRORS.UNKNOWN_TOPIC_ID) : known(topic, request);
  }
  try {
    const topic = broker.describeTopic(name);
    if (topic !== null) return known(topic, request);
    const mayCreate = apiVersion < AUTO_CREATION_FLAG_VERSION || request.allowAutoTopicCreation;
    assertTopicName(name);
    if (!mayCreate || isInternalTopic(name)) {
      throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    }
    return known(await broker.getOrCreateTopic(name), request);
  } catch (thrown) {
    return unknown(name, topicId, answerThrown(thrown, context.onInternalError).errorCode);
  }
}

function known(topic: TopicDescription, request: MetadataRequest): TopicResponse {
  return {
    errorCode: KAFKA_ERRORS.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map(partitionMetadata),
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : OPERATIONS_OMITTED,
  };
}

/** A missing topic has no name for those who asked by id, as Kafka answers. */
function unknown(name: string | null, topicId: string, errorCode: number): TopicResponse {
  return { errorCode, name, topicId, isInternal: false, partitions: [] };
}

/** A partition as Metadata and DescribeTopicPartitions tell it. One whose storage failed has no leader. */
export function partitionMetadata(partition: PartitionDescription): PartitionResponse {
  const isOffline = partition.offline !== undefined;
  return {
    errorCode: isOffline ? KAFKA_ERRORS.LEADER_NOT_AVAILABLE : KAFKA_ERRORS.NONE,
    partitionIndex: partition.partition,
    leaderId: isOffline ? -1 : partition.leader,
    leaderEpoch: Math.max(0, partition.epoch),
    replicaNodes: partition.replicas,
    isrNodes: isOffline ? [] : partition.isr,
    offlineReplicas: isOffline ? partition.replicas : [],
  };
}
