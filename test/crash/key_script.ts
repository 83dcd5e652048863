/** What a scenario does with a compacted topic and its index of keys. */
import { digestOf, type ProduceAsked } from "./ledger.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { BrokerScript } from "./broker_script.ts";

export class KeyScript extends BrokerScript {
  /** By topic and key: the offset of the newest acknowledged record, null for a tombstone. */
  readonly #newest = new Map<string, number | null>();
  readonly #unsafe = new Set<string>();

  /** A topic whose acknowledgements promise nothing beyond the process: nothing of it goes into the ledger as told. */
  async createUnsafe(name: string, config: Readonly<Record<string, string>>): Promise<void> {
    this.#unsafe.add(name);
    await this.create(name, 1, { ...config, durability: "os" });
  }

  /** Produces a batch: `a b-` are a record of the key a and a tombstone of the key b. */
  async put(topic: string, keys: string): Promise<void> {
    const records = keys.split(" ").map((key): RecordInput => {
      const [record] = this.records("one", 1, 40);
      const isTombstone = key.endsWith("-");
      return {
        ...record!,
        key: new TextEncoder().encode(key.replace("-", "")),
        value: isTombstone ? null : record!.value,
      };
    });
    const digests = records.map((record) => digestOf({ ...record, timestamp: record.timestamp! }, 0));
    const asked: ProduceAsked = { kind: "produce asked", place: this.placeOf(topic), connection: "one", digests };
    this.ledger.push(asked);
    const routed = records.map((record) => ({ record, partition: 0 }));
    const [outcome] = await this.broker.produceRecords(topic, routed, { acks: "all" });
    if (!outcome!.ok) throw outcome!.error;
    const { first } = outcome!.ack;
    if (!this.#unsafe.has(topic)) this.ledger.push({ kind: "produce acked", asked, first });
    for (const [at, { key, value }] of records.entries()) {
      this.#newest.set(`${topic} ${new TextDecoder().decode(key!)}`, value === null ? null : first + at);
    }
  }

  /** Somebody looks for the keys: each answer is the newest record that was acknowledged. */
  async lookUp(topic: string, keys: string): Promise<void> {
    for (const key of keys.split(" ")) {
      const { record } = await this.broker.keys.lookUp({ topic, key: new TextEncoder().encode(key), waitMs: 60_000 });
      const expected = this.#newest.get(`${topic} ${key}`) ?? null;
      const found = record?.offset ?? null;
      if (found !== expected) {
        throw new Error(`I28: the key ${key} of ${topic} is at ${expected}, a lookup says ${found}`);
      }
      if (record === null || this.#unsafe.has(topic)) continue;
      this.ledger.push({
        kind: "read",
        place: this.placeOf(topic),
        first: record.offset,
        digests: [digestOf(record, 0)],
      });
    }
  }

  /** The cleaner comes: what it may take away is told before. */
  async awaitCleaning(topic: string, checkMs: number): Promise<void> {
    const place = this.placeOf(topic);
    this.ledger.push({ kind: "clean asked", place, upTo: this.endOf(topic), tombstonesGo: true });
    const { cleanerPasses } = this.broker.counters;
    for (let round = 0; this.broker.counters.cleanerPasses === cleanerPasses; round += 1) {
      if (round === 100) throw new Error("The cleaner does not come");
      await this.pass(checkMs);
    }
  }

  /** After a crash that took unpromised records: what there is, is asked anew. */
  forget(topic: string): void {
    for (const name of [...this.#newest.keys()]) if (name.startsWith(`${topic} `)) this.#newest.delete(name);
  }
}
