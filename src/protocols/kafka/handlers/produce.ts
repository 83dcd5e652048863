import { SentinelError } from "../../../base/errors.ts";
import { LIMITS } from "../../../base/limits.ts";
import type { Acks, ProduceAck } from "../../../broker/types.ts";
import type { Clock } from "../../../platform/clock.ts";
import {
  BATCH_LENGTH_END,
  type BatchFault,
  isBatchFault,
  parseRecordBatch,
  type RecordBatch,
} from "../../../records/record_batch.ts";
import { answerThrown, type ErrorAnswer } from "../error_answer.ts";
import { CloseConnection, defineHandler, type HandlerAnswer, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { produceApi, type ProduceRequest, type ProduceResponse } from "../wire/messages/produce.ts";

type TopicData = ProduceRequest["topicData"][number];
type PartitionData = TopicData["partitionData"][number];
type PartitionResponse = ProduceResponse["responses"][number]["partitionResponses"][number];

/** What an acknowledgement is waited for, and how long. */
interface Patience {
  readonly acks: Acks;
  readonly timeoutMs: number;
}

const ACKS: ReadonlyMap<number, Acks> = new Map([[0, "none"], [1, "leader"], [-1, "all"]]);
/** Message sets, which no client of a version that is served sends. */
const OLD_MAGICS: ReadonlySet<number> = new Set([0, 1]);
const MAGIC_AT = 16;
const BATCH_LENGTH_AT = 8;
const TOPIC_ID_VERSION = 13;
/** The first version whose clients all know zstd (KIP-110). */
const ZSTD_VERSION = 7;

/**
 * Appends one batch for each partition, as bytes. Every batch is handed to its partition before this first waits, so that
 * the requests of a connection are appended in their order although they wait for their syncs together.
 *
 * Versions 0–2 are advertised and not served, as in Kafka (KAFKA-18659): librdkafka up to 2.10 asks for Produce 0 before
 * it compresses.
 */
export const produceHandler = defineHandler(produceApi, {
  overlaps: true,
  leavesBody: true,
  advertised: { min: 0, max: produceApi.request.versions.max },
  async handle(request, context) {
    const acks = ACKS.get(request.acks);
    if (acks === undefined) {
      return failAll(request, {
        errorCode: KAFKA_ERRORS.INVALID_REQUIRED_ACKS,
        errorMessage: `acks ${request.acks} is none of -1, 0 and 1`,
      });
    }
    const patience = { acks, timeoutMs: clampTimeout(request.timeoutMs) };
    const topics = request.topicData.map((topic) => ({ topic, appends: appendAll(topic, patience, context) }));
    const responses = [];
    for (const { topic, appends } of topics) {
      const partitionResponses = await Promise.all(appends);
      responses.push({ name: topic.name, topicId: topic.topicId, partitionResponses });
    }
    return acks === "none" ? answerNothing(responses) : { responses };
  },
  fail: failAll,
});

function failAll(request: ProduceRequest, error: ErrorAnswer): HandlerAnswer<ProduceResponse> {
  const responses = request.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => failed(index, error)),
  }));
  return request.acks === 0 ? answerNothing(responses) : { responses };
}

/** Nobody reads an answer: a failure can only be told by the end of the connection. */
function answerNothing(responses: ProduceResponse["responses"]): HandlerAnswer<ProduceResponse> {
  for (const { partitionResponses } of responses) {
    for (const { errorCode } of partitionResponses) {
      if (errorCode !== KAFKA_ERRORS.NONE) {
        return new CloseConnection(`Produce with acks 0 failed with error ${errorCode}`);
      }
    }
  }
  return null;
}

function appendAll(topic: TopicData, patience: Patience, context: RequestContext): Promise<PartitionResponse>[] {
  const { broker, apiVersion } = context;
  const byId = apiVersion >= TOPIC_ID_VERSION;
  const name = byId ? broker.topicNameById(topic.topicId) : topic.name;
  const partitionCount = name === null ? null : broker.partitionCount(name);
  if (name === null || partitionCount === null) {
    const error = byId
      ? { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_ID, errorMessage: "No topic has this id" }
      : { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: "The topic does not exist" };
    return topic.partitionData.map(({ index }) => Promise.resolve(failed(index, error)));
  }
  return topic.partitionData.map((partition) => append(name, partitionCount, partition, patience, context));
}

