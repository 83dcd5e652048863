import { LIMITS } from "../../../base/limits.ts";
import type { FetchedPartition, FetchPartition } from "../../../broker/types.ts";
import { answerThrown, type ErrorAnswer } from "../error_answer.ts";
import {
  type AskedPartition,
  type FetchPlan,
  type FetchPlanFault,
  type FetchSession,
  isFetchPlanFault,
  noteTold,
} from "../fetch_sessions.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { fetchApi, type FetchRequest, type FetchResponse } from "../wire/messages/fetch.ts";

type TopicResponse = FetchResponse["responses"][number];
type PartitionResponse = TopicResponse["partitions"][number];

const TOPIC_ID_VERSION = 13;
const TOP_LEVEL_ERROR_VERSION = 7;
/** What a client says that has no session and wants none, or a new one (KIP-227). */
const EPOCHS_WITHOUT_SESSION: ReadonlySet<number> = new Set([-1, 0]);
const READ_COMMITTED = 1;
const NO_RECORDS = new Uint8Array(0);

/** Reads whole batches from many partitions, as slices of what the log holds in memory or has read. */
export const fetchHandler = defineHandler(fetchApi, {
  handle(request, context) {
    if (isFollower(request)) {
      return failAll(request, {
        errorCode: KAFKA_ERRORS.CLUSTER_AUTHORIZATION_FAILED,
        errorMessage: "Replicas are not fetched by Kafka's protocol",
      }, context);
    }
    const plan = planOf(request, context);
    return isFetchPlanFault(plan) ? { errorCode: plan.errorCode, responses: [] } : fetchPlanned(request, plan, context);
  },
  fail: failAll,
});

function isFollower({ replicaId, replicaState }: FetchRequest): boolean {
  return replicaId >= 0 || replicaState.replicaId >= 0;
}

function planOf(request: FetchRequest, { fetchSessions, apiVersion }: RequestContext): FetchPlan | FetchPlanFault {
  if (fetchSessions !== undefined) return fetchSessions.plan(request, apiVersion >= TOPIC_ID_VERSION);
  if (!EPOCHS_WITHOUT_SESSION.has(request.sessionEpoch)) return { errorCode: KAFKA_ERRORS.FETCH_SESSION_ID_NOT_FOUND };
  const asked = request.topics.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((requested) => ({ topic, topicId, requested }))
  );
  return { session: null, isIncremental: false, asked };
}

async function fetchPlanned(
  request: FetchRequest,
  { session, isIncremental, asked }: FetchPlan,
  context: RequestContext,
): Promise<FetchResponse> {
  const { broker, apiVersion } = context;
  const partitions: FetchPartition[] = [];
  /** Where each is in the broker's request; −1: no topic has its id. */
  const places = asked.map((partition) => {
    const name = apiVersion >= TOPIC_ID_VERSION ? broker.topicNameById(partition.topicId) : partition.topic;
    return name === null ? -1 : partitions.push(toBroker(name, partition)) - 1;
  });
  const maxBytes = Math.max(0, Math.min(request.maxBytes, LIMITS.fetchBytesMax));
  const pending = broker.fetch({
    partitions,
    // More than may come would be waited for in vain.
    minBytes: Math.min(request.minBytes, maxBytes),
    waitMs: places.includes(-1) ? 0 : Math.min(request.maxWaitMs, LIMITS.kafkaFetchWaitMsMax),
    maxBytes,
    ...(context.readMemory === undefined ? {} : { memory: context.readMemory }),
  });
  context.track(pending);
  try {
    const fetched = await pending.result;
    const committedOnly = request.isolationLevel === READ_COMMITTED;
    const responses = new ResponseTopics();
    for (const [index, partition] of asked.entries()) {
      const place = places[index]!;
      const answer = place < 0
        ? failed(partition.requested.partition, KAFKA_ERRORS.UNKNOWN_TOPIC_ID)
        : toResponse(fetched[place]!, committedOnly, context);
      const isNew = session === null || note(session, partition, answer, fetched[place]);
      if (isNew || !isIncremental) responses.add(partition, answer);
    }
    return { errorCode: KAFKA_ERRORS.NONE, sessionId: session?.id ?? 0, responses: responses.topics };
  } finally {
    context.untrack(pending);
  }
}

/** The answers, those of one topic that follow each other together. */
class ResponseTopics {
  readonly topics: (TopicResponse & { readonly partitions: PartitionResponse[] })[] = [];

  add({ topic, topicId }: AskedPartition, answer: PartitionResponse): void {
    const last = this.topics.at(-1);
    if (last !== undefined && last.topic === topic && last.topicId === topicId) last.partitions.push(answer);
    else this.topics.push({ topic, topicId, partitions: [answer] });
  }
}

function note(
  session: FetchSession,
  partition: AskedPartition,
  { errorCode, highWatermark, lastStableOffset = -1, logStartOffset = -1 }: PartitionResponse,
  fetched: FetchedPartition | undefined,
): boolean {
  const isNew = noteTold(session, partition, {
    errorCode,
    hasRecords: fetched !== undefined && fetched.batches.length > 0,
    highWatermark,
    lastStable: lastStableOffset,
    logStart: logStartOffset,
  });
  return isNew || fetched?.diverging !== undefined;
}

function toBroker(topic: string, { requested }: AskedPartition): FetchPartition {
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
  for (const { lease } of fetched.batches) if (lease !== null) context.releaseWhenSent(lease);
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
