import { LIMITS } from "../../../base/limits.ts";
import type { FetchedPartition, FetchPartition } from "../../../broker/types.ts";
import { answerThrown, type ErrorAnswer } from "../error_answer.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { fetchApi, type FetchRequest, type FetchResponse } from "../wire/messages/fetch.ts";

type TopicResponse = FetchResponse["responses"][number];
type PartitionResponse = TopicResponse["partitions"][number];
type RequestedPartition = FetchRequest["topics"][number]["partitions"][number];

const TOPIC_ID_VERSION = 13;
const TOP_LEVEL_ERROR_VERSION = 7;
/** What a client that has no session sends (KIP-227). */
const EPOCH_FINAL = -1;
const EPOCH_INITIAL = 0;
const READ_COMMITTED = 1;
const NO_RECORDS = new Uint8Array(0);

/** A partition of the request: what the broker is asked for, or why it is not. */
interface Asked {
  readonly requested: RequestedPartition;
  /** The position in the broker's request, or −1. */
  readonly at: number;
}

/**
 * Reads whole batches from many partitions, as slices of what the log holds in memory or has read.
 *
 * Fetch sessions are not kept: every answer says session 0, with which every client asks in full each time (KIP-227).
 */
export const fetchHandler = defineHandler(fetchApi, {
  handle(request, context) {
    if (isFollower(request)) {
      return failAll(request, {
        errorCode: KAFKA_ERRORS.CLUSTER_AUTHORIZATION_FAILED,
        errorMessage: "Replicas are not fetched by Kafka's protocol",
      }, context);
    }
    if (request.sessionEpoch !== EPOCH_FINAL && request.sessionEpoch !== EPOCH_INITIAL) {
      return { errorCode: KAFKA_ERRORS.FETCH_SESSION_ID_NOT_FOUND, responses: [] };
    }
    return fetchAll(request, context);
  },
  fail: failAll,
});

async function fetchAll(request: FetchRequest, context: RequestContext): Promise<FetchResponse> {
  const { broker, apiVersion } = context;
  const partitions: FetchPartition[] = [];
  const topics = request.topics.map((topic) => {
    const name = apiVersion >= TOPIC_ID_VERSION ? broker.topicNameById(topic.topicId) : topic.topic;
    const asked = topic.partitions.map((requested): Asked => {
      if (name === null) return { requested, at: -1 };
      return { requested, at: partitions.push(toBroker(name, requested)) - 1 };
    });
    return { topic, asked };
  });
  const hasUnknownId = topics.some(({ asked }) => asked.some(({ at }) => at < 0));
  const maxBytes = Math.max(0, Math.min(request.maxBytes, LIMITS.fetchBytesMax));
  const pending = broker.fetch({
    partitions,
    // More than may come would be waited for in vain.
    minBytes: Math.min(request.minBytes, maxBytes),
    waitMs: hasUnknownId ? 0 : Math.min(request.maxWaitMs, LIMITS.kafkaFetchWaitMsMax),
    maxBytes,
    ...(context.readMemory === undefined ? {} : { memory: context.readMemory }),
  });
  context.track(pending);
  try {
    const fetched = await pending.result;
    const committedOnly = request.isolationLevel === READ_COMMITTED;
    const responses = topics.map(({ topic, asked }): TopicResponse => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: asked.map(({ requested, at }) =>
        at < 0
          ? failed(requested.partition, KAFKA_ERRORS.UNKNOWN_TOPIC_ID)
          : toResponse(fetched[at]!, committedOnly, context)
      ),
    }));
    return { errorCode: KAFKA_ERRORS.NONE, sessionId: 0, responses };
  } finally {
    context.untrack(pending);
  }
}

function isFollower({ replicaId, replicaState }: FetchRequest): boolean {
  return replicaId >= 0 || replicaState.replicaId >= 0;
}

function toBroker(topic: string, requested: RequestedPartition): FetchPartition {
  return {
    topic,
    partition: requested.partition,
    offset: requested.fetchOffset,
    maxBytes: Math.max(0, requested.partitionMaxBytes),
    currentEpoch: requested.currentLeaderEpoch,
    lastFetchedEpoch: requested.lastFetchedEpoch,
  };
}

function toResponse(fetched: FetchedPartition, committedOnly: boolean, context: RequestContext): PartitionResponse {
  if (fetched.error !== undefined) {
    return failed(fetched.partition, answerThrown(fetched.error, context.onInternalError).errorCode);
  }
  return {
    partitionIndex: fetched.partition,
    errorCode: KAFKA_ERRORS.NONE,
    highWatermark: fetched.highWatermark,
    lastStableOffset: fetched.lastStable,
    logStartOffset: fetched.logStart,
    divergingEpoch: fetched.diverging,
    // Null says that nobody asked: librdkafka complains of a list that a reader of everything gets.
    abortedTransactions: committedOnly ? [] : null,
    preferredReadReplica: -1,
    // Never null, which librdkafka cannot read.
    records: fetched.batches.length === 0 ? NO_RECORDS : fetched.batches.map((batch) => batch.bytes),
  };
}

function failed(partitionIndex: number, errorCode: number): PartitionResponse {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    records: NO_RECORDS,
  };
}

function failAll(request: FetchRequest, { errorCode }: ErrorAnswer, { apiVersion }: RequestContext): FetchResponse {
  if (apiVersion >= TOP_LEVEL_ERROR_VERSION) return { errorCode, responses: [] };
  const responses = request.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => failed(partition, errorCode)),
  }));
  return { errorCode, responses };
}
