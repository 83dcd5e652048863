/**
 * An index under random life: puts, tombstones, compaction, trims, crashes that take the end of the store, of the log, or
 * both. A lookup's answer must be what the log said at some moment between its start and its end; an index at rest must
 * say exactly what the log says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import type { WriteBatch } from "../../../src/storage/write_batch.ts";
import type { KeyValueStore } from "../../../src/storage/key_value_store.ts";
import { forEachOperation } from "../../../src/storage/lsm/log_record.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { YieldingClock } from "../../storage/log/cleaning_fixture.ts";
import { indexOver, type IndexUnderTest, memoryStore } from "./index_fixture.ts";
import { record, TableReplica } from "./table_replica.ts";

const CLOSED = new SentinelError("shutting_down", "The run is over");
const KEYS = Array.from({ length: 12 }, (_, at) => `key-${at}`);
const ROUNDS = 250;

/** A store that can be as it was after any of its writes: what a crash leaves of one that does not sync. */
class ForgetfulStore {
  readonly #writes: { readonly key: Uint8Array; readonly value: Uint8Array | null }[][] = [];
  store: KeyValueStore = this.#recording();

  /** As it was after a random one of its newest writes. */
  crash(random: SeededRandom): void {
    const kept = Math.max(0, this.#writes.length - random.below(4));
    this.#writes.length = kept;
    this.store = this.#recording();
  }

  #recording(): KeyValueStore {
    const inner = memoryStore();
    for (const write of this.#writes) {
      for (const { key, value } of write) {
        if (value === null) inner.delete(key);
        else inner.put(key, value);
      }
    }
    const writes = this.#writes;
    const write = inner.write.bind(inner);
    inner.write = (batch: WriteBatch) => {
      const operations: { key: Uint8Array; value: Uint8Array | null }[] = [];
      const { bytes } = batch;
      forEachOperation(bytes, 0, bytes.length, (at, keyBytes, valueBytes) => {
        const end = at + keyBytes;
        const value = valueBytes < 0 ? null : bytes.slice(end, end + valueBytes);
        operations.push({ key: bytes.slice(at, end), value });
      });
      writes.push(operations);
      write(batch);
    };
    inner.deleteRange = (range) => {
      const scan = inner.scan(range);
      let count = 0;
      // One key a step, so that a crash may come between any two of them.
      for (let pair = scan.next(); pair !== null && !(pair instanceof Promise); pair = scan.next(), count += 1) {
        writes.push([{ key: pair.key, value: null }]);
        inner.delete(pair.key);
      }
      scan.close();
      return count;
    };
    return inner;
  }
}

class Run {
  readonly #random: SeededRandom;
  readonly #replica = new TableReplica();
  readonly #forgetful = new ForgetfulStore();
  #made: IndexUnderTest;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#made = this.#start();
  }

  async run(): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      await this.#act();
      if (this.#random.below(4) === 0) await this.#lookUpMeanwhile();
    }
    await this.#checkAll();
    await this.#made.index.close(CLOSED);
  }

  #start(): IndexUnderTest {
    const made = indexOver(this.#replica, this.#forgetful.store, new YieldingClock());
    made.index.start();
    return made;
  }

  async #act(): Promise<void> {
    switch (this.#random.below(16)) {
      case 0:
        this.#replica.compact({ keepsTombstones: this.#random.below(2) === 0 });
        break;
      case 1:
        this.#replica.trim(this.#random.below(this.#replica.highWatermark + 1));
        break;
      case 2:
        await this.#checkAll();
        break;
      case 3:
        await this.#restart();
        break;
      case 4:
        await this.#crash();
        break;
      default:
        this.#put();
    }
  }

  #put(): void {
    const count = 1 + this.#random.below(4);
    this.#replica.put(
      Array.from({ length: count }, () => {
        const key = this.#random.below(20) === 0 ? null : this.#random.pick(KEYS);
        return record(key, this.#random.below(3) === 0 ? null : String(this.#random.uint32()));
      }),
    );
  }

  async #restart(): Promise<void> {
    await this.#made.index.close(CLOSED);
    this.#made = this.#start();
  }

  /** The store loses its newest writes, the log its newest batches, in any proportion. Then, maybe, the log grows first. */
  async #crash(): Promise<void> {
    await this.#made.index.close(CLOSED);
    this.#forgetful.crash(this.#random);
    if (this.#random.below(2) === 0) {
      const ends = this.#replica.batches.map(({ endOffset }) => endOffset).slice(-3);
      if (ends.length > 0) this.#replica.cut(this.#random.pick(ends));
    }
    if (this.#random.below(3) === 0) this.#put();
    this.#made = this.#start();
  }

  /** While a lookup is under way, the log goes on. */
  async #lookUpMeanwhile(): Promise<void> {
    const key = this.#random.pick(KEYS);
    const allowed = [this.#replica.table().get(key) ?? null];
    this.#replica.beforeRead = () => {
      if (this.#random.below(3) !== 0) return;
      this.#put();
      allowed.push(this.#replica.table().get(key) ?? null);
      if (this.#random.below(3) === 0) this.#replica.compact({ keepsTombstones: false });
      if (this.#random.below(8) === 0) this.#replica.trim(this.#random.below(this.#replica.highWatermark));
      allowed.push(this.#replica.table().get(key) ?? null);
    };
    const startedAt = this.#replica.highWatermark;
    const { record: found, highWatermark } = await this.#made.find(key);
    this.#replica.beforeRead = null;
    assert.ok(allowed.includes(found?.offset ?? null), `${key}: ${found?.offset} is none of ${allowed.join(" ")}`);
    assert.ok(highWatermark >= startedAt);
  }

  async #checkAll(): Promise<void> {
    const table = this.#replica.table();
    for (const key of KEYS) assert.equal(await this.#made.offsetOf(key), table.get(key) ?? null, key);
  }
}

for (let seed = 1; seed <= 30; seed += 1) {
  test(`a random life, seed ${seed}`, () => new Run(seed).run());
}
