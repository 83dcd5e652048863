/** Producers of both faces that go on until their broker goes away, and note what they were told. */
import { SentinelError } from "../../src/base/errors.ts";
import type { ProduceReply } from "../../src/protocols/native/wire/replies.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { BrokerProcess } from "./broker_process.ts";
import type { Ledger } from "./ledger.ts";

/** Topics of the load: one of several partitions, one whose small segments roll while it is written. */
export const LOAD_TOPICS = ["spread", "rolling"] as const;

const NATIVE_PRODUCERS = 4;
const HTTP_PRODUCERS = 3;
const BATCH_RECORDS_MAX = 40;
const VALUE_CHARS_MAX = 1_500;
const FILLING = "0123456789abcdefghijklmnopqrstuvwxyzäöü€".repeat(Math.ceil(VALUE_CHARS_MAX / 36));
/** One request in so many is one that the broker must refuse. */
const REFUSED_ONE_IN = 12;

let runsStarted = 0;

export interface Load {
  /** Resolves when every producer has met its broker's end. */
  readonly ended: Promise<void>;
  /** Resolves when so many more records are acknowledged; fails when the producers end before. */
  acknowledged(count: number): Promise<void>;
  stop(): void;
}

export async function makeLoadTopics(broker: BrokerProcess): Promise<void> {
  const client = await broker.connect();
  await client.createTopic("spread", { partitions: 3 });
  await client.createTopic("rolling", { partitions: 1, config: { "segment.bytes": "1048576" } });
  client.close();
}

/** Starts all producers. They end when their connection does, or when `stop` is called. */
export function startLoad(broker: BrokerProcess, ledger: Ledger, seed: number): Load {
  runsStarted += 1;
  const state = { isStopped: false };
  const producers: Promise<void>[] = [];
  for (let index = 0; index < NATIVE_PRODUCERS + HTTP_PRODUCERS; index++) {
    const producer: Producer = {
      ledger,
      state,
      name: `${runsStarted}.${index}`,
      random: new SeededRandom(seed * 100 + index),
      sentCount: 0,
    };
    producers.push(index < NATIVE_PRODUCERS ? produceNative(broker, producer) : produceHttp(broker, producer));
  }
  const ended = Promise.all(producers).then(() => {});
  return {
    ended,
    async acknowledged(count) {
      const isEnough = ledger.moreAcknowledged(count).then(() => true);
      if (await Promise.race([isEnough, ended.then(() => false)])) return;
      throw new Error(`The producers ended before the broker did: ${broker.out}${broker.errors}`);
    },
    stop: () => {
      state.isStopped = true;
    },
  };
}

interface Producer {
  readonly ledger: Ledger;
  readonly state: { isStopped: boolean };
  readonly name: string;
  readonly random: SeededRandom;
  sentCount: number;
}

function nextValues(producer: Producer): string[] {
  const { random, name } = producer;
  const values = Array.from({ length: 1 + random.below(BATCH_RECORDS_MAX) }, () => {
    producer.sentCount += 1;
    return `${name}.${producer.sentCount}:${FILLING.slice(0, random.below(VALUE_CHARS_MAX))}`;
  });
  producer.ledger.sending(values);
  return values;
}

/** Two batches under way, as a pipelining producer has them. */
async function produceNative(broker: BrokerProcess, producer: Producer): Promise<void> {
  const client = await broker.connect();
  const pipeline = async (): Promise<void> => {
    while (!producer.state.isStopped) {
      const { random, ledger } = producer;
      const values = nextValues(producer);
      const topic = random.pick(LOAD_TOPICS);
      const isBad = random.below(REFUSED_ONE_IN) === 0;
      const partition = isBad ? 77 : topic === "rolling" ? 0 : random.below(3);
      const records = values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] }));
      let reply: ProduceReply;
      try {
        reply = await client.produce({ topic, partition }, records);
      } catch (thrown) {
        if (isBad && thrown instanceof SentinelError && thrown.code === "unknown_partition") {
          ledger.refused(values);
          continue;
        }
        return;
      }
      if (isBad) throw new Error("A partition that does not exist took records");
      const { first, count } = reply.acks![0]!;
      if (count !== values.length) throw new Error(`${values.length} were sent, ${count} acknowledged`);
      values.forEach((value, index) => ledger.acknowledged(topic, partition, first + index, value));
    }
  };
  await Promise.all([pipeline(), pipeline()]);
  client.close();
}

async function produceHttp(broker: BrokerProcess, producer: Producer): Promise<void> {
  const { random, ledger } = producer;
  while (!producer.state.isStopped) {
    const values = nextValues(producer);
    const topic = random.pick(LOAD_TOPICS);
    const isBad = random.below(REFUSED_ONE_IN) === 0;
    // One bad record and none of the request may be stored; a record without a value is one.
    const records: object[] = values.map((value) => ({ value }));
    if (isBad) records.push({});
    let status: number;
    let body: { readonly offsets?: readonly (readonly [number, number])[] };
    try {
      const response = await fetch(`${broker.http}/v1/topics/${topic}/records`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ records }),
      });
      status = response.status;
      body = await response.json();
    } catch {
      return;
    }
    if (isBad && status === 422) {
      ledger.refused(values);
      continue;
    }
    if (status === 503) return;
    if (isBad || status !== 200) throw new Error(`HTTP answered ${status}: ${JSON.stringify(body)}`);
    body.offsets!.forEach(([partition, offset], index) =>
      ledger.acknowledged(topic, partition, offset, values[index]!)
    );
  }
}
