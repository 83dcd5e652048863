/** What each request's payload must be (native frames, version 1). Unknown keys are ignored, so that fields can be added. */
import { z } from "zod";
import { LIMITS } from "../../../base/limits.ts";
import {
  byteString,
  integer,
  partitionIndex,
  partitionsCount,
  replicasCount,
  startOffset,
  text,
  timePoint,
  topicName,
  uncheckedList,
  wrong,
} from "./fields.ts";

export const helloRequest = z.object({
  versions: z.array(integer(0, 65_535), { error: wrong("a list of versions") }).max(100, {
    error: "has more than 100 entries",
  }),
  client: text.max(255, { error: "is longer than 255 characters" }),
  token: text.optional(),
});

/** `records`: maps of the record form, each checked by `recordFromCbor`. Exactly one of `records` and `batch`. */
export const produceRequest = z.object({
  topic: topicName,
  partition: partitionIndex.optional(),
  acks: z.enum(["all", "leader", "none"], { error: wrong('"all", "leader" or "none"') }).default("all"),
  records: uncheckedList.optional(),
  batch: byteString.optional(),
});

export const fetchRequest = z.object({
  topic: topicName,
  partition: partitionIndex,
  offset: startOffset,
  maxBytes: integer(1, LIMITS.fetchBytesMax).default(LIMITS.fetchBytesDefault),
  maxRecords: integer(1, LIMITS.fetchRecordsMax).default(LIMITS.fetchRecordsDefault),
  waitMs: integer(0, LIMITS.fetchWaitMsMax).default(0),
  minBytes: integer(0, LIMITS.fetchBytesMax).default(1),
});

/** The key's bytes; without a partition the broker's partitioner names it. */
export const getByKeyRequest = z.object({
  topic: topicName,
  key: byteString,
  partition: partitionIndex.optional(),
  waitMs: integer(0, LIMITS.fetchWaitMsMax).default(LIMITS.keyLookupWaitMsDefault),
});

export const metadataRequest = z.object({
  topics: z.array(topicName, { error: wrong("a list of names") }).max(LIMITS.topicsMax, {
    error: `has more than ${LIMITS.topicsMax} names`,
  }).optional(),
});

export const offsetsRequest = z.object({ topic: topicName, partition: partitionIndex, at: timePoint });

export const createTopicRequest = z.object({
  topic: topicName,
  partitions: partitionsCount.optional(),
  replicas: replicasCount.optional(),
  config: z.record(z.string(), text, { error: wrong("a map of settings") }).optional(),
});

export const deleteTopicRequest = z.object({ topic: topicName });

/** A setting that is null returns to its default. */
export const alterTopicRequest = z.object({
  topic: topicName,
  partitions: partitionsCount.optional(),
  config: z.record(z.string(), text.nullable(), { error: wrong("a map of settings") }).optional(),
});

export const describeTopicRequest = z.object({ topic: topicName });

export const pingRequest = z.object({});

export type HelloRequest = z.output<typeof helloRequest>;
export type ProduceRequest = z.output<typeof produceRequest>;
export type FetchRequestMessage = z.output<typeof fetchRequest>;
export type GetByKeyRequest = z.output<typeof getByKeyRequest>;
export type MetadataRequest = z.output<typeof metadataRequest>;
export type OffsetsRequest = z.output<typeof offsetsRequest>;
export type CreateTopicRequest = z.output<typeof createTopicRequest>;
export type DeleteTopicRequest = z.output<typeof deleteTopicRequest>;
export type AlterTopicRequest = z.output<typeof alterTopicRequest>;
export type DescribeTopicRequest = z.output<typeof describeTopicRequest>;
