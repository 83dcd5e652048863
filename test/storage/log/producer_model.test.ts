/**
 * The producers of a log against a list of its batches: random sends of some producers, flushes, truncations, trims,
 * restarts, crashes and damaged snapshots, from one seed each. What the log knows of a producer is always what its
 * batches say, whether it was built by appends, from a snapshot or by a replay.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../../src/base/limits.ts";
import type { ProducerState } from "../../../src/storage/producer_states.ts";
import type { SegmentLog } from "../../../src/storage/log/segment_log.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { DIRECTORY, newLog, openLog, sequencedBatch } from "../log_fixture.ts";

const SEEDS = 150;
const STEPS = 60;
const SEQUENCE_COUNT = 2 ** 31;

interface Sent {
  readonly id: number;
  readonly epoch: number;
  readonly first: number;
  readonly records: number;
  readonly base: number;
}

class Model {
  readonly #random: SeededRandom;
  readonly #settings: { readonly segmentBytes: number };
  #disk = new FaultyDisk();
  #log!: SegmentLog;
  #sent: Sent[] = [];
  #start = 0;
  #seed = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#settings = { segmentBytes: this.#random.pick([300, 800, 100_000]) };
  }

  async run(): Promise<void> {
    this.#log = await newLog(this.#disk, this.#settings);
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.#random.below(100));
      assert.deepEqual(textOf(this.#log.producers.active(0)), textOf(this.#expected()));
    }
    await this.#log.close();
  }

  #step(choice: number): Promise<unknown> | void {
    if (choice < 60) return this.#send();
    if (choice < 72) return this.#log.flush();
    if (choice < 78) return this.#truncate();
    if (choice < 84) return this.#trim();
    if (choice < 92) return this.#restart();
    return this.#crash();
  }

  #send(): void {
    const id = this.#random.below(4);
    const last = this.#sent.findLast((sent) => sent.id === id);
    const kind = this.#random.below(10);
    const records = 1 + this.#random.below(3);
    const epoch = (last?.epoch ?? 0) + (kind === 0 ? 1 : 0);
    const due = last === undefined
      ? this.#random.pick([0, SEQUENCE_COUNT - 2])
      : kind === 0
      ? 0
      : (last.first + last.records) % SEQUENCE_COUNT;
    const batch = sequencedBatch(this.#seed++, { id, epoch, sequence: due, records });
    const verdict = this.#log.producers.check(batch, 0);
    assert.equal(verdict.kind, "append");
    this.#sent.push({ id, epoch, first: due, records, base: this.#log.endOffset });
    this.#log.appendAsLeader(batch, 0);
    this.#checkRetries(id);
  }

  /** Each of the last batches is a duplicate of itself. */
  #checkRetries(id: number): void {
    for (const sent of this.#lastOf(id)) {
      const retry = sequencedBatch(0, { id, epoch: sent.epoch, sequence: sent.first, records: sent.records });
      const verdict = this.#log.producers.check(retry, 0);
      assert.ok(verdict.kind === "duplicate" && verdict.original.baseOffset === sent.base);
    }
  }

  async #truncate(): Promise<void> {
    const bases = this.#sent.map(({ base }) => base).filter((base) => base >= this.#start);
    const boundary = this.#random.pick([this.#log.endOffset, ...bases]);
    await this.#log.truncateFrom(boundary);
    this.#sent = this.#sent.filter(({ base }) => base < boundary);
  }

  async #trim(): Promise<void> {
    this.#start += this.#random.below(this.#log.endOffset - this.#start + 1);
    await this.#log.trimBefore(this.#start);
  }

  async #restart(): Promise<void> {
    await this.#log.close();
    await this.#maybeDamageNewest();
    this.#log = (await openLog(this.#disk, this.#settings)).log;
  }

  async #crash(): Promise<void> {
    this.#disk = this.#disk.crash(this.#random.pick(["kill", "lost", "some"] as const), this.#random);
    this.#log = (await openLog(this.#disk, this.#settings)).log;
    this.#sent = this.#sent.filter(({ base }) => base < this.#log.endOffset);
  }

  /** What a trim has taken from the log only the snapshots know: without one, a producer's state may be gone. */
  async #maybeDamageNewest(): Promise<void> {
    if (this.#start > 0 || this.#random.below(2) === 0) return;
    const newest = (await this.#disk.list(DIRECTORY)).filter((name) => name.endsWith(".snapshot")).sort().at(-1);
    if (newest === undefined) return;
    const path = `${DIRECTORY}/${newest}`;
    const bytes = new Uint8Array((await this.#disk.status(path))!.sizeBytes);
    const file = await this.#disk.open(path, "write");
    await file.readAt(0, bytes);
    bytes[this.#random.below(bytes.length)]! ^= 1 << this.#random.below(8);
    await file.writeAt(0, [bytes]);
    await file.sync();
    await file.close();
  }

  #lastOf(id: number): Sent[] {
    const all = this.#sent.filter((sent) => sent.id === id);
    return all.filter((sent) => sent.epoch === all.at(-1)!.epoch).slice(-LIMITS.producerBatchesMax);
  }

  #expected(): ProducerState[] {
    return [...new Set(this.#sent.map(({ id }) => id))].map((id) => {
      const kept = this.#lastOf(id);
      return {
        producerId: BigInt(id),
        epoch: kept[0]!.epoch,
        batches: kept.map(({ first, records, base }) => ({
          firstSequence: first,
          lastSequence: (first + records - 1) % SEQUENCE_COUNT,
          baseOffset: base,
          lastOffset: base + records - 1,
          timestamp: 0,
        })),
      };
    });
  }
}

function textOf(states: readonly ProducerState[]): string[] {
  return states.map(({ producerId, epoch, batches }) => {
    const parts = batches.map((batch) =>
      `${batch.firstSequence}-${batch.lastSequence}@${batch.baseOffset}-${batch.lastOffset}`
    );
    return `${producerId} ${epoch}: ${parts.join(" ")}`;
  }).sort();
}

test(`a log's producers are what its batches say, from ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await new Model(seed).run();
    } catch (thrown) {
      throw new Error(`Seed ${seed}`, { cause: thrown });
    }
  }
});
