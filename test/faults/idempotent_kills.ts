/** `kill -9` under idempotent producers that try until they are answered: every record once, in order (I21, I22). */
import assert from "node:assert/strict";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { type BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { readPartition } from "../processes/ledger.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";
import { IdempotentProducer } from "./idempotent_producer.ts";

const TOPIC = "orders";
const PARTITIONS = 2;
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
        if (cycle === 0) await makeTopic(broker);
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

async function makeTopic(broker: BrokerProcess): Promise<void> {
  const client = await broker.connect();
  // Segments as small as may be: producers must outlive a roll.
  await client.createTopic(TOPIC, { partitions: PARTITIONS, config: { "segment.bytes": "1048576" } });
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
      const partition = number % PARTITIONS;
      return new IdempotentProducer(`p${number}`, {
        topic: TOPIC,
        partition,
        address: () => this.#address,
        onAcknowledged: (offset, values) => this.#note(partition, offset, values),
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
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const found = (await readPartition(client, TOPIC, partition)).map(({ value }) =>
        new TextDecoder().decode(value ?? new Uint8Array())
      );
      for (const [place, value] of this.#offsets) {
        const [of, offset] = place.split(":").map(Number);
        if (of === partition) assert.equal(found[offset!], value, `changed: ${place} was acknowledged otherwise`);
      }
      const senders = this.#producers.filter((_, number) => number % PARTITIONS === partition);
      for (const { values } of senders) this.#compare(partition, values, found);
      const sent = senders.reduce((sum, { values }) => sum + values.length, 0);
      assert.equal(
        found.length,
        sent,
        `phantom: partition ${partition} has ${found.length} records, ${sent} were sent`,
      );
    }
    client.close();
  }

  #compare(partition: number, values: readonly string[], found: readonly string[]): void {
    const mine = new Set(values);
    const there = found.filter((value) => mine.has(value));
    const where = `partition ${partition}`;
    assert.equal(
      new Set(there).size,
      there.length,
      `duplicate: ${there.length} records, not all different, in ${where}`,
    );
    assert.equal(
      there.length,
      values.length,
      `lost: ${values.length} were acknowledged, ${there.length} are in ${where}`,
    );
    const wrong = there.findIndex((value, at) => value !== values[at]);
    assert.equal(wrong, -1, `reordered: ${there[wrong]?.slice(0, 20)} in ${where}`);
  }

  #note(partition: number, offset: number, values: readonly string[]): void {
    for (const [at, value] of values.entries()) {
      const place = `${partition}:${offset + at}`;
      assert.equal(this.#offsets.get(place), undefined, `duplicate: ${place} was acknowledged twice`);
      this.#offsets.set(place, value);
    }
    this.acknowledged += values.length;
    this.#onAcknowledged();
  }
}
