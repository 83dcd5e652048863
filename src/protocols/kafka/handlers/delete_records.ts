/** DeleteRecords (API 21): everything before an offset goes; −1 is the high watermark. */
import { isInternalTopic } from "../../../broker/internal_topics.ts";
import { answerThrown } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import type { RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { deleteRecordsApi } from "../wire/messages/delete_records.ts";
import type { DeleteRecordsRequest, DeleteRecordsResponse } from "../wire/messages/delete_records.ts";

type PartitionAnswer = DeleteRecordsResponse["topics"][number]["partitions"][number];

export const deleteRecordsHandler = defineHandler(deleteRecordsApi, {
  async handle(request, context) {
    const topics: DeleteRecordsResponse["topics"][number][] = [];
    for (const [name, offsets] of offsetsByTopic(request)) {
      const partitions: PartitionAnswer[] = [];
      for (const [partition, offset] of offsets) partitions.push(await deleteBefore(name, partition, offset, context));
      topics.push({ name, partitions });
    }
    return { throttleTimeMs: 0, topics };
  },
  fail: (request, { errorCode }) => ({
    throttleTimeMs: 0,
    topics: [...offsetsByTopic(request)].map(([name, offsets]) => ({
      name,
      partitions: [...offsets.keys()].map((partition) => refused(partition, errorCode)),
    })),
  }),
});

/** Each partition once, with what was said of it last; a topic without partitions is not asked for. */
function offsetsByTopic(request: DeleteRecordsRequest): Map<string, Map<number, number>> {
  const topics = new Map<string, Map<number, number>>();
  for (const { name, partitions } of request.topics) {
    if (partitions.length === 0) continue;
    const offsets = topics.get(name) ?? new Map<number, number>();
    for (const { partitionIndex, offset } of partitions) offsets.set(partitionIndex, offset);
    topics.set(name, offsets);
  }
  return topics;
}

async function deleteBefore(
  topic: string,
  partition: number,
  offset: number,
  context: RequestContext,
): Promise<PartitionAnswer> {
  const { broker } = context;
  const described = broker.describeTopic(topic)?.partitions[partition];
  if (described === undefined) return refused(partition, KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
  if (isInternalTopic(topic)) return refused(partition, KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION);
  if (!isDeleted(broker.describeTopicConfig(topic))) return refused(partition, KAFKA_ERRORS.POLICY_VIOLATION);
  try {
    const before = offset === -1 ? described.highWatermark : offset;
    const lowWatermark = await broker.deleteRecordsBefore(topic, partition, before);
    return { partitionIndex: partition, lowWatermark, errorCode: KAFKA_ERRORS.NONE };
  } catch (thrown) {
    return refused(partition, answerThrown(thrown, context.onInternalError).errorCode);
  }
}

/** A topic that is only compacted keeps the last record of each key, whatever its offset. */
function isDeleted(entries: readonly { readonly name: string; readonly value: string | null }[] | null): boolean {
  const policy = entries?.find(({ name }) => name === "cleanup.policy")?.value ?? "delete";
  return policy.split(",").some((item) => item.trim() === "delete");
}

function refused(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, lowWatermark: -1, errorCode };
}
