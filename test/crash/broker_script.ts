/** A scenario's script over a whole broker: each call asks the broker and notes in the ledger what came of it. */
import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/broker_options.ts";
import { SentinelError } from "../../src/base/errors.ts";
import type { StorageEngine } from "../../src/cluster/partition_store.ts";
import { BROKER_OPTIONS, brokerSubject } from "./broker_subject.ts";
import { digestOf } from "./ledger.ts";
import type { PartitionPlace, ProduceAsked, TopicState } from "./ledger.ts";
import { observedRecords } from "./subject.ts";
import type { OpensSubject } from "./subject.ts";
import type { KeyedRequest } from "./keyed_request.ts";
import { Script } from "./script.ts";
import type { SequencedBatch, SequencedProducer } from "./sequenced_producer.ts";

const READ_BYTES = 100_000;

export interface ProduceOptions {
  readonly connection?: string;
  readonly count?: number;
  readonly valueBytes?: number;
  /** HTTP's If-Match. */
  readonly expectedOffset?: number;
}

export class BrokerScript extends Script {
  readonly opens: OpensSubject;
  readonly #engine: StorageEngine;
  readonly #states = new Map<string, TopicState>();
  #incarnations = 0;
  #broker: Broker | null = null;

  /** `engine`: how topics are stored that say nothing. */
  constructor(seed: number, engine: StorageEngine = "log") {
    super(seed);
    this.#engine = engine;
    this.opens = brokerSubject(engine);
  }

  /** What paths of files have in them that a partition's appends go to. */
  logOf(partition: string): string {
    return this.#engine === "log" ? `${partition}/0` : "tree/wal";
  }

