import { SentinelError } from "../../base/errors.ts";
import type { PartitionDescription } from "../../broker/types.ts";
import type { HandlerContext } from "./handler_context.ts";
import { PROTOCOL_VERSIONS } from "./wire/message_types.ts";
import { type Payload, readPayload } from "./wire/payload.ts";
import {
  HELLO_LIMITS,
  type HelloReply,
  type MetadataReply,
  type OffsetsReply,
  type TopicMetadata,
} from "./wire/replies.ts";
import { helloRequest, metadataRequest, offsetsRequest } from "./wire/requests.ts";

/** Settles on a version and says who answers. */
export function handleHello(context: HandlerContext, payload: Uint8Array): Payload {
  const request = readPayload(payload, helloRequest);
  // Taking a token without checking it would make its sender believe in a protection that is not there.
  if (request.token !== undefined) throw new SentinelError("unauthenticated", "credentials are not supported yet");
  const common = request.versions.filter((version) => PROTOCOL_VERSIONS.includes(version));
  if (common.length === 0) {
    throw new SentinelError(
      "unsupported_version",
      `none of versions [${request.versions.join(", ")}] is one of [${PROTOCOL_VERSIONS.join(", ")}]`,
    );
  }
  context.connection.clientName = request.client;
  return {
    version: Math.max(...common),
    broker: context.brokerName,
    nodeId: context.nodeId,
    clusterId: context.broker.describeCluster().clusterId,
    limits: HELLO_LIMITS,
  } satisfies HelloReply;
}

/** Nodes, and the topics that were asked for or all; one that does not exist is named with its error (facts W3). */
export function handleMetadata(context: HandlerContext, payload: Uint8Array): Payload {
  const { broker } = context;
  const request = readPayload(payload, metadataRequest);
  const names = request.topics === undefined ? broker.topicNames() : [...new Set(request.topics)].sort();
  const topics = names.map((name): TopicMetadata => {
    const topic = broker.describeTopic(name);
    if (topic === null) return { name, partitions: [], error: "unknown_topic" };
    return { name, partitions: topic.partitions.map(partitionMetadata) };
  });
  const cluster = broker.describeCluster();
  return {
    clusterId: cluster.clusterId,
    controller: cluster.controller,
    brokers: cluster.nodes.map(({ id, host, port, http }) => ({ id, host, port, http })),
    topics,
  } satisfies MetadataReply;
}

/** The part of a partition that clients need to find its leader. */
export function partitionMetadata(partition: PartitionDescription): TopicMetadata["partitions"][number] {
  return {
    partition: partition.partition,
    leader: partition.leader,
    epoch: partition.epoch,
    replicas: [...partition.replicas],
    isr: [...partition.isr],
  };
}

/** The first offset at or after a time, or one of the log's ends. */
export async function handleOffsets(context: HandlerContext, payload: Uint8Array): Promise<Payload> {
  const request = readPayload(payload, offsetsRequest);
  const { offset, timestamp } = await context.broker.offsetFor(request.topic, request.partition, request.at);
  return { offset, timestamp } satisfies OffsetsReply;
}
