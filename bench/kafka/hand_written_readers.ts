/** Kafka messages read by code that a person wrote for one version: what the schemas' readers are held against. */
import { formatUuid } from "../../src/base/ids.ts";
import { ByteReader } from "../../src/bytes/byte_reader.ts";

function compactString(reader: ByteReader): string {
  return reader.text(reader.unsignedVarint() - 1);
}

function compactNullableString(reader: ByteReader): string | null {
  const length = reader.unsignedVarint();
  return length === 0 ? null : reader.text(length - 1);
}

function compactNullableData(reader: ByteReader): Uint8Array | null {
  const length = reader.unsignedVarint();
  return length === 0 ? null : reader.take(length - 1);
}

function compactCount(reader: ByteReader, itemBytesMin: number): number {
  return reader.checkCount(reader.unsignedVarint() - 1, itemBytesMin);
}

function skipTags(reader: ByteReader): void {
  for (let left = reader.unsignedVarint(); left > 0 && reader.fault === null; left -= 1) {
    reader.unsignedVarint();
    reader.skip(reader.unsignedVarint());
  }
}

function items<Item>(reader: ByteReader, itemBytesMin: number, read: (reader: ByteReader) => Item): Item[] {
  const list: Item[] = [];
  for (let left = compactCount(reader, itemBytesMin); left > 0 && reader.fault === null; left -= 1) {
    list.push(read(reader));
  }
  return list;
}

export function readProduceRequestV9(bytes: Uint8Array) {
  const reader = new ByteReader(bytes);
  const transactionalId = compactNullableString(reader);
  const acks = reader.int16();
  const timeoutMs = reader.int32();
  const topicData = items(reader, 3, (topic) => {
    const name = compactString(topic);
    const partitionData = items(topic, 6, (partition) => {
      const index = partition.int32();
      const records = compactNullableData(partition);
      skipTags(partition);
      return { index, records };
    });
    skipTags(topic);
    return { name, partitionData };
  });
  skipTags(reader);
  return { fault: reader.fault, transactionalId, acks, timeoutMs, topicData };
}

export function readFetchRequestV13(bytes: Uint8Array) {
  const reader = new ByteReader(bytes);
  const replicaId = reader.int32();
  const maxWaitMs = reader.int32();
  const minBytes = reader.int32();
  const maxBytes = reader.int32();
  const isolationLevel = reader.int8();
  const sessionId = reader.int32();
  const sessionEpoch = reader.int32();
  const topics = items(reader, 18, (topic) => {
    const topicId = formatUuid(topic.take(16));
    const partitions = items(topic, 33, (partition) => {
      const read = {
        partition: partition.int32(),
        currentLeaderEpoch: partition.int32(),
        fetchOffset: partition.int64(),
        lastFetchedEpoch: partition.int32(),
        logStartOffset: partition.int64(),
        partitionMaxBytes: partition.int32(),
      };
      skipTags(partition);
      return read;
    });
    skipTags(topic);
    return { topicId, partitions };
  });
  const forgotten = items(reader, 18, (topic) => {
    const topicId = formatUuid(topic.take(16));
    const partitions = items(topic, 4, (partition) => partition.int32());
    skipTags(topic);
    return { topicId, partitions };
  });
  const rackId = compactString(reader);
  skipTags(reader);
  const { fault } = reader;
  const head = { replicaId, maxWaitMs, minBytes, maxBytes, isolationLevel, sessionId, sessionEpoch };
  return { fault, ...head, topics, forgotten, rackId };
}

export function readMetadataResponseV9(bytes: Uint8Array) {
  const reader = new ByteReader(bytes);
  const throttleTimeMs = reader.int32();
  const brokers = items(reader, 11, (broker) => {
    const nodeId = broker.int32();
    const host = compactString(broker);
    const port = broker.int32();
    const rack = compactNullableString(broker);
    skipTags(broker);
    return { nodeId, host, port, rack };
  });
  const clusterId = compactNullableString(reader);
  const controllerId = reader.int32();
  const topics = items(reader, 10, (topic) => {
    const errorCode = topic.int16();
    const name = compactString(topic);
    const isInternal = topic.uint8() !== 0;
    const partitions = items(topic, 18, (partition) => {
      const read = {
        errorCode: partition.int16(),
        partitionIndex: partition.int32(),
        leaderId: partition.int32(),
        leaderEpoch: partition.int32(),
        replicaNodes: items(partition, 4, (node) => node.int32()),
        isrNodes: items(partition, 4, (node) => node.int32()),
        offlineReplicas: items(partition, 4, (node) => node.int32()),
      };
      skipTags(partition);
      return read;
    });
    const topicAuthorizedOperations = topic.int32();
    skipTags(topic);
    return { errorCode, name, isInternal, partitions, topicAuthorizedOperations };
  });
  const clusterAuthorizedOperations = reader.int32();
  skipTags(reader);
  const { fault } = reader;
  return { fault, throttleTimeMs, brokers, clusterId, controllerId, topics, clusterAuthorizedOperations };
}