  get broker(): Broker {
    if (this.#broker === null) throw new Error("The broker is not running");
    return this.#broker;
  }

  async start(options: Partial<BrokerOptions> = {}): Promise<void> {
    const { platform } = this.startProcess();
    this.#broker = (await Broker.open(platform, { ...BROKER_OPTIONS, storageEngine: this.#engine, ...options })).broker;
  }

  /** A clean stop. */
  async stop(): Promise<void> {
    await this.broker.close();
    this.#broker = null;
  }

  placeOf(topic: string, partition = 0): PartitionPlace {
    return { incarnation: this.#states.get(topic)!.incarnation, partition };
  }

  async create(name: string, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<void> {
    const state: TopicState = { name, incarnation: ++this.#incarnations, partitions, config };
    this.ledger.push({ kind: "topic asked", name, state });
    const { topicId } = await this.broker.createTopic(name, { partitions, config });
    this.#states.set(name, state);
    this.ledger.push({ kind: "topic id", incarnation: state.incarnation, topicId }, { kind: "topic done", name });
  }

  /** A create that the broker is to refuse. */
  async createInVain(
    name: string,
    partitions: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const state: TopicState = { name, incarnation: ++this.#incarnations, partitions, config };
    this.ledger.push({ kind: "topic asked", name, state });
    try {
      await this.broker.createTopic(name, { partitions, config });
    } catch {
      this.ledger.push({ kind: "topic refused", name });
      return;
    }
    throw new Error(`The topic ${name} was made, and was to be refused`);
  }

  async delete(name: string): Promise<void> {
    this.ledger.push({ kind: "topic asked", name, state: null });
    await this.broker.deleteTopic(name);
    this.ledger.push({ kind: "topic done", name });
  }

  async alter(name: string, partitions: number, config: Readonly<Record<string, string>>): Promise<void> {
    const before = this.#states.get(name)!;
    const state: TopicState = { ...before, partitions, config };
    this.ledger.push({ kind: "topic asked", name, state });
    const gone = Object.keys(before.config).filter((setting) => !(setting in config));
    const removed = Object.fromEntries(gone.map((setting) => [setting, null]));
    await this.broker.alterTopic(name, { partitions, config: { ...config, ...removed } });
    this.#states.set(name, state);
    this.ledger.push({ kind: "topic done", name });
  }

  /** Produces one batch of records; true when they were acknowledged. */
  async produce(topic: string, partition = 0, options: ProduceOptions = {}): Promise<boolean> {
    const { connection = "one", count = 1, valueBytes = 60, expectedOffset } = options;
    const records = this.records(connection, count, valueBytes);
    const digests = records.map((record) => digestOf({ ...record, timestamp: record.timestamp! }, 0));
    const asked: ProduceAsked = { kind: "produce asked", place: this.placeOf(topic, partition), connection, digests };
    this.ledger.push(asked);
    const produceOptions = { acks: "all" as const, ...(expectedOffset === undefined ? {} : { expectedOffset }) };
    try {
      const routed = records.map((record) => ({ record, partition }));
      const [outcome] = await this.broker.produceRecords(topic, routed, produceOptions);
      if (!outcome!.ok) throw outcome!.error;
      this.ledger.push({ kind: "produce acked", asked, first: outcome!.ack.first });
      return true;
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      // A partition that takes no more writes says of none what became of it; a healthy one has taken the record back.
      const isFailed = this.broker.describeTopic(topic)?.partitions[partition]?.offline !== undefined;
      if (!isFailed) this.ledger.push({ kind: "produce refused", asked });
      return false;
    }
  }

  /** Sends a producer's next batch; true when it was acknowledged. A batch that is refused is the next one again. */
  async produceSequenced(producer: SequencedProducer, options: { readonly count?: number } = {}): Promise<boolean> {
    const { topic, partition, connection } = producer;
    const records = this.records(connection, options.count ?? 1, 30);
    const batch = producer.next(records);
    const digests = records.map((record) => digestOf({ ...record, timestamp: record.timestamp! }, 0));
    return await this.#sendSequenced(batch, {
      kind: "produce asked",
      place: this.placeOf(topic, partition),
      connection,
      digests,
    });
  }

  /** Sends a batch again that was sent before: what is answered counts as the answer to the first one. */
  async retrySequenced(batch: SequencedBatch): Promise<boolean> {
    const asked = this.#asked.get(batch)!;
    return await this.#sendSequenced(batch, asked, !this.#refused.has(batch));
  }

  readonly #asked = new Map<SequencedBatch, ProduceAsked>();
  readonly #refused = new Set<SequencedBatch>();

  async #sendSequenced(batch: SequencedBatch, asked: ProduceAsked, isKnown = false): Promise<boolean> {
    if (!isKnown) this.ledger.push(asked);
    this.#asked.set(batch, asked);
    this.#refused.delete(batch);
    try {
      const { topic, partition } = batch.producer;
      const { first } = await this.broker.produceBatch(topic, partition, batch.make(), { acks: "all" });
      this.ledger.push({ kind: "produce acked", asked, first });
      return true;
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      if (thrown.code !== "storage_error") throw thrown;
      this.ledger.push({ kind: "produce refused", asked });
      this.#refused.add(batch);
      return false;
    }
  }

  /** Sends a request with an idempotency key; true when all of it was acknowledged. */
  async produceKeyed(request: KeyedRequest): Promise<boolean> {
    const asked = new Map<number, ProduceAsked>();
    for (const { record, partition } of request.records) {
      const digests = [
        ...asked.get(partition)?.digests ?? [],
        digestOf({ ...record, timestamp: record.timestamp! }, 0),
      ];
      const place = this.placeOf(request.topic, partition);
      asked.set(partition, { kind: "produce asked", place, connection: request.key, digests });
    }
    if (!this.#keyed.has(request)) this.ledger.push(...asked.values());
    this.#keyed.add(request);
    try {
      const { outcomes } = await this.broker.produceOnce(request.topic, request.key, request.records, { acks: "all" });
      for (const outcome of outcomes) {
        if (!outcome.ok) continue;
        const { partition, first } = outcome.ack;
        const digests = outcome.indexes.map((index) => request.digests[index]!);
        this.ledger.push({ kind: "produce acked", asked: { ...asked.get(partition)!, digests }, first });
      }
      return outcomes.every(({ ok }) => ok);
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      return false;
    }
  }

  readonly #keyed = new Set<KeyedRequest>();

  async trim(topic: string, offset: number, partition = 0): Promise<void> {
    const place = this.placeOf(topic, partition);
    this.ledger.push({ kind: "start asked", place, offset, isLimit: false });
    await this.broker.deleteRecordsBefore(topic, partition, offset);
    this.ledger.push({ kind: "start told", place, offset });
  }

  /** A reader looks at everything that is committed now. */
  async read(topic: string, partition = 0): Promise<void> {
    const place = this.placeOf(topic, partition);
    const request = { partitions: [{ topic, partition, offset: "earliest" as const, maxBytes: READ_BYTES }] };
    const [answer] = await this.broker.fetch({ ...request, minBytes: 0, waitMs: 0, maxBytes: READ_BYTES }).result;
    if (answer!.error !== undefined) throw answer!.error;
    const digests = observedRecords(answer!.batches, answer!.offset).map(({ digest }) => digest);
    this.ledger.push({ kind: "read", place, first: answer!.offset, digests });
    this.ledger.push({ kind: "start told", place, offset: answer!.logStart });
  }

  /** The next offset, as clients are told it. */
  endOf(topic: string, partition = 0): number {
    return this.broker.describeTopic(topic)!.partitions[partition]!.end;
  }
}
