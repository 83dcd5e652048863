/** Requests with idempotency keys of a scenario, and a start that has each of them sent again. */
import { Broker } from "../../src/broker/broker.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { BROKER_OPTIONS, observeBroker } from "./broker_subject.ts";
import { digestOf } from "./ledger.ts";
import type { Observed } from "./observed.ts";
import { messageOf } from "./subject.ts";
import type { OpensSubject } from "./subject.ts";

export class KeyedRequest {
  readonly topic: string;
  readonly key: string;
  readonly records: readonly { readonly record: RecordInput; readonly partition: number }[];
  /** In the order of the records. */
  readonly digests: readonly string[];

  constructor(topic: string, key: string, records: KeyedRequest["records"]) {
    this.topic = topic;
    this.key = key;
    this.records = records;
    this.digests = records.map(({ record }) => digestOf({ ...record, timestamp: record.timestamp! }, 0));
  }

  digestsOf(partition: number): string[] {
    return this.digests.filter((_, index) => this.records[index]!.partition === partition);
  }
}

/** As the broker's own subject, but that what it appends are the requests, all of them, again. */
export function keyedSubject(requests: readonly KeyedRequest[], storageEngine: StorageEngine = "log"): OpensSubject {
  return async (platform) => {
    const { broker } = await Broker.open(platform, { ...BROKER_OPTIONS, storageEngine });
    return {
      observe: () => observeBroker(broker),
      append: () => sendAgain(broker, requests),
      close: () => broker.close(),
    };
  };
}

/** Every request again, twice: each record is there once, in order, at the offset that both answers say (I21, I22). */
async function sendAgain(broker: Broker, requests: readonly KeyedRequest[]): Promise<string[]> {
  const faults: string[] = [];
  for (const request of requests) {
    if (broker.describeTopic(request.topic) === null) continue;
    const first = await answerOf(broker, request);
    const second = await answerOf(broker, request);
    if (first !== second) faults.push(`I21: ${request.key} was answered with ${first}, then with ${second}`);
    const told: [number, number][] = first.startsWith("[") ? JSON.parse(first) : [];
    const observed = await observeBroker(broker);
    if (told.length !== request.digests.length) faults.push(`I21: ${request.key} was answered with ${first}`);
    for (const [index, [partition, offset]] of told.entries()) {
      const found = recordsOf(observed, request.topic, partition).find((record) => record.offset === offset);
      if (found?.digest !== request.digests[index]) {
        faults.push(`I21: record ${index} of ${request.key} is not at ${partition}:${offset}, but ${found?.digest}`);
      }
    }
    for (const partition of new Set(request.records.map((record) => record.partition))) {
      const sent = request.digestsOf(partition);
      const found = recordsOf(observed, request.topic, partition).map(({ digest }) => digest)
        .filter((digest) => sent.includes(digest));
      if (found.join("\n") !== sent.join("\n")) {
        faults.push(`I21: ${request.key} sent ${sent.length} records to ${partition}, there are ${found.join()}`);
      }
    }
  }
  return faults;
}

/** Partition and offset of each record, as a text; or why there is none. */
async function answerOf(broker: Broker, request: KeyedRequest): Promise<string> {
  try {
    const { outcomes } = await broker.produceOnce(request.topic, request.key, request.records, { acks: "all" });
    const told: (readonly [number, number])[] = [];
    for (const outcome of outcomes) {
      if (!outcome.ok) return messageOf(outcome.error);
      const { partition, first } = outcome.ack;
      for (const [at, index] of outcome.indexes.entries()) told[index] = [partition, first + at];
    }
    return JSON.stringify(told);
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function recordsOf(observed: Observed, topic: string, partition: number) {
  return observed.topics.find(({ name }) => name === topic)?.partitions[partition]?.records ?? [];
}
