import { answerThrown } from "../error_answer.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import {
  offsetForLeaderEpochApi,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
} from "../wire/messages/offset_for_leader_epoch.ts";

type RequestedPartition = OffsetForLeaderEpochRequest["topics"][number]["partitions"][number];
type PartitionResponse = OffsetForLeaderEpochResponse["topics"][number]["partitions"][number];

/** Where leader epochs end: a consumer finds out whether what it has read was taken back (KIP-320). */
export const offsetForLeaderEpochHandler = defineHandler(offsetForLeaderEpochApi, {
  handle: (request, context) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((partition) => findOne(topic, partition, context)),
    })),
  }),
  fail: (request, { errorCode }) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  }),
});

function findOne(
  topic: string,
  { partition, leaderEpoch, currentLeaderEpoch }: RequestedPartition,
  { broker, onInternalError }: RequestContext,
): PartitionResponse {
  try {
    const end = broker.offsetForLeaderEpoch(topic, partition, leaderEpoch, currentLeaderEpoch);
    const answer = { partition, errorCode: KAFKA_ERRORS.NONE };
    return end === null ? answer : { ...answer, leaderEpoch: end.epoch, endOffset: end.endOffset };
  } catch (thrown) {
    return { partition, errorCode: answerThrown(thrown, onInternalError).errorCode };
  }
}
