/**
 * The consumer protocol (ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json): what members of a group of
 * protocol type `consumer` say to each other through the broker. To the broker it is opaque but for three uses: which
 * topics a group reads (their offsets do not expire), who has which partition (for people), and native members.
 */
import type { PartitionId } from "../../base/ids.ts";
import { ByteReader } from "../../bytes/byte_reader.ts";
import { ByteWriter } from "../../bytes/byte_writer.ts";
import { utf8Bytes } from "../../bytes/utf8.ts";
import type { TopicPartition } from "./group_types.ts";

export const CONSUMER_PROTOCOL_TYPE = "consumer";
const NO_USER_DATA = -1;

/** The topics of a subscription, of any version: later ones only add fields behind. Null when it cannot be read. */
export function readSubscription(metadata: Uint8Array): readonly string[] | null {
  const reader = new ByteReader(metadata);
  reader.int16();
  const count = reader.checkCount(reader.int32(), 2);
  const topics: string[] = [];
  for (let index = 0; index < count && reader.fault === null; index++) topics.push(reader.text(reader.int16()));
  return reader.fault === null ? topics : null;
}

/** Version 0: topics and no user data; every reader takes it. */
export function writeSubscription(topics: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(0);
  writer.int32(topics.length);
  for (const topic of topics) writeText(writer, topic);
  writer.int32(NO_USER_DATA);
  return writer.written;
}

/** The partitions of an assignment, or null when it cannot be read. No bytes at all assign nothing. */
export function readAssignment(assignment: Uint8Array): readonly TopicPartition[] | null {
  if (assignment.length === 0) return [];
  const reader = new ByteReader(assignment);
  reader.int16();
  const partitions: TopicPartition[] = [];
  const topicCount = reader.checkCount(reader.int32(), 6);
  for (let index = 0; index < topicCount && reader.fault === null; index++) {
    const topic = reader.text(reader.int16());
    const count = reader.checkCount(reader.int32(), 4);
    for (let at = 0; at < count; at++) partitions.push({ topic, partition: reader.int32() });
  }
  return reader.fault === null ? partitions : null;
}

export function writeAssignment(partitions: readonly TopicPartition[]): Uint8Array {
  const byTopic = new Map<string, PartitionId[]>();
  for (const { topic, partition } of partitions) {
    const listed = byTopic.get(topic);
    if (listed === undefined) byTopic.set(topic, [partition]);
    else listed.push(partition);
  }
  const writer = new ByteWriter();
  writer.int16(0);
  writer.int32(byTopic.size);
  for (const [topic, indexes] of byTopic) {
    writeText(writer, topic);
    writer.int32(indexes.length);
    for (const index of indexes) writer.int32(index);
  }
  writer.int32(NO_USER_DATA);
  return writer.written;
}

function writeText(writer: ByteWriter, text: string): void {
  const sizeBytes = utf8Bytes(text);
  writer.int16(sizeBytes);
  writer.text(text, sizeBytes);
}
