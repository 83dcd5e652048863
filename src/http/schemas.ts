/**
 * The shapes of everything that goes in and out, once: they validate, they are the types, and `/openapi.json` is made of
 * them. One exception, for speed: the records of a produce request are checked by `records/record_form.ts` (a schema's
 * pass over 1,000 records costs more than storing them); `recordSchema` describes them to readers.
 */
import { z } from "zod";
import { LIMITS } from "../base/limits.ts";

const OFFSET_TEXT = /^(0|[1-9][0-9]{0,15})$/;

/** A whole number as text: digits only, no sign, no exponent, no space, no leading zero. */
function integerText(min: number, max: number) {
  return z.string().regex(OFFSET_TEXT, "must be a whole number").transform(Number).pipe(
    z.number().int().min(min).max(max),
  );
}

const offsetText = integerText(0, Number.MAX_SAFE_INTEGER);
const partitionText = integerText(0, LIMITS.topicPartitionsMax - 1);

/** Kafka's rule (Topic.java). */
export const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;
export const topicNameSchema = z.string().regex(TOPIC_NAME, "must match [a-zA-Z0-9._-]{1,249}");
export const partitionPathSchema = partitionText;

const offset = z.number().int().min(0);
const partition = z.number().int().min(0);
const headerValue = z.union([z.string(), z.null(), z.strictObject({ b64: z.base64() })]);

const jsonValueSchema = z.json().meta({ id: "JsonValue" });

/** A record as it is sent. */
export const recordSchema = z.object({
  key: z.string().nullable().optional(),
  keyB64: z.base64().optional(),
  value: jsonValueSchema.optional().describe(
    "Text is its UTF-8 bytes, null a tombstone, anything else its compact JSON",
  ),
  valueB64: z.base64().optional().describe("Any bytes, in place of value"),
  headers: z.array(z.tuple([z.string(), headerValue])).optional(),
  timestamp: offset.optional().describe("Milliseconds since 1970"),
  partition: partition.optional(),
}).meta({ id: "Record" });

/** Only the envelope: the records inside are not looked at. */
export const produceEnvelopeSchema = z.strictObject({ records: z.array(z.unknown()) });
export const produceBodySchema = z.union([
  z.strictObject({ records: z.array(recordSchema).min(1) }),
  z.array(recordSchema).min(1),
  recordSchema,
]);

export const produceQuerySchema = z.strictObject({
  acks: z.enum(["all", "leader", "none"]).default("all"),
  partition: partitionText.optional().describe("For records that name none"),
});
export const rawQuerySchema = produceQuerySchema.extend({ key: z.string().optional() });

export const durabilitySchema = z.enum(["memory", "os", "interval", "fsync", "quorum-fsync"]);
export const produceAnswerSchema = z.object({
  acks: z.array(z.object({ partition, first: offset, count: z.number().int() })),
  offsets: z.array(z.tuple([partition, offset])).describe(
    "Partition and offset of each record, in the order of the request",
  ),
  durability: durabilitySchema,
});

export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  instance: z.string().describe("The request's id"),
  code: z.string(),
  kafkaError: z.number().int().optional(),
  retryable: z.boolean(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
}).meta({ id: "Problem" });

export const partialAnswerSchema = z.object({
  results: z.array(z.union([z.object({ partition, offset }), z.object({ problem: problemSchema })])),
});

const startText = z.string().regex(
  /^(earliest|latest|@?(0|[1-9][0-9]{0,15}))$/,
  "must be earliest, latest, an offset or @ and milliseconds",
);

