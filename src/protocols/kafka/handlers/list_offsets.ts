import type { OffsetSpec } from "../../../broker/types.ts";
import { answerThrown } from "../error_answer.ts";
import { defineHandler, type RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { listOffsetsApi, type ListOffsetsRequest, type ListOffsetsResponse } from "../wire/messages/list_offsets.ts";

type RequestedPartition = ListOffsetsRequest["topics"][number]["partitions"][number];
type PartitionResponse = ListOffsetsResponse["topics"][number]["partitions"][number];

/** Timestamps that mean a place, with the first version that has them (protocol §11). */
const SPECIAL: ReadonlyMap<number, { readonly spec: OffsetSpec | "nowhere"; readonly sinceVersion: number }> = new Map([
  [-1, { spec: "latest", sinceVersion: 1 }],
  [-2, { spec: "earliest", sinceVersion: 1 }],
  [-3, { spec: "newest", sinceVersion: 7 }],
  // Without tiered storage everything is local, and nothing is or waits to be elsewhere.
  [-4, { spec: "earliest", sinceVersion: 8 }],
  [-5, { spec: "nowhere", sinceVersion: 9 }],
  [-6, { spec: "nowhere", sinceVersion: 11 }],
]);

const LEADER_EPOCH_VERSION = 4;

/** Offsets by time, and the ends of partitions. */
export const listOffsetsHandler = defineHandler(listOffsetsApi, {
  async handle(request, context) {
    const topics = [];
    for (const { name, partitions } of request.topics) {
      const twice = indexesThatComeTwice(partitions);
      const responses: PartitionResponse[] = [];
      // One after another: each may read a file, and one request must not queue for all of them at once.
      for (const partition of partitions) {
        responses.push(
          twice.has(partition.partitionIndex)
            ? failed(partition, KAFKA_ERRORS.INVALID_REQUEST)
            : await listOne(name, partition, context),
        );
      }
      topics.push({ name, partitions: responses });
    }
    return { topics };
  },
  fail: (request, { errorCode }) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => failed(partition, errorCode)),
    })),
  }),
});

async function listOne(
  topic: string,
  partition: RequestedPartition,
  { broker, apiVersion, onInternalError }: RequestContext,
): Promise<PartitionResponse> {
  const { partitionIndex, timestamp, currentLeaderEpoch } = partition;
  const spec = specOf(timestamp, apiVersion);
  if (spec === null) return failed(partition, KAFKA_ERRORS.UNSUPPORTED_VERSION);
  try {
    // What is nowhere is still asked of the partition, whose errors come first.
    const asked = spec === "nowhere" ? "earliest" : spec;
    const found = await broker.listOffset(topic, partitionIndex, asked, currentLeaderEpoch);
    const answer = { partitionIndex, errorCode: KAFKA_ERRORS.NONE };
    if (found === null || spec === "nowhere") return answer;
    const { timestamp: foundTimestamp, offset, epoch } = found;
    const leaderEpoch = apiVersion < LEADER_EPOCH_VERSION ? undefined : epoch;
    return { ...answer, timestamp: foundTimestamp, offset, leaderEpoch };
  } catch (thrown) {
    return failed(partition, answerThrown(thrown, onInternalError).errorCode);
  }
}

function specOf(timestamp: number, apiVersion: number): OffsetSpec | "nowhere" | null {
  if (timestamp >= 0) return timestamp;
  const special = SPECIAL.get(timestamp);
  return special === undefined || apiVersion < special.sinceVersion ? null : special.spec;
}

function indexesThatComeTwice(partitions: readonly RequestedPartition[]): ReadonlySet<number> {
  const seen = new Set<number>();
  const twice = new Set<number>();
  for (const { partitionIndex } of partitions) (seen.has(partitionIndex) ? twice : seen).add(partitionIndex);
  return twice;
}

function failed({ partitionIndex }: RequestedPartition, errorCode: number): PartitionResponse {
  return { partitionIndex, errorCode };
}
