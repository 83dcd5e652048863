/** `kill -9` under idempotent producers that try until they are answered: every record once, in order (I21, I22). */
import assert from "node:assert/strict";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { type BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { readPartition } from "../processes/ledger.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";
import { IdempotentProducer } from "./idempotent_producer.ts";

/** A topic of one partition in each engine. */
const TOPICS = [{ topic: "orders", engine: "log" }, { topic: "orders-in-the-tree", engine: "lsm" }] as const;
const PRODUCERS = 4;
/** A fresh directory after so many: each comparison reads all that is there. */
const CYCLES_PER_DIRECTORY = 25;
const RECORDS_MIN = 40;
const RECORDS_SPREAD = 400;

/** A cycle: producers go on where the last kill left them, some records, and the kill. */
export const idempotentKills: Fault = {
  name: "idempotent",
  summary: "kill -9 under idempotent Kafka producers; each record must be there once, and in order",
  cycles: 100,
  async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
    const random = new SeededRandom(seed);
    let records = 0;
    let retries = 0;
    for (let done = 0; done < cycles;) {
      await using directory = await makeTemporaryDirectory();
      const count = Math.min(CYCLES_PER_DIRECTORY, cycles - done);
      const run = new Run(random);
      for (let cycle = 0; cycle < count; cycle++) {
        await using broker = await startBroker({ kind, dataPath: directory.path });
        if (cycle === 0) await makeTopics(broker);
        await run.produceUntilKilled(broker, RECORDS_MIN + random.below(RECORDS_SPREAD));
        done += 1;
        onProgress(done, `${records + run.acknowledged} records acknowledged`);
      }
      await using broker = await startBroker({ kind, dataPath: directory.path });
      await run.finish(broker);
      records += run.acknowledged;
      retries += run.retries;
    }
    assert.ok(retries > 0, "no batch was sent twice, so nothing was proved");
    return { kills: cycles, records, retries, lost: 0, duplicates: 0 };
  },
};

async function makeTopics(broker: BrokerProcess): Promise<void> {
  const client = await broker.connect();
  for (const { topic, engine } of TOPICS) {
    // Segments as small as may be: producers must outlive a roll.
    const config = { "segment.bytes": "1048576", "storage.engine": engine };
    await client.createTopic(topic, { partitions: 1, config });
  }
  client.close();
}

class Run {
  readonly #producers: IdempotentProducer[];
  readonly #ended: Promise<unknown>;
  readonly #offsets = new Map<string, string>();
  #address: string | null = null;
  #onAcknowledged: () => void = () => {};
  acknowledged = 0;

  constructor(random: SeededRandom) {
    this.#producers = Array.from({ length: PRODUCERS }, (_, number) => {
      const { topic } = TOPICS[number % TOPICS.length]!;
      return new IdempotentProducer(`p${number}`, {
        topic,
        partition: 0,
        address: () => this.#address,
        onAcknowledged: (offset, values) => this.#note(topic, offset, values),
      }, random);
    });
    this.#ended = Promise.all(this.#producers.map((producer) => producer.run()));
    // Looked at where it is waited for.
    this.#ended.catch(() => {});
  }

  get retries(): number {
    return this.#producers.reduce((sum, { retries }) => sum + retries, 0);
  }

  async produceUntilKilled(broker: BrokerProcess, count: number): Promise<void> {
    const goal = this.acknowledged + count;
    const reached = new Promise<void>((resolve) => {
      this.#onAcknowledged = () => {
        if (this.acknowledged >= goal) resolve();
      };
    });
    this.#address = broker.binary;
    // A producer that has given up ends the run.
    await Promise.race([reached, this.#ended]);
    this.#address = null;
    await broker.kill();
  }

  /** Everything gets its answer; then the log must hold what was sent, and nothing else. */
  async finish(broker: BrokerProcess): Promise<void> {
    this.#address = broker.binary;
    for (const producer of this.#producers) producer.stop();
    await this.#ended;
    const client = await broker.connect();
    for (const [at, { topic }] of TOPICS.entries()) {
      const found = (await readPartition(client, topic, 0)).map(({ value }) =>
        new TextDecoder().decode(value ?? new Uint8Array())
      );
      for (const [place, value] of this.#offsets) {
        const [of, offset] = place.split(":");
        if (of === topic) assert.equal(found[Number(offset)], value, `changed: ${place} was acknowledged otherwise`);
      }
      const senders = this.#producers.filter((_, number) => number % TOPICS.length === at);
      for (const { values } of senders) this.#compare(topic, values, found);
      const sent = senders.reduce((sum, { values }) => sum + values.length, 0);
      assert.equal(
        found.length,
        sent,
        `phantom: ${topic} has ${found.length} records, ${sent} were sent`,
      );
    }
    client.close();
  }

  #compare(topic: string, values: readonly string[], found: readonly string[]): void {
    const mine = new Set(values);
    const there = found.filter((value) => mine.has(value));
    assert.equal(
      new Set(there).size,
      there.length,
      `duplicate: ${there.length} records, not all different, in ${topic}`,
    );
    assert.equal(
      there.length,
      values.length,
      `lost: ${values.length} were acknowledged, ${there.length} are in ${topic}`,
    );
    const wrong = there.findIndex((value, at) => value !== values[at]);
    assert.equal(wrong, -1, `reordered: ${there[wrong]?.slice(0, 20)} in ${topic}`);
  }

  #note(topic: string, offset: number, values: readonly string[]): void {
    for (const [at, value] of values.entries()) {
      const place = `${topic}:${offset + at}`;
      assert.equal(this.#offsets.get(place), undefined, `duplicate: ${place} was acknowledged twice`);
      this.#offsets.set(place, value);
    }
    this.acknowledged += values.length;
    this.#onAcknowledged();
  }
}