const readQueryShape = {
  from: startText.optional().describe("earliest (the default), latest, an offset, or @ and milliseconds since 1970"),
  cursor: z.string().optional().describe("Where an earlier read ended; wins over from"),
  limit: integerText(1, LIMITS.httpReadRecordsMax).optional(),
  maxBytes: integerText(1, LIMITS.fetchBytesMax).default(LIMITS.fetchBytesDefault),
  wait: integerText(0, LIMITS.httpWaitSecondsMax).optional().describe(
    "Seconds to wait for a first record; a stream ends when none came for so long, without it never",
  ),
  isolation: z.enum(["committed", "uncommitted"]).default("committed"),
  clamp: z.enum(["true", "false"]).default("false").describe(
    "Read from the nearest offset when the wanted one is gone",
  ),
  topicId: z.string().optional().describe("Refuse the read when the topic is another one of the same name"),
};
export const readAllQuerySchema = z.strictObject(readQueryShape);
export const readPartitionQuerySchema = z.strictObject({
  ...readQueryShape,
  to: offsetText.optional().describe("Where to end, exclusive"),
});

export const lookUpQuerySchema = z.strictObject({
  keyEncoding: z.enum(["text", "base64url"]).default("text").describe(
    "How the path has the key: as percent-encoded UTF-8, or any bytes as base64url without padding",
  ),
  partition: partitionText.optional().describe("Default: the partition that the broker's partitioner gives to the key"),
  wait: integerText(0, LIMITS.httpWaitSecondsMax).optional().describe(
    `Seconds to wait until the index of keys has reached the high watermark; ${
      LIMITS.keyLookupWaitMsDefault / 1_000
    } by default`,
  ),
});

/** A record as it is read. */
export const storedRecordSchema = z.object({
  partition,
  offset,
  timestamp: z.number().int(),
  key: z.string().optional(),
  keyB64: z.base64().optional(),
  value: z.string().nullable().optional(),
  valueB64: z.base64().optional(),
  headers: z.array(z.tuple([z.string(), headerValue])),
}).meta({ id: "StoredRecord" });

export const partitionPageSchema = z.object({
  records: z.array(storedRecordSchema),
  cursor: z.string(),
  next: offset,
  tail: offset.optional().describe("The high watermark; in an answer with an ETag it is the header Log-Tail"),
});
export const allPartitionsPageSchema = z.object({
  records: z.array(storedRecordSchema),
  cursor: z.string(),
  tails: z.record(z.string(), offset),
  problems: z.array(problemSchema).optional().describe("Partitions that could not be read this time"),
});

export const pageQuerySchema = z.strictObject({
  limit: integerText(1, LIMITS.httpPageTopicsMax).default(LIMITS.httpPageTopicsMax),
  pageToken: z.string().optional(),
});
export const topicListSchema = z.object({
  topics: z.array(z.object({ name: z.string(), topicId: z.string(), partitions: z.number().int() })),
  nextPageToken: z.string().optional(),
});

export const createTopicBodySchema = z.strictObject({
  partitions: z.number().int().optional(),
  replicas: z.number().int().optional(),
  config: z.record(z.string(), z.string()).optional(),
});
export const alterTopicBodySchema = z.strictObject({
  partitions: z.number().int().optional(),
  config: z.record(z.string(), z.string().nullable()).optional().describe("null returns a setting to its default"),
});
export const topicSchema = z.object({
  name: z.string(),
  topicId: z.string(),
  config: z.record(z.string(), z.string()),
  partitions: z.array(z.object({
    partition,
    leader: z.number().int(),
    epoch: z.number().int(),
    replicas: z.array(z.number().int()),
    isr: z.array(z.number().int()),
    start: offset,
    end: offset,
    highWatermark: offset,
    bytes: z.number().int(),
    offline: z.string().optional(),
    damaged: z.string().optional().describe("what the scrub has found; the rest is served"),
  })),
}).meta({ id: "Topic" });

export const clusterSchema = z.object({
  clusterId: z.string(),
  controller: z.number().int(),
  nodes: z.array(z.object({
    id: z.number().int(),
    host: z.string(),
    port: z.number().int(),
    http: z.string().nullable(),
  })),
  leaders: z.array(z.object({ topic: z.string(), leaders: z.array(z.number().int()).describe("By partition") })),
  nextPageToken: z.string().optional(),
});

export const limitsSchema = z.record(z.string(), z.number().int());
export const statusSchema = z.object({ status: z.literal("ok") });
export const noQuerySchema = z.strictObject({});
