/** CreateTopics (API 19): each topic for itself; faults in Kafka's order and words (ReplicationControlManager). */
import type { NodeId } from "../../../base/ids.ts";
import { LIMITS } from "../../../base/limits.ts";
import type { CreateTopicOptions, TopicPlan } from "../../../broker/types.ts";
import { configValue } from "../config_answer.ts";
import { adminFault } from "../admin_fault.ts";
import type { Fault } from "../admin_fault.ts";
import { defineHandler } from "../handler.ts";
import type { RequestContext } from "../handler.ts";
import { repeated } from "../repeated.ts";
import { assignmentsFault } from "../replica_assignment.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { createTopicsApi } from "../wire/messages/create_topics.ts";
import type { CreateTopicsRequest, CreateTopicsResponse } from "../wire/messages/create_topics.ts";
import { withinTimeout } from "../within_timeout.ts";

type AskedTopic = CreateTopicsRequest["topics"][number];
type TopicAnswer = CreateTopicsResponse["topics"][number];
export const createTopicsHandler = defineHandler(createTopicsApi, {
  async handle(request, context) {
    if (partitionsAsked(request, context.broker.partitionsDefault) > LIMITS.createdPartitionsMax) {
      const errorMessage = "Excessively large number of partitions per request.";
      return failAll(request, { errorCode: KAFKA_ERRORS.POLICY_VIOLATION, errorMessage });
    }
    const twice = repeated(request.topics.map(({ name }) => name));
    const once = request.topics.filter(({ name }) => !twice.has(name));
    const topics = await Promise.all(once.map((topic) => createTopic(topic, request, context)));
    for (const name of twice) {
      topics.push(failed(name, { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage: "Duplicate topic name." }));
    }
    return { throttleTimeMs: 0, topics };
  },
  fail: (request, error) => failAll(request, error),
});

function failAll(request: CreateTopicsRequest, fault: Fault): CreateTopicsResponse {
  return {
    throttleTimeMs: 0,
    topics: [...new Set(request.topics.map(({ name }) => name))].map((name) => failed(name, fault)),
  };
}

/** Kafka's bound is on one request's partitions together: they are made as one change. */
function partitionsAsked(request: CreateTopicsRequest, partitionsDefault: number): number {
  let partitions = 0;
  for (const { assignments, numPartitions } of request.topics) {
    if (assignments.length > 0) partitions += assignments.length;
    else partitions += numPartitions === -1 ? partitionsDefault : Math.max(0, numPartitions);
  }
  return partitions;
}

async function createTopic(
  topic: AskedTopic,
  { timeoutMs, validateOnly }: CreateTopicsRequest,
  context: RequestContext,
): Promise<TopicAnswer> {
  const { broker, clock } = context;
  try {
    const fault = forbiddenFault(topic.name) ?? nullFault(topic, context) ?? numbersFault(topic, context);
    if (fault !== null) return failed(topic.name, fault);
    const options = optionsOf(topic);
    const plan = validateOnly
      ? await withinTimeout(clock, timeoutMs, () => broker.checkNewTopic(topic.name, options))
      : planOf(await withinTimeout(clock, timeoutMs, () => broker.createTopic(topic.name, options)));
    return made(topic.name, plan, context);
  } catch (thrown) {
    return failed(topic.name, adminFault(thrown, context));
  }
}

function optionsOf({ numPartitions, replicationFactor, assignments, configs }: AskedTopic): CreateTopicOptions {
  const partitions = assignments.length > 0 ? assignments.length : numPartitions;
  return {
    ...(partitions === -1 ? {} : { partitions }),
    replicas: replicationFactor,
    config: Object.fromEntries(configs.map(({ name, value }) => [name, value ?? ""])),
  };
}

function forbiddenFault(name: string): Fault | null {
  if (name !== "__cluster_metadata") return null;
  const errorMessage = `Creation of internal topic ${name} is prohibited.`;
  return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage };
}

/** Kafka looks at names first, then at nulls among the settings, then at the settings, then at the numbers. */
const ALWAYS_RIGHT = { partitions: 1, replicas: 1 };

function nullFault({ name, configs }: AskedTopic, { broker }: RequestContext): Fault | null {
  const names = configs.filter(({ value }) => value === null).map((config) => config.name);
  if (names.length === 0) return null;
  broker.checkNewTopic(name, ALWAYS_RIGHT);
  const errorMessage = `Null value not supported for topic configs: ${names.join(",")}`;
  return { errorCode: KAFKA_ERRORS.INVALID_CONFIG, errorMessage };
}

function numbersFault(topic: AskedTopic, { broker, nodeId }: RequestContext): Fault | null {
  const fault = topic.assignments.length > 0 ? assignedFault(topic, nodeId) : countsFault(topic);
  if (fault !== null) broker.checkNewTopic(topic.name, { ...optionsOf(topic), ...ALWAYS_RIGHT });
  return fault;
}

function assignedFault({ numPartitions, replicationFactor, assignments }: AskedTopic, nodeId: NodeId): Fault | null {
  const both = "A manual partition assignment was specified, but";
  const errorCode = KAFKA_ERRORS.INVALID_REQUEST;
  if (replicationFactor !== -1) return { errorCode, errorMessage: `${both} replication factor was not set to -1.` };
  if (numPartitions !== -1) return { errorCode, errorMessage: `${both} numPartitions was not set to -1.` };
  const errorMessage = assignmentsFault(assignments, nodeId);
  return errorMessage === null ? null : { errorCode: KAFKA_ERRORS.INVALID_REPLICA_ASSIGNMENT, errorMessage };
}

function countsFault({ numPartitions, replicationFactor }: AskedTopic): Fault | null {
  if (replicationFactor < -1 || replicationFactor === 0) {
    const errorMessage = "Replication factor must be larger than 0, or -1 to use the default value.";
    return { errorCode: KAFKA_ERRORS.INVALID_REPLICATION_FACTOR, errorMessage };
  }
  if (numPartitions < -1 || numPartitions === 0) {
    const errorMessage = "Number of partitions was set to an invalid non-positive value.";
    return { errorCode: KAFKA_ERRORS.INVALID_PARTITIONS, errorMessage };
  }
  if (replicationFactor <= 1) return null;
  const errorMessage =
    `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
    `${replicationFactor} cannot be reached because only 1 broker(s) are registered or some brokers have all their ` +
    "log directories cordoned.";
  return { errorCode: KAFKA_ERRORS.INVALID_REPLICATION_FACTOR, errorMessage };
}

function planOf(
  { topicId, partitions, config }: {
    readonly topicId: string;
    readonly partitions: readonly unknown[];
    readonly config: Readonly<Record<string, string>>;
  },
): TopicPlan {
  return { topicId, partitions: partitions.length, config };
}

function made(name: string, { topicId, partitions, config }: TopicPlan, context: RequestContext): TopicAnswer {
  return {
    name,
    topicId,
    errorCode: KAFKA_ERRORS.NONE,
    errorMessage: null,
    numPartitions: partitions,
    replicationFactor: 1,
    // Older versions have no room for them.
    configs: context.apiVersion < 5 ? [] : context.broker.describeConfig(config).map(configValue),
  };
}

function failed(name: string, { errorCode, errorMessage }: Fault): TopicAnswer {
  return { name, errorCode, errorMessage, numPartitions: -1, replicationFactor: -1, configs: [] };
}
