import { SentinelError } from "../../base/errors.ts";
import { partitionMetadata } from "./cluster_handlers.ts";
import type { HandlerContext } from "./handler_context.ts";
import { type Payload, readPayload } from "./wire/payload.ts";
import type { CreateTopicReply, DescribeTopicReply } from "./wire/replies.ts";
import { alterTopicRequest, createTopicRequest, deleteTopicRequest, describeTopicRequest } from "./wire/requests.ts";

export async function handleCreateTopic(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { topic, partitions, replicas, config } = readPayload(payload, createTopicRequest);
  const created = await context.broker.createTopic(topic, {
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(config === undefined ? {} : { config }),
  });
  return { name: created.name, partitions: created.partitions.length } satisfies CreateTopicReply;
}

export async function handleDeleteTopic(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  await context.broker.deleteTopic(readPayload(payload, deleteTopicRequest).topic);
  return {};
}

export async function handleAlterTopic(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const { topic, partitions, config } = readPayload(payload, alterTopicRequest);
  await context.broker.alterTopic(topic, {
    ...(partitions === undefined ? {} : { partitions }),
    ...(config === undefined ? {} : { config }),
  });
  return {};
}

export function handleDescribeTopic(context: HandlerContext, payload: Uint8Array): Payload {
  const { topic } = readPayload(payload, describeTopicRequest);
  const description = context.broker.describeTopic(topic);
  if (description === null) throw new SentinelError("unknown_topic", `topic ${topic} does not exist`);
  return {
    name: description.name,
    topicId: description.topicId,
    config: { ...description.config },
    partitions: description.partitions.map((partition) => ({
      ...partitionMetadata(partition),
      start: partition.start,
      end: partition.end,
      highWatermark: partition.highWatermark,
      bytes: partition.bytes,
      ...(partition.offline === undefined ? {} : { offline: partition.offline }),
      ...(partition.damaged === undefined ? {} : { damaged: partition.damaged }),
    })),
  } satisfies DescribeTopicReply;
}
