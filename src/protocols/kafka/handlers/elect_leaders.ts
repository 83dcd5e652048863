/** ElectLeaders (API 43): on a single node each partition has its leader, or has none that could be elected. */
import type { BrokerApi } from "../../../broker/broker_api.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { electLeadersApi } from "../wire/messages/elect_leaders.ts";
import type { ElectLeadersRequest, ElectLeadersResponse } from "../wire/messages/elect_leaders.ts";

type TopicAnswer = ElectLeadersResponse["replicaElectionResults"][number];
type PartitionAnswer = TopicAnswer["partitionResult"][number];

/** Kafka's ElectionType. */
const PREFERRED = 0;
const UNCLEAN = 1;

export const electLeadersHandler = defineHandler(electLeadersApi, {
  handle(request, { apiVersion, broker }) {
    const { electionType, timeoutMs, topicPartitions } = request;
    if (timeoutMs <= 0) return failAll(request, KAFKA_ERRORS.REQUEST_TIMED_OUT, null, apiVersion);
    if (electionType !== PREFERRED && electionType !== UNCLEAN) {
      return failAll(request, KAFKA_ERRORS.INVALID_REQUEST, `Unknown election type ${electionType}`, apiVersion);
    }
    const replicaElectionResults = topicPartitions === null
      // Where all are meant, Kafka names the topics, and only those partitions whose leader changed.
      ? broker.topicNames().map((topic) => ({ topic, partitionResult: [] }))
      : topicPartitions.map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((partition) => electLeader(broker, topic, partition, electionType)),
      }));
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, replicaElectionResults };
  },
  fail: (request, { errorCode, errorMessage }, { apiVersion }) => failAll(request, errorCode, errorMessage, apiVersion),
});

function failAll(
  { topicPartitions }: ElectLeadersRequest,
  errorCode: number,
  errorMessage: string | null,
  apiVersion: number,
): ElectLeadersResponse {
  return {
    throttleTimeMs: 0,
    // The first version has no room for the error of the whole.
    errorCode: apiVersion === 0 ? KAFKA_ERRORS.NONE : errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }): TopicAnswer => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
    })),
  };
}

function electLeader(broker: BrokerApi, topic: string, partition: number, electionType: number): PartitionAnswer {
  const answer = (errorCode: number, errorMessage: string): PartitionAnswer => ({
    partitionId: partition,
    errorCode,
    errorMessage,
  });
  const description = broker.describeTopic(topic);
  if (description === null) return answer(KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, `No such topic as ${topic}`);
  const found = description.partitions[partition];
  if (found === undefined) {
    return answer(KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${topic}-${partition}`);
  }
  if (found.offline === undefined) {
    return answer(KAFKA_ERRORS.ELECTION_NOT_NEEDED, "Leader election not needed for topic partition.");
  }
  return electionType === PREFERRED
    ? answer(KAFKA_ERRORS.PREFERRED_LEADER_NOT_AVAILABLE, `The preferred leader was not available: ${found.offline}`)
    : answer(
      KAFKA_ERRORS.ELIGIBLE_LEADERS_NOT_AVAILABLE,
      `Eligible topic partition leaders are not available: ${found.offline}`,
    );
}
