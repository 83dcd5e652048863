/** The producers of a partition, by script. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/base/limits.ts";
import { ProducerBudget } from "../../src/storage/producer_budget.ts";
import { ProducerStates, SEQUENCE_MAX } from "../../src/storage/producer_states.ts";
import { sequencedBatch } from "./log_fixture.ts";

/** A log's end and its producers. */
class Partition {
  readonly budget = new ProducerBudget();
  readonly producers: ProducerStates;
  nowMs = 0;
  end = 0;
  #seed = 0;

  constructor(producersMax?: number) {
    this.producers = new ProducerStates(this.budget, producersMax);
  }

  /** `append N` for an append at offset N, `duplicate N` for one of the batch there, else the code of the refusal. */
  send(id: number, sequence: number, records = 1, epoch = 0): string {
    const batch = sequencedBatch(this.#seed++, { id, epoch, sequence, records });
    const verdict = this.producers.check(batch, this.nowMs);
    if (verdict.kind === "duplicate") return `duplicate ${verdict.original.baseOffset}`;
    if (verdict.kind === "refused") return verdict.code;
    batch.stamp(this.end, 0);
    this.producers.append(batch, this.nowMs);
    this.end = batch.endOffset;
    return `append ${batch.baseOffset}`;
  }

  cutBackTo(offset: number): void {
    this.producers.cutBackTo(offset);
    this.end = offset;
  }
}

test("ProducerStates takes each sequence once and in order", () => {
  const partition = new Partition();
  assert.equal(partition.send(1, 0, 2), "append 0");
  assert.equal(partition.send(1, 2), "append 2");
  assert.equal(partition.send(1, 2), "duplicate 2");
  assert.equal(partition.send(1, 0, 2), "duplicate 0");
  assert.equal(partition.send(1, 0, 1), "out_of_order_sequence", "the same first sequence is another batch");
  assert.equal(partition.send(1, 4), "out_of_order_sequence");
  assert.equal(partition.send(2, 0), "append 3", "producers do not know each other");
  assert.equal(partition.send(1, 3), "append 4");
});

test("ProducerStates knows a producer's last five batches", () => {
  const partition = new Partition();
  for (let sequence = 0; sequence < 6; sequence++) partition.send(1, sequence);
  for (let sequence = 1; sequence < 6; sequence++) assert.equal(partition.send(1, sequence), `duplicate ${sequence}`);
  assert.equal(partition.send(1, 0), "out_of_order_sequence");
});

test("ProducerStates takes any first sequence of a producer that it does not know", () => {
  const partition = new Partition();
  assert.equal(partition.send(1, 42), "append 0");
  assert.equal(partition.send(1, 42), "duplicate 0");
  assert.equal(partition.send(1, 43), "append 1");
});

test("ProducerStates begins a new epoch at sequence 0 and refuses the older", () => {
  const partition = new Partition();
  partition.send(1, 0);
  assert.equal(partition.send(1, 1, 1, 1), "out_of_order_sequence");
  assert.equal(partition.send(1, 0, 1, 2), "append 1");
  assert.equal(partition.send(1, 0, 1, 2), "duplicate 1");
  assert.equal(partition.send(1, 1, 1, 1), "invalid_producer_epoch");
  assert.equal(partition.send(1, 0), "invalid_producer_epoch", "also for what the older epoch wrote");
});

test("ProducerStates wraps sequences at 2^31 - 1", () => {
  const partition = new Partition();
  assert.equal(partition.send(1, SEQUENCE_MAX - 1, 2), "append 0");
  assert.equal(partition.send(1, 0), "append 2");
  assert.equal(partition.send(2, SEQUENCE_MAX - 1, 4), "append 3");
  assert.equal(partition.send(2, SEQUENCE_MAX - 1, 4), "duplicate 3");
  assert.equal(partition.send(2, 2), "append 7");
});

test("ProducerStates takes back what the log takes back", () => {
  const partition = new Partition();
  partition.send(1, 0);
  partition.producers.noteWritten(1);
  partition.send(1, 1);
  partition.send(2, 0);
  partition.send(1, 0, 1, 1);
  assert.deepEqual(
    partition.producers.statesAt(1).map(({ producerId, epoch, batches }) => [
      producerId,
      epoch,
      batches.map(({ lastSequence }) => lastSequence),
    ]),
    [[1n, 0, [0]]],
  );
  partition.cutBackTo(1);
  assert.equal(partition.producers.size, 1);
  assert.equal(partition.budget.producers, 1);
  assert.equal(partition.send(1, 0), "duplicate 0");
  assert.equal(partition.send(1, 1), "append 1", "the sequence comes again, as a new one");
  assert.equal(partition.send(2, 0), "append 2");
});

test("ProducerStates takes back nothing that is written", () => {
  const partition = new Partition();
  partition.send(1, 0);
  partition.send(1, 1);
  partition.producers.noteWritten(2);
  partition.cutBackTo(2);
  assert.equal(partition.send(1, 1), "duplicate 1");
});

test("ProducerStates forgets a producer that was silent for producer.id.expiration.ms, and no sooner", () => {
  const partition = new Partition();
  partition.send(1, 0);
  partition.nowMs = LIMITS.producerIdExpirationMs - 1;
  assert.equal(partition.send(1, 0), "duplicate 0");
  assert.equal(partition.producers.lastOffsets(partition.nowMs).get(1n), 0);
  partition.nowMs += 1;
  assert.equal(partition.producers.active(partition.nowMs).length, 0);
  assert.equal(partition.send(1, 7), "append 1");
  partition.nowMs += LIMITS.producerIdExpirationMs;
  partition.producers.expire(partition.nowMs);
  assert.equal(partition.producers.size, 0);
  assert.equal(partition.budget.producers, 0);
});

test("ProducerStates refuses new producers when it is full, until one was silent for long", () => {
  const partition = new Partition(2);
  partition.send(1, 0);
  partition.nowMs = 1_000;
  partition.send(2, 0);
  assert.equal(partition.send(3, 0), "overloaded");
  assert.equal(partition.send(1, 1), "append 2", "those that are known go on");
  partition.nowMs = 1_000 + LIMITS.producerSilentMsMin;
  partition.send(2, 1);
  assert.equal(partition.send(3, 0), "append 4");
  assert.equal(partition.producers.get(1n, partition.nowMs), null);
  assert.equal(partition.send(2, 1), "duplicate 3");
});

test("ProducerStates keeps to the broker's bound", () => {
  const partition = new Partition();
  partition.budget.producers = LIMITS.brokerProducersMax;
  assert.equal(partition.send(1, 0), "overloaded");
  partition.budget.producers -= 1;
  assert.equal(partition.send(1, 0), "append 0");
});

test("ProducerStates leaves batches without a producer, and control batches, alone", () => {
  const partition = new Partition();
  const plain = sequencedBatch(1, { id: -1, epoch: -1, sequence: -1 });
  const control = sequencedBatch(2, { id: 1, epoch: 0, sequence: -1 });
  for (const batch of [plain, control]) {
    partition.producers.append(batch, 0);
    partition.producers.replay(batch, 0);
  }
  assert.equal(partition.producers.size, 0);
});
