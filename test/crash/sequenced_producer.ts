/** Idempotent producers of a scenario, and a start that has each of them send everything again. */
import { Broker } from "../../src/broker/broker.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import { SentinelError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { BROKER_OPTIONS, observeBroker } from "./broker_subject.ts";
import { digestOf } from "./ledger.ts";
import type { Observed, ObservedRecord } from "./observed.ts";
import { messageOf } from "./subject.ts";
import type { OpensSubject } from "./subject.ts";

export interface SequencedBatch {
  readonly producer: SequencedProducer;
  readonly digests: readonly string[];
  /** The bytes as they were first sent; the broker keeps what it is given. */
  make(): RecordBatch;
}

export class SequencedProducer {
  readonly topic: string;
  readonly partition: number;
  readonly connection: string;
  readonly batches: SequencedBatch[] = [];
  readonly #producerId: bigint;
  #sequence = 0;

  constructor(topic: string, partition: number, producerId: number) {
    this.topic = topic;
    this.partition = partition;
    this.connection = `producer ${producerId}`;
    this.#producerId = BigInt(producerId);
  }

  next(records: readonly RecordInput[]): SequencedBatch {
    const producer = { producerId: this.#producerId, producerEpoch: 0, baseSequence: this.#sequence };
    const { bytes } = buildRecordBatch(records, { nowMs: 0, ...producer });
    this.#sequence += records.length;
    const batch: SequencedBatch = {
      producer: this,
      digests: records.map((record) => digestOf({ ...record, timestamp: record.timestamp! }, 0)),
      make: () => new RecordBatch(bytes.slice()),
    };
    this.batches.push(batch);
    return batch;
  }
}

/** As the broker's own subject, but that what it appends are the producers' batches, all of them, again. */
export function sequencedSubject(
  producers: readonly SequencedProducer[],
  storageEngine: StorageEngine = "log",
): OpensSubject {
  return async (platform) => {
    const { broker } = await Broker.open(platform, { ...BROKER_OPTIONS, storageEngine });
    return {
      observe: () => observeBroker(broker),
      append: () => sendAgain(broker, producers),
      close: () => broker.close(),
    };
  };
}

/**
 * Every batch again, in order. One that is there is answered with its place, if it is one of the producer's last five;
 * one that is not is appended; afterwards each is there once, and in order (I21, I22).
 */
async function sendAgain(broker: Broker, producers: readonly SequencedProducer[]): Promise<string[]> {
  const faults: string[] = [];
  const before = await observeBroker(broker);
  for (const producer of producers) {
    const found = recordsOf(before, producer);
    if (found === null) continue;
    const there = producer.batches.filter(({ digests }) => found.some(({ digest }) => digest === digests[0]));
    for (const [at, batch] of producer.batches.entries()) {
      const isThere = there.includes(batch);
      if (isThere && at !== there.indexOf(batch)) {
        faults.push(`I22: ${batch.digests[0]} is there, one before it is not`);
      }
      // A retry that is so late is out of order.
      if (isThere && at < there.length - LIMITS.producerBatchesMax) continue;
      faults.push(...await sendOne(broker, batch, isThere ? found : null));
    }
  }
  const after = await observeBroker(broker);
  for (const producer of producers) {
    const sent = producer.batches.flatMap(({ digests }) => digests);
    const found = recordsOf(after, producer)?.map(({ digest }) => digest).filter((digest) => sent.includes(digest));
    if (found !== undefined && found.join("\n") !== sent.join("\n")) {
      faults.push(
        `I21: ${producer.connection} sent ${sent.length} records, there are ${found.length}: ${found.join()}`,
      );
    }
  }
  return faults;
}

async function sendOne(
  broker: Broker,
  batch: SequencedBatch,
  there: readonly ObservedRecord[] | null,
): Promise<string[]> {
  const { topic, partition } = batch.producer;
  try {
    const { first } = await broker.produceBatch(topic, partition, batch.make(), { acks: "all" });
    const place = there?.find(({ digest }) => digest === batch.digests[0])?.offset;
    return place === undefined || place === first
      ? []
      : [`I21: ${batch.digests[0]} is at offset ${place}, its retry was answered with ${first}`];
  } catch (thrown) {
    const code = thrown instanceof SentinelError ? thrown.code : "no answer";
    return [`I21: the retry of ${batch.digests[0]} is refused: ${code} ${messageOf(thrown)}`];
  }
}

/** Null: the topic is not there. */
function recordsOf(observed: Observed, { topic, partition }: SequencedProducer): readonly ObservedRecord[] | null {
  return observed.topics.find(({ name }) => name === topic)?.partitions[partition]?.records ?? null;
}
