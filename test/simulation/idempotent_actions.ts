/**
 * Clients that send again until they are answered: idempotent producers, and requests with an idempotency key. Nothing of
 * theirs may be there twice (I21, which `oneRecordPerOffset` sees) or out of order (I22), and nothing may be refused for
 * good: at the end of a run each must have its answer.
 */
import type { RecordInput } from "../../src/records/record.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { SentinelError } from "../../src/base/errors.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { GONE, unlessGone } from "./broker_actions.ts";
import type { ClientActor } from "./client_actor.ts";
import type { PartitionModel, SentRecord, TopicModel, TopicSlot } from "./model.ts";
import { noteProduced, noteRefusal } from "./outcomes.ts";
import type { World } from "./world.ts";

const IN_FLIGHT_MAX = 5;

interface SentBatch {
  readonly sequence: number;
  readonly sent: readonly SentRecord[];
  readonly records: readonly RecordInput[];
  attempts: number;
}

/** Something that goes on until it is answered. */
export interface Insistent {
  readonly slot: TopicSlot;
  readonly topic: TopicModel;
  readonly isDone: boolean;
  readonly lastFailure: string;
  /** One round of sending; it ends when all of it is answered or the process is gone. */
  step(actor: ClientActor, random: SimulatedRandom): Promise<void>;
}

export class SequencedSender implements Insistent {
  readonly slot: TopicSlot;
  readonly topic: TopicModel;
  readonly partition: PartitionModel;
  #producerId: bigint | null = null;
  #sequence = 0;
  #unanswered: SentBatch[] = [];
  /** The newest that was answered. */
  #answered: SentBatch | null = null;
  #isBusy = false;
  #isGivenUp = false;
  lastFailure = "";

  constructor(slot: TopicSlot, partition: PartitionModel) {
    this.slot = slot;
    this.topic = partition.topic;
    this.partition = partition;
  }

  get isDone(): boolean {
    return this.#isGivenUp || this.#unanswered.length === 0;
  }

