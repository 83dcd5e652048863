/** What each reply's payload is (native frames, version 1). Unknown keys are ignored, so that a newer broker can add some. */
import { z } from "zod";
import { LIMITS } from "../../../base/limits.ts";
import { integer, text, uncheckedList, wrong } from "./fields.ts";

const count = integer(0, Number.MAX_SAFE_INTEGER);
const int32 = integer(-2_147_483_648, 2_147_483_647);
const nodeIds = z.array(int32, { error: wrong("a list of node ids") });

export const helloReply = z.object({
  version: count,
  broker: text,
  nodeId: int32,
  clusterId: text,
  limits: z.object({ frameBytesMax: count, recordsMax: count }),
});

/** Empty when acks were "none". */
export const produceReply = z.object({
  acks: z.array(z.object({ partition: int32, first: count, count })).default([]),
  durability: z.enum(["memory", "os", "interval", "fsync", "quorum-fsync"]).optional(),
});

/** `records` are maps of the record form with `offset`; `storedRecordFromCbor` reads one. */
export const fetchReply = z.object({ records: uncheckedList, next: count, highWatermark: count, logStart: count });

/** `record`: as in a fetch; null: there is none with this key among those below `highWatermark`. */
export const getByKeyReply = z.object({ partition: int32, highWatermark: count, record: z.unknown() });

const partitionMetadata = z.object({ partition: int32, leader: int32, epoch: int32, replicas: nodeIds, isr: nodeIds });

export const metadataReply = z.object({
  clusterId: text,
  controller: int32,
  brokers: z.array(z.object({ id: int32, host: text, port: int32, http: text.nullable() })),
  topics: z.array(z.object({ name: text, partitions: z.array(partitionMetadata), error: text.optional() })),
});

export const offsetsReply = z.object({ offset: count, timestamp: integer(-1, Number.MAX_SAFE_INTEGER) });

export const createTopicReply = z.object({ name: text, partitions: count });

export const describeTopicReply = z.object({
  name: text,
  topicId: text,
  config: z.record(z.string(), text),
  partitions: z.array(
    partitionMetadata.extend({
      start: count,
      end: count,
      highWatermark: count,
      bytes: count,
      offline: text.optional(),
      damaged: text.optional(),
    }),
  ),
});

export const emptyReply = z.object({});

export const errorReply = z.object({
  code: text,
  message: text,
  kafkaError: int32.nullable(),
  retryable: z.boolean(),
  errors: z.array(z.object({ pointer: text, detail: text })).optional(),
  facts: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
});

export type HelloReply = z.output<typeof helloReply>;
export type ProduceReply = z.output<typeof produceReply>;
export type FetchReply = z.output<typeof fetchReply>;
export type GetByKeyReply = z.output<typeof getByKeyReply>;
export type MetadataReply = z.output<typeof metadataReply>;
export type TopicMetadata = MetadataReply["topics"][number];
export type OffsetsReply = z.output<typeof offsetsReply>;
export type CreateTopicReply = z.output<typeof createTopicReply>;
export type DescribeTopicReply = z.output<typeof describeTopicReply>;
export type ErrorReply = z.output<typeof errorReply>;

/** What a broker that speaks version 1 tells of its bounds. */
export const HELLO_LIMITS: HelloReply["limits"] = {
  frameBytesMax: LIMITS.frameBytesMax,
  recordsMax: LIMITS.produceRecordsMax,
};
