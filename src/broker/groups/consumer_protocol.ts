/**
 * The consumer protocol: what members of a group of protocol type `consumer` say to each other through the broker. To the
 * broker it is opaque but for three uses: which topics a group reads (their positions do not expire), who has which
 * partition (for people), and members that speak native frames.
 */
import type { PartitionId } from "../../base/ids.ts";
import { ByteReader } from "../../bytes/byte_reader.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "../../schema/internal/consumer_protocol.ts";
import { isSchemaFault } from "../../schema/message_schema.ts";
import type { TopicPartition } from "./group_types.ts";

export const CONSUMER_PROTOCOL_TYPE = "consumer";

const VERSION_BYTES = 2;
/** Every reader knows it, and later versions only add fields behind. */
const WRITTEN_VERSION = 0;

/** The topics of a subscription, or null when it cannot be read. */
export function readSubscription(metadata: Uint8Array): readonly string[] | null {
  const version = knownVersion(metadata, consumerProtocolSubscription.versions.max);
  if (version === null) return null;
  const read = consumerProtocolSubscription.decode(metadata.subarray(VERSION_BYTES), version);
  return isSchemaFault(read) ? null : read.topics;
}

export function writeSubscription(topics: readonly string[]): Uint8Array {
  return consumerProtocolSubscription.encodeVersioned({ topics: [...topics] }, WRITTEN_VERSION);
}

/** The partitions of an assignment, or null when it cannot be read. No bytes at all assign nothing. */
export function readAssignment(assignment: Uint8Array): readonly TopicPartition[] | null {
  if (assignment.length === 0) return [];
  const version = knownVersion(assignment, consumerProtocolAssignment.versions.max);
  if (version === null) return null;
  const read = consumerProtocolAssignment.decode(assignment.subarray(VERSION_BYTES), version);
  if (isSchemaFault(read)) return null;
  return read.assignedPartitions.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition }))
  );
}

export function writeAssignment(partitions: readonly TopicPartition[]): Uint8Array {
  const byTopic = new Map<string, PartitionId[]>();
  for (const { topic, partition } of partitions) {
    const listed = byTopic.get(topic);
    if (listed === undefined) byTopic.set(topic, [partition]);
    else listed.push(partition);
  }
  const assignedPartitions = [...byTopic].map(([topic, indexes]) => ({ topic, partitions: indexes }));
  return consumerProtocolAssignment.encodeVersioned({ assignedPartitions }, WRITTEN_VERSION);
}

/** The version to read by: a later one is read as the latest that is known, for its fields come first. */
function knownVersion(bytes: Uint8Array, versionMax: number): number | null {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  return reader.fault !== null || version < 0 ? null : Math.min(version, versionMax);
}
