import { SentinelError } from "../../../base/errors.ts";
import { LIMITS } from "../../../base/limits.ts";
import type { BrokerApi } from "../../../broker/broker_api.ts";
import { answerThrown } from "../error_answer.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { describeProducersApi, type DescribeProducersResponse } from "../wire/messages/describe_producers.ts";

type Partition = DescribeProducersResponse["topics"][number]["partitions"][number];

/** What partitions know of their idempotent producers. There are no transactions, and so no coordinator's epoch. */
export const describeProducersHandler = defineHandler(describeProducersApi, {
  handle({ topics }, { broker, onInternalError }) {
    const room = { producers: LIMITS.describeProducersMax };
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex): Partition => {
          try {
            const activeProducers = producersOf(broker, name, partitionIndex, room);
            return { partitionIndex, errorCode: KAFKA_ERRORS.NONE, errorMessage: null, activeProducers };
          } catch (thrown) {
            return { partitionIndex, ...answerThrown(thrown, onInternalError), activeProducers: [] };
          }
        }),
      })),
    };
  },
  fail: ({ topics }, error) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...error, activeProducers: [] })),
    })),
  }),
});

function producersOf(
  broker: BrokerApi,
  topic: string,
  partition: number,
  room: { producers: number },
): Partition["activeProducers"] {
  const producers = broker.describeProducers(topic, partition);
  room.producers -= producers.length;
  if (room.producers < 0) {
    throw new SentinelError(
      "overloaded",
      `One answer describes ${LIMITS.describeProducersMax} producers; ask for fewer partitions`,
    );
  }
  return producers.map(({ producerId, epoch, lastSequence, lastTimestamp }) => ({
    producerId: Number(producerId),
    producerEpoch: epoch,
    lastSequence,
    lastTimestamp,
    coordinatorEpoch: -1,
    currentTxnStartOffset: -1,
  }));
}