async function append(
  topic: string,
  partitionCount: number,
  { index, records }: PartitionData,
  { acks, timeoutMs }: Patience,
  context: RequestContext,
): Promise<PartitionResponse> {
  try {
    if (index < 0 || index >= partitionCount) {
      throw new SentinelError("unknown_partition", `Partition ${index} of ${topic} does not exist`);
    }
    const batch = wholeBatch(records);
    if (batch.codec === "zstd" && context.apiVersion < ZSTD_VERSION) {
      return failed(index, {
        errorCode: KAFKA_ERRORS.UNSUPPORTED_COMPRESSION_TYPE,
        errorMessage: `Produce v${context.apiVersion} has no zstd`,
      });
    }
    batch.lieIn(context.lease);
    const ack = context.broker.produceBatch(topic, index, batch, { acks });
    // The answer may be that it took too long: the broker goes on with the batch all the same.
    context.lease?.holdWhile(ack);
    return stored(index, await withinTime(ack, timeoutMs, context.clock));
  } catch (thrown) {
    const answer = failed(index, answerThrown(thrown, context.onInternalError));
    return thrown instanceof SentinelError ? { ...answer, recordErrors: recordErrors(thrown) } : answer;
  }
}

/** A client's time-out is meant for replicas; a disk that is busy gets some time even from one that gives none. */
function clampTimeout(timeoutMs: number): number {
  return Math.min(Math.max(timeoutMs, LIMITS.kafkaProduceTimeoutMsMin), LIMITS.produceTimeoutMsMax);
}

/** Fails with `timed_out` when `work` takes longer; what it does is done all the same. */
function withinTime<Result>(work: Promise<Result>, timeoutMs: number, clock: Clock): Promise<Result> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      reject(new SentinelError("timed_out", `The records were not stored within ${timeoutMs} ms; they may be later`));
    });
    work.then((result) => {
      cancel();
      resolve(result);
    }, (thrown: unknown) => {
      cancel();
      reject(thrown);
    });
  });
}

function stored(index: number, ack: ProduceAck): PartitionResponse {
  return {
    index,
    errorCode: KAFKA_ERRORS.NONE,
    baseOffset: ack.first,
    logAppendTimeMs: ack.logAppendTimeMs,
    logStartOffset: ack.logStart,
  };
}

function failed(index: number, { errorCode, errorMessage }: ErrorAnswer): PartitionResponse {
  return { index, errorCode, baseOffset: -1, errorMessage };
}

/** The records that were at fault, where a fault is one record's. */
function recordErrors({ errors }: SentinelError): PartitionResponse["recordErrors"] {
  return errors.flatMap(({ pointer, detail }) => {
    const index = /^\/records\/(\d+)/.exec(pointer)?.[1];
    return index === undefined ? [] : [{ batchIndex: Number(index), batchIndexErrorMessage: detail }];
  });
}

/**
 * Kafka's reader (ByteBufferLogInputStream) finds no batch in bytes that end before the batch does: such a request is
 * invalid. So is one with a batch of the formats before this one. A batch that can be none is corrupt.
 */
function refusalOf(records: Uint8Array, { fault }: BatchFault): "invalid_record" | "corrupt_batch" | "too_large" {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  if (fault === "short" || fault === "offset") return "invalid_record";
  if (fault === "magic") return OLD_MAGICS.has(view.getInt8(MAGIC_AT)) ? "invalid_record" : "corrupt_batch";
  if (fault === "length" && view.getInt32(BATCH_LENGTH_AT) > LIMITS.batchBytesMax - BATCH_LENGTH_END) {
    return records.length > LIMITS.batchBytesMax ? "too_large" : "invalid_record";
  }
  return "corrupt_batch";
}

/** Exactly one batch (Kafka's ProduceRequest.validateRecords); its checksum and its records are the broker's to validate. */
function wholeBatch(records: Uint8Array | null): RecordBatch {
  if (records === null || records.length === 0) throw new SentinelError("invalid_record", "There is no batch");
  const batch = parseRecordBatch(records, 0, { verifyCrc: false, batchBytesMax: LIMITS.batchBytesMax });
  if (isBatchFault(batch)) throw new SentinelError(refusalOf(records, batch), batch.detail);
  if (batch.sizeBytes !== records.length) {
    throw new SentinelError("invalid_record", "More than one batch came for a partition");
  }
  return batch;
}
