/**
 * An idempotent producer as Kafka's clients are one: up to five batches under way, each with its sequence; after a failure
 * all that has no answer is sent again, in order, until the broker has it.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { initProducerIdApi } from "../../src/protocols/kafka/wire/messages/init_producer_id.ts";
import { KAFKA_ERRORS } from "../../src/protocols/kafka/wire/error_codes.ts";
import { produceApi } from "../../src/protocols/kafka/wire/messages/produce.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { SeededRandom } from "../seeded_random.ts";
import { KafkaConnection } from "./kafka_connection.ts";

const IN_FLIGHT_MAX = 5;
const RECORDS_MAX = 4;
const VALUE_BYTES = 700;
const PRODUCE_VERSION = 9;
const RETRY_MS = 5;

interface Batch {
  readonly sequence: number;
  readonly values: readonly string[];
  /** Sent at least once before. */
  wasSent: boolean;
}

export interface ProducerTarget {
  readonly topic: string;
  readonly partition: number;
  /** Where the broker is now, `host:port`; null while there is none. */
  readonly address: () => string | null;
  readonly onAcknowledged: (offset: number, values: readonly string[]) => void;
}

export class IdempotentProducer {
  readonly #name: string;
  readonly #target: ProducerTarget;
  readonly #random: SeededRandom;
  #producerId = -1;
  #sequence = 0;
  /** Those without an answer, in order. */
  #unanswered: Batch[] = [];
  #isStopping = false;
  /** Batches that were sent again. */
  retries = 0;
  /** In the order of sending. */
  readonly values: string[] = [];

  constructor(name: string, target: ProducerTarget, random: SeededRandom) {
    this.#name = name;
    this.#target = target;
    this.#random = random;
  }

  /** Produces until it is stopped and everything has its answer. Fails when the broker breaks its promise. */
  async run(): Promise<void> {
    while (!this.#isStopping || this.#unanswered.length > 0) {
      const address = this.#target.address();
      const connection = address === null ? null : await KafkaConnection.open(address).catch(() => null);
      if (connection === null) await pause(RETRY_MS);
      else {
        await this.#produceOver(connection);
        connection.close();
      }
    }
  }

  /** No new batches from now on. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Until the connection fails or there is nothing left to do. */
  async #produceOver(connection: KafkaConnection): Promise<void> {
    if (this.#producerId < 0) await this.#begin(connection).catch(ignore);
    if (this.#producerId < 0) return;
    let isBroken = false;
    const waiting = new Set<Promise<void>>();
    const again = [...this.#unanswered];
    while (!isBroken) {
      const batch = again.shift() ?? this.#next();
      if (batch !== null) {
        const sent = this.#send(connection, batch).catch((thrown: unknown) => {
          if (thrown instanceof assert.AssertionError) throw thrown;
          isBroken = true;
        }).finally(() => waiting.delete(sent));
        waiting.add(sent);
      } else if (waiting.size === 0) break;
      if (batch === null || waiting.size >= IN_FLIGHT_MAX) await Promise.race(waiting);
    }
    connection.close();
    await Promise.all(waiting);
  }

  async #begin(connection: KafkaConnection): Promise<void> {
    const request = { transactionalId: null, transactionTimeoutMs: 0 };
    const { errorCode, producerId } = await connection.call(initProducerIdApi, 4, request);
    if (errorCode === KAFKA_ERRORS.NONE) this.#producerId = producerId;
  }

  #next(): Batch | null {
    if (this.#isStopping || this.#unanswered.length >= IN_FLIGHT_MAX) return null;
    const from = this.#sequence;
    const count = 1 + this.#random.below(RECORDS_MAX);
    this.#sequence += count;
    const values = Array.from({ length: count }, (_, at) => `${this.#name} ${from + at} `.padEnd(VALUE_BYTES, "."));
    const batch: Batch = { sequence: from, values, wasSent: false };
    this.#unanswered.push(batch);
    this.values.push(...values);
    return batch;
  }

  async #send(connection: KafkaConnection, batch: Batch): Promise<void> {
    if (batch.wasSent) this.retries += 1;
    batch.wasSent = true;
    const { topic, partition, onAcknowledged } = this.#target;
    const inputs = batch.values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] }));
    const producer = { producerId: BigInt(this.#producerId), producerEpoch: 0, baseSequence: batch.sequence };
    const { bytes } = buildRecordBatch(inputs, { nowMs: Date.now(), ...producer });
    const partitionData = [{ index: partition, records: bytes }];
    const request = { acks: -1, timeoutMs: 30_000, topicData: [{ name: topic, partitionData }] };
    const { responses } = await connection.call(produceApi, PRODUCE_VERSION, request);
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    if (errorCode === KAFKA_ERRORS.NONE) {
      this.#unanswered = this.#unanswered.filter((other) => other !== batch);
      onAcknowledged(baseOffset, batch.values);
      return;
    }
    // Behind a batch that failed a later one is out of order; the first without an answer can be so only if one was lost.
    const isFirst = this.#unanswered[0] === batch;
    const isFinal = errorCode === KAFKA_ERRORS.OUT_OF_ORDER_SEQUENCE_NUMBER ? isFirst : !RETRIABLE.has(errorCode);
    assert.ok(!isFinal, `lost: ${this.#name} is refused at sequence ${batch.sequence} with error ${errorCode}`);
    throw new Error(`error ${errorCode}`);
  }
}

/** What a broker that starts or stops may say. */
const RETRIABLE: ReadonlySet<number> = new Set([
  KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION,
  KAFKA_ERRORS.NOT_LEADER_OR_FOLLOWER,
  KAFKA_ERRORS.NOT_ENOUGH_REPLICAS,
  KAFKA_ERRORS.KAFKA_STORAGE_ERROR,
]);

function ignore(): void {}