  async step(actor: ClientActor, random: SimulatedRandom): Promise<void> {
    if (this.#isBusy || this.#isGivenUp) return;
    this.#isBusy = true;
    try {
      this.#producerId ??= await this.#newProducerId(actor.world);
      if (this.#producerId === null) return;
      // As if the answer had been lost; it is one of the last five as long as nothing else is under way.
      const canAskAgain = this.#unanswered.length === 0 && this.topic.isAlwaysFsync && !this.partition.isDamaged;
      if (this.#answered !== null && canAskAgain && random.chance(1, 3)) {
        await this.#send(actor.world, this.#answered);
      }
      const count = random.between(1, IN_FLIGHT_MAX);
      while (!actor.world.isEnding && this.#unanswered.length < count) this.#make(actor, random);
      await Promise.all([...this.#unanswered].map((batch) => this.#send(actor.world, batch)));
    } finally {
      this.#isBusy = false;
    }
  }

  async #newProducerId(world: World): Promise<bigint | null> {
    const { running } = world.node;
    if (running === null) return null;
    try {
      const producerId = await unlessGone(running.broker.allocateProducerId(), running.process.disk.halted);
      if (producerId === GONE) return null;
      if (world.producerIds.has(producerId)) world.violate("I21", `producer id ${producerId} was given twice`);
      world.producerIds.add(producerId);
      return producerId;
    } catch (thrown) {
      noteRefusal(world, thrown);
      return null;
    }
  }

  #make(actor: ClientActor, random: SimulatedRandom): void {
    const { world } = actor;
    const made = Array.from(
      { length: random.between(1, 3) },
      () => newRecord(actor, this.partition, `producer ${this.#producerId}`, random),
    );
    this.#unanswered.push({
      sequence: this.#sequence,
      sent: made.map(({ sent }) => sent),
      records: made.map(({ record }) => record),
      attempts: 0,
    });
    this.#sequence += made.length;
    world.probes.sometimes("an idempotent producer sent a batch");
  }

  async #send(world: World, batch: SentBatch): Promise<void> {
    const { running, powerLosses } = world.node;
    if (running === null) return;
    const { topic, partition } = this;
    batch.attempts += 1;
    const producer = { producerId: this.#producerId!, producerEpoch: 0, baseSequence: batch.sequence };
    const stored = buildRecordBatch(batch.records, { nowMs: 0, ...producer });
    try {
      const ack = await unlessGone(
        running.broker.produceBatch(topic.name, partition.partition, stored, { acks: "all" }),
        running.process.disk.halted,
      );
      if (ack === GONE) return;
      this.#unanswered = this.#unanswered.filter((other) => other !== batch);
      if (batch.sequence > (this.#answered?.sequence ?? -1)) this.#answered = batch;
      world.probes.sometimes("a batch that was sent again was answered", batch.attempts > 1);
      noteProduced(world, partition, batch.sent, { ...ack, isStrict: topic.durability === "fsync", powerLosses });
    } catch (thrown) {
      this.#noteFailure(world, batch, thrown);
    }
  }

  #noteFailure(world: World, batch: SentBatch, thrown: unknown): void {
    noteRefusal(world, thrown);
    this.lastFailure = String(thrown);
    if (!(thrown instanceof SentinelError)) return;
    const { partition, topic } = this;
    // Nothing will make it fit: this sequence stays open, and a client would begin a new epoch.
    if (thrown.code === "too_large") {
      this.#isGivenUp = true;
      if (batch.attempts === 1) { for (const sent of batch.sent) sent.outcome = "refused"; }
    }
    const isNext = (this.#unanswered[0] ?? this.#answered) === batch;
    const isLost = thrown.code === "out_of_order_sequence" && isNext;
    const isFinal = isLost || thrown.code === "invalid_producer_epoch";
    if (!isFinal) return;
    // A power loss may take what a laxer level has acknowledged, and damage anything: the producer begins anew.
    this.#isGivenUp = true;
    if (!topic.isAlwaysFsync || partition.isDamaged) return;
    world.violate("I21", `${partition.name}: a retry is refused, and nothing before it is missing: ${thrown.message}`);
  }
}

interface KeyedPart {
  readonly partition: PartitionModel;
  readonly sent: SentRecord;
  readonly record: RecordInput;
}

export class KeyedSending implements Insistent {
  readonly slot: TopicSlot;
  readonly topic: TopicModel;
  readonly #key: string;
  readonly #parts: readonly KeyedPart[];
  #attempts = 0;
  #isBusy = false;
  isDone = false;
  lastFailure = "";

  constructor(slot: TopicSlot, topic: TopicModel, key: string, parts: readonly KeyedPart[]) {
    this.slot = slot;
    this.topic = topic;
    this.#key = key;
    this.#parts = parts;
  }

  static make(actor: ClientActor, slot: TopicSlot, topic: TopicModel, random: SimulatedRandom): KeyedSending {
    const key = `key-${actor.world.model.records.size}`;
    const parts = Array.from({ length: random.between(1, 6) }, () => {
      const partition = random.pick(topic.partitions);
      return { partition, ...newRecord(actor, partition, key, random) };
    });
    return new KeyedSending(slot, topic, key, parts);
  }

  async step({ world }: ClientActor, random: SimulatedRandom): Promise<void> {
    if (this.#isBusy || this.isDone) return;
    this.#isBusy = true;
    try {
      await this.#send(world);
      // Once more, as if the answer had been lost.
      if (this.isDone && random.chance(1, 3)) await this.#send(world);
    } finally {
      this.#isBusy = false;
    }
  }

  async #send(world: World): Promise<void> {
    const { running, powerLosses } = world.node;
    if (running === null) return;
    this.#attempts += 1;
    const isAgain = this.isDone;
    const records = this.#parts.map(({ record, partition }) => ({ record, partition: partition.partition }));
    try {
      const answer = await unlessGone(
        running.broker.produceOnce(this.topic.name, this.#key, records, { acks: "all" }),
        running.process.disk.halted,
      );
      if (answer === GONE) return;
      if (isAgain && !answer.replayed) world.violate("I21", `${this.#key} was answered before, and is stored again`);
      world.probes.sometimes("a request with a key was answered again", answer.replayed);
      world.probes.sometimes("a request with a key was finished after a crash", this.#attempts > 1 && !answer.replayed);
      // What a laxer level has acknowledged may be gone, and the answer still says where it was.
      if (!this.topic.isAlwaysFsync) return void (this.isDone = true);
      for (const outcome of answer.outcomes) {
        if (!outcome.ok) continue;
        const sent = outcome.indexes.map((index) => this.#parts[index]!.sent);
        const { partition } = this.#parts[outcome.indexes[0]!]!;
        noteProduced(world, partition, sent, { ...outcome.ack, isStrict: true, powerLosses });
      }
      if (answer.outcomes.every(({ ok }) => ok)) this.isDone = true;
    } catch (thrown) {
      noteRefusal(world, thrown);
      this.lastFailure = String(thrown);
      if (thrown instanceof SentinelError && thrown.code === "too_large") {
        this.isDone = true;
        if (this.#attempts === 1) { for (const { sent } of this.#parts) sent.outcome = "refused"; }
      }
      if (thrown instanceof SentinelError && thrown.code === "idempotency_mismatch") {
        world.violate("I21", `${this.#key} was sent again as it was: ${thrown.message}`);
      }
    }
  }
}

/** One round of one that there is, or a new one. */
export async function insist(
  actor: ClientActor,
  slot: TopicSlot,
  partition: PartitionModel,
  action: "sequenced" | "keyed",
  random: SimulatedRandom,
): Promise<void> {
  const { world } = actor;
  const { topic } = partition;
  if (!topic.isAlwaysFsync) return;
  const mine = world.insistent.filter((each) => each.slot === slot && each.topic === topic);
  let next: Insistent | undefined;
  if (action === "keyed") {
    next = mine.find((each) => each instanceof KeyedSending && !each.isDone && random.chance(1, 2)) ??
      KeyedSending.make(actor, slot, topic, random);
  } else {
    next = mine.find((each) =>
      each instanceof SequencedSender && each.partition === partition && random.chance(2, 3)
    ) ??
      new SequencedSender(slot, partition);
  }
  if (!mine.includes(next)) world.insistent.push(next);
  await next.step(actor, random);
}

function newRecord(actor: ClientActor, partition: PartitionModel, session: string, random: SimulatedRandom) {
  const { world, clock } = actor;
  return world.model.newRecord(
    random,
    { topicName: partition.topic.name, partition: partition.partition, session, order: world.model.records.size },
    {
      nowMs: clock.nowMs(),
      bytesMean: world.configuration.recordBytesMean,
      isCompacted: partition.topic.isCompacted,
    },
  );
}
