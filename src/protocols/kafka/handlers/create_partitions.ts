/** CreatePartitions (API 37): a topic's partitions can only become more. Faults in Kafka's words. */
import type { NodeId } from "../../../base/ids.ts";
import { adminFault, NO_FAULT } from "../admin_fault.ts";
import type { Fault } from "../admin_fault.ts";
import { defineHandler } from "../handler.ts";
import type { RequestContext } from "../handler.ts";
import { repeated } from "../repeated.ts";
import { replicasFault } from "../replica_assignment.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { createPartitionsApi } from "../wire/messages/create_partitions.ts";
import type { CreatePartitionsRequest } from "../wire/messages/create_partitions.ts";
import { withinTimeout } from "../within_timeout.ts";

type AskedTopic = CreatePartitionsRequest["topics"][number];

export const createPartitionsHandler = defineHandler(createPartitionsApi, {
  async handle(request, context) {
    const twice = repeated(request.topics.map(({ name }) => name));
    const once = request.topics.filter(({ name }) => !twice.has(name));
    const results = [...twice].map((name) => ({
      name,
      errorCode: KAFKA_ERRORS.INVALID_REQUEST as number,
      errorMessage: "Duplicate topic name." as string | null,
    }));
    for (const result of await Promise.all(once.map((topic) => createPartitions(topic, request, context)))) {
      results.push(result);
    }
    return { throttleTimeMs: 0, results };
  },
  fail: (request, error) => ({
    throttleTimeMs: 0,
    results: [...new Set(request.topics.map(({ name }) => name))].map((name) => ({ name, ...error })),
  }),
});

async function createPartitions(
  topic: AskedTopic,
  { timeoutMs, validateOnly }: CreatePartitionsRequest,
  context: RequestContext,
): Promise<Fault & { readonly name: string }> {
  const { broker, clock, nodeId } = context;
  const { name, count } = topic;
  try {
    const fault = countFault(topic, broker.partitionCount(name)) ??
      assignedFault(topic, broker.partitionCount(name)!, nodeId);
    if (fault !== null) return { name, ...fault };
    const change = { partitions: count };
    await withinTimeout<unknown>(
      clock,
      timeoutMs,
      () => validateOnly ? broker.checkTopicChange(name, change) : broker.alterTopic(name, change),
    );
    return { name, ...NO_FAULT };
  } catch (thrown) {
    return { name, ...adminFault(thrown, context) };
  }
}

function countFault({ name, count }: AskedTopic, current: number | null): Fault | null {
  if (current === null) return { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null };
  const errorCode = KAFKA_ERRORS.INVALID_PARTITIONS;
  if (count === current) return { errorCode, errorMessage: `Topic already has ${current} partition(s).` };
  if (count > current) return null;
  const errorMessage = `The topic ${name} currently has ${current} partition(s); ${count} would not be an increase.`;
  return { errorCode, errorMessage };
}

function assignedFault({ count, assignments }: AskedTopic, current: number, nodeId: NodeId): Fault | null {
  if (assignments === null) return null;
  const errorCode = KAFKA_ERRORS.INVALID_REPLICA_ASSIGNMENT;
  if (assignments.length !== count - current) {
    const errorMessage =
      `Attempted to add ${count - current} additional partition(s), but only ${assignments.length} ` +
      "assignment(s) were specified.";
    return { errorCode, errorMessage };
  }
  for (const { brokerIds } of assignments) {
    const errorMessage = replicasFault(brokerIds, nodeId);
    if (errorMessage !== null) return { errorCode, errorMessage };
  }
  return null;
}
