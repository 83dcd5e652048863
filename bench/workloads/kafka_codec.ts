/** `kafka-codec`: the readers that the schemas make, beside readers that were written by hand for the same version. */
import { fetchRequest } from "../../src/protocols/kafka/wire/messages/fetch.ts";
import { metadataResponse } from "../../src/protocols/kafka/wire/messages/metadata.ts";
import { produceRequest } from "../../src/protocols/kafka/wire/messages/produce.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { Figure } from "../figure.ts";
import { readFetchRequestV13, readMetadataResponseV9, readProduceRequestV9 } from "../kafka/hand_written_readers.ts";
import { compareInRounds } from "../rounds.ts";
import { besideFigure, type Workload } from "../workload.ts";

const ROUND_MS = 300;
/** Messages between two looks at the clock. */
const STEP = 50;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly byHand: (bytes: Uint8Array) => { readonly fault: string | null };
  readonly bySchema: (bytes: Uint8Array) => object;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const CASES: readonly Case[] = [
  {
    name: "produce_v9",
    bytes: produceRequest.encode({
      acks: -1,
      timeoutMs: 30_000,
      topicData: numbers(2).map((topic) => ({
        name: `orders-${topic}`,
        partitionData: numbers(6).map((index) => ({ index, records: new Uint8Array(1_000) })),
      })),
    }, 9),
    byHand: readProduceRequestV9,
    bySchema: (bytes) => produceRequest.decode(bytes, 9),
  },
  {
    name: "fetch_v13",
    bytes: fetchRequest.encode({
      maxWaitMs: 500,
      minBytes: 1,
      forgottenTopicsData: [],
      topics: numbers(3).map((topic) => ({
        topicId: `AAAAAAAAAAAAAAAAAAAAA${"AQgw"[topic]}`,
        partitions: numbers(20).map((partition) => ({
          partition,
          fetchOffset: 1_000_000 * partition,
          partitionMaxBytes: 1_048_576,
        })),
      })),
    }, 13),
    byHand: readFetchRequestV13,
    bySchema: (bytes) => fetchRequest.decode(bytes, 13),
  },
  {
    name: "metadata_v9",
    bytes: metadataResponse.encode({
      brokers: numbers(3).map((nodeId) => ({ nodeId, host: `broker-${nodeId}.example`, port: 9092 })),
      clusterId: "AAAAAAAAQACAAAAAAAAAAQ",
      topics: numbers(10).map((topic) => ({
        errorCode: 0,
        name: `orders-${topic}`,
        partitions: numbers(12).map((partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId: partitionIndex % 3,
          leaderEpoch: 5,
          replicaNodes: [0, 1, 2],
          isrNodes: [0, 1, 2],
        })),
      })),
    }, 9),
    byHand: readMetadataResponseV9,
    bySchema: (bytes) => metadataResponse.decode(bytes, 9),
  },
];

export const kafkaCodec: Workload = {
  name: "kafka-codec",
  summary: "Kafka messages read by their schemas; beside readers written by hand for that one version",
  async run(context) {
    const { clock } = context.platform;
    const roundMs = context.isSmoke ? 1 : ROUND_MS;
    const figures: Figure[] = [];
    for (const { name, bytes, byHand, bySchema } of CASES) {
      const comparison = await compareInRounds(
        context.isSmoke ? 1 : 5,
        async () => readsPerSecond(clock, roundMs, () => byHand(bytes)),
        async () => readsPerSecond(clock, roundMs, () => bySchema(bytes)),
      );
      figures.push(
        besideFigure(
          {
            workload: "kafka-codec",
            figure: `${name}_messages_per_s`,
            unit: "1/s",
            beside: "hand-written reader",
            target: { of: "ratio", atLeast: 0.77 },
          },
          comparison,
        ),
      );
    }
    return figures;
  },
};

function readsPerSecond(clock: Clock, roundMs: number, read: () => object): number {
  const startMs = clock.monotonicMs();
  let count = 0;
  let elapsedMs = 0;
  while (elapsedMs < roundMs) {
    for (let at = 0; at < STEP; at += 1) {
      const value = read();
      if ("fault" in value && value.fault !== null) throw new Error(String(value.fault));
    }
    count += STEP;
    elapsedMs = clock.monotonicMs() - startMs;
  }
  return (count / elapsedMs) * 1_000;
}
