import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { initProducerIdApi } from "../wire/messages/init_producer_id.ts";

const NO_PRODUCER = { producerId: -1, producerEpoch: -1 };

/**
 * An id for an idempotent producer: always a new one, with epoch 0, whatever id and epoch the request names, as in Kafka.
 *
 * There are no transactions yet. A transactional id is answered with 53, which every client takes for final at once;
 * Kafka has no answer that says "not here", and what it says of a coordinator that is missing is tried again for ever.
 *
 * Version 6 is not served, as in Kafka 4.3: it is for two-phase commit, and not stable.
 */
export const initProducerIdHandler = defineHandler(initProducerIdApi, {
  versions: { min: 0, max: 5 },
  async handle({ transactionalId, producerId: namedId, producerEpoch }, { broker }) {
    const namesHalf = (namedId === NO_PRODUCER.producerId) !== (producerEpoch === NO_PRODUCER.producerEpoch);
    if (transactionalId === "" || namesHalf) return { ...NO_PRODUCER, errorCode: KAFKA_ERRORS.INVALID_REQUEST };
    if (transactionalId !== null) {
      return { ...NO_PRODUCER, errorCode: KAFKA_ERRORS.TRANSACTIONAL_ID_AUTHORIZATION_FAILED };
    }
    const producerId = await broker.allocateProducerId();
    return { errorCode: KAFKA_ERRORS.NONE, producerId: Number(producerId), producerEpoch: 0 };
  },
  fail: (_request, { errorCode }) => ({ ...NO_PRODUCER, errorCode }),
});
