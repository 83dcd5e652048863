/** What producers were told, and whether the log agrees after whatever happened to the broker. */
import assert from "node:assert/strict";
import type { NativeClient } from "../../src/client/native_client.ts";
import type { StoredRecord } from "../../src/records/record.ts";

const FETCH_RECORDS = 10_000;
const FETCH_BYTES = 8 * 1024 * 1024;

interface SentPlace {
  readonly request: number;
  readonly index: number;
}

/** Values are texts and never sent twice: each names one record. */
export class Ledger {
  /** Where each stands in the order of sending; what one request held has numbers that follow each other. */
  readonly #sent: Map<string, SentPlace> = new Map();
  #requestCount = 0;
  readonly #refused: Set<string> = new Set();
  /** By `topic-partition`, then offset. */
  readonly #acknowledged: Map<string, Map<number, string>> = new Map();
  #acknowledgedCount = 0;
  readonly #watchers: Set<() => void> = new Set();

  get acknowledgedCount(): number {
    return this.#acknowledgedCount;
  }

  get refusedCount(): number {
    return this.#refused.size;
  }

  /** The values of one request, in their order. */
  sending(values: readonly string[]): void {
    this.#requestCount += 1;
    for (const [index, value] of values.entries()) {
      assert.ok(!this.#sent.has(value), `${value} was sent before`);
      this.#sent.set(value, { request: this.#requestCount, index });
    }
  }

  /** What was acknowledged at an offset; undefined: nothing. */
  acknowledgedAt(topic: string, partition: number, offset: number): string | undefined {
    return this.#acknowledged.get(`${topic}-${partition}`)?.get(offset);
  }

  /** The broker said no: none of them may ever be seen. */
  refused(values: readonly string[]): void {
    for (const value of values) this.#refused.add(value);
  }

  acknowledged(topic: string, partition: number, offset: number, value: string): void {
    const name = `${topic}-${partition}`;
    let offsets = this.#acknowledged.get(name);
    if (offsets === undefined) this.#acknowledged.set(name, offsets = new Map());
    assert.equal(offsets.get(offset), undefined, `${name} offset ${offset} was acknowledged twice`);
    offsets.set(offset, value);
    this.#acknowledgedCount += 1;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves when so many more records are acknowledged. */
  async moreAcknowledged(count: number): Promise<void> {
    const goal = this.#acknowledgedCount + count;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#acknowledgedCount < goal) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  /**
   * Reads all of a topic and compares: every acknowledged record at its offset with its bytes; offsets without a hole;
   * what one request brought in its order; nothing that was refused, nothing twice, nothing that nobody sent. A failure
   * begins with what it is: lost, changed, reordered, duplicate, refused or phantom. Returns the number of records.
   * `mayBeOffline`: a partition that takes no more writes is read all the same.
   */
  async compare(client: NativeClient, topic: string, { mayBeOffline = false } = {}): Promise<number> {
    const { partitions } = await client.describeTopic(topic);
    const seen = new Set<string>();
    for (const { partition, offline } of partitions) {
      if (!mayBeOffline) assert.equal(offline, undefined, `${topic}-${partition} is offline: ${offline}`);
      const values = (await readPartition(client, topic, partition)).map((record) => textOf(record));
      for (const [offset, value] of this.#acknowledged.get(`${topic}-${partition}`) ?? []) {
        if (values[offset] === value) continue;
        const kind = values.includes(value) ? "reordered" : values[offset] === undefined ? "lost" : "changed";
        assert.fail(
          `${kind}: ${topic}-${partition} (${values.length} records) offset ${offset}: acknowledged was ${
            start(value)
          }, there is ${start(values[offset])}`,
        );
      }
      /** By request, the last of its values that was seen in this partition. */
      const lastIndexes = new Map<number, number>();
      for (const value of values) {
        const place = this.#sent.get(value);
        if (place === undefined) {
          assert.fail(`phantom: ${topic}-${partition} has a record that nobody sent: ${start(value)}`);
        }
        if (this.#refused.has(value)) {
          assert.fail(`refused: ${topic}-${partition} has a record that was refused: ${start(value)}`);
        }
        if (seen.has(value)) assert.fail(`duplicate: ${topic} has twice: ${start(value)}`);
        seen.add(value);
        if (place.index < (lastIndexes.get(place.request) ?? -1)) {
          assert.fail(`reordered: ${topic}-${partition} has ${start(value)} behind what was sent after it`);
        }
        lastIndexes.set(place.request, place.index);
      }
    }
    return seen.size;
  }
}

/** All records of a partition. Fails when an offset is left out or comes twice. */
export async function readPartition(client: NativeClient, topic: string, partition: number): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  while (true) {
    const offset = records.length;
    const page = await client.fetch({ topic, partition, offset, maxRecords: FETCH_RECORDS, maxBytes: FETCH_BYTES });
    for (const record of page.records) {
      if (record.offset !== records.length) {
        assert.fail(`${topic}-${partition} has a hole: offset ${record.offset} comes after ${records.length} records`);
      }
      records.push(record);
    }
    if (page.records.length > 0) continue;
    assert.equal(records.length, page.highWatermark, `${topic}-${partition} ends before its high watermark`);
    return records;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function textOf({ value }: StoredRecord): string {
  return value === null ? "(null)" : decoder.decode(value);
}

function start(value: string | undefined): string {
  return value === undefined ? "nothing" : `${value.slice(0, 40)} (${value.length} characters)`;
}

/** Compares these topics of a broker; the number of records in all of them. */
export async function compareTopics(
  broker: { connect(): Promise<NativeClient> },
  ledger: Ledger,
  topics: readonly string[],
  options: { readonly mayBeOffline?: boolean } = {},
): Promise<number> {
  const client = await broker.connect();
  try {
    let count = 0;
    for (const topic of topics) count += await ledger.compare(client, topic, options);
    return count;
  } finally {
    client.close();
  }
}
