/** A small broker in memory for tests of the protocols alone: topics, arrays of batches, fetches that wait. */
import type { Epoch, Offset, PartitionId, TimestampMs } from "../../src/base/ids.ts";
import { SentinelError } from "../../src/base/errors.ts";
import { NO_GROUPS } from "../broker/no_groups.ts";
import type { GroupsApi } from "../../src/broker/groups/groups_api.ts";
import type { BrokerApi, KeyedOutcome, ProduceOutcome, RoutedRecord } from "../../src/broker/broker_api.ts";
import type { KeyIndexProgress, KeyLookup, KeyLookupRequest, KeysApi } from "../../src/broker/key_index/keys_api.ts";
import { LatencyHistogram } from "../../src/broker/latency_histogram.ts";
import { noCounts } from "../../src/broker/broker_counters.ts";
import type {
  BrokerCounters,
  ClusterDescription,
  CreateTopicOptions,
  EpochEnd,
  FetchedPartition,
  FetchPartition,
  FetchRequest,
  ListedOffset,
  LogDirectoryDescription,
  OffsetAndTimestamp,
  OffsetSpec,
  PendingFetch,
  ProduceAck,
  ProduceOptions,
  ProducerDescription,
  TopicChange,
  TopicDescription,
  TopicPlan,
} from "../../src/broker/types.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";

interface FakePartition {
  batches: RecordBatch[];
  logStart: Offset;
  highWatermark: Offset;
}

interface FakeTopic {
  readonly name: string;
  readonly partitions: FakePartition[];
  config: Record<string, string>;
}

export interface FakeBrokerOptions {
  /** Partitions of a topic that is made without a number. */
  readonly partitions?: number;
  readonly autoCreate?: boolean;
  /** The append time of records that bring none. */
  readonly nowMs?: () => TimestampMs;
}

const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/;

export class FakeBroker implements BrokerApi {
  readonly topics: Map<string, FakeTopic> = new Map();
  readonly counters: BrokerCounters = noCounts();
  readonly produceLatency: LatencyHistogram = new LatencyHistogram();
  readonly fetchLatency: LatencyHistogram = new LatencyHistogram();
  readonly startedMonotonicMs = 0;
  groups: GroupsApi = NO_GROUPS;
  readonly partitionsDefault: number = 1;
  isReady = true;
  /** Set: the next produce calls wait for this before they append. */
  produceGate: Promise<void> | null = null;
  /** Set: produce calls fail with it. */
  produceFault: SentinelError | null = null;
  /** Every produce's options, in the order of the calls. */
  readonly produceCalls: ProduceOptions[] = [];
  /** Fetches that wait now. */
  waits = 0;

  readonly #options: FakeBrokerOptions;
  readonly #wakeUps: Set<() => void> = new Set();
  #nextPartition = 0;

  constructor(options: FakeBrokerOptions = {}) {
    this.#options = options;
  }

  async produceRecords(
    topic: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<ProduceOutcome[]> {
    this.produceCalls.push(options);
    if (this.produceGate !== null) await this.produceGate;
    if (this.produceFault !== null) throw this.produceFault;
    const count = this.#topicFor(topic).partitions.length;
    const sticky = this.#nextPartition++ % count;
    const indexesByPartition = new Map<PartitionId, number[]>();
    records.forEach((routed, index) => {
      const partition = routed.partition ?? sticky;
      if (partition >= count) throw new SentinelError("unknown_partition", `partition ${partition} does not exist`);
      const indexes = indexesByPartition.get(partition) ?? [];
      indexes.push(index);
      indexesByPartition.set(partition, indexes);
    });
    return [...indexesByPartition].sort(([a], [b]) => a - b).map(([partition, indexes]) => ({
      ok: true,
      indexes,
      ack: this.append(
        topic,
        partition,
        buildRecordBatch(indexes.map((index) => records[index]!.record), { nowMs: this.#nowMs() }),
      ),
    }));
  }

  /** Answers by topic and idempotency key. */
  readonly keyed = new Map<string, readonly ProduceOutcome[]>();

  async produceOnce(
    topic: string,
    key: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<KeyedOutcome> {
    const scoped = `${topic} ${key}`;
    const kept = this.keyed.get(scoped);
    if (kept !== undefined) return { replayed: true, outcomes: kept };
    const outcomes = await this.produceRecords(topic, records, options);
    this.keyed.set(scoped, outcomes);
    return { replayed: false, outcomes };
  }

  /** Every lookup by key, in the order of the calls, and what each is answered with. */
  readonly lookups: KeyLookupRequest[] = [];
  lookUp: (request: KeyLookupRequest) => KeyLookup | Promise<KeyLookup> = ({ topic }) => {
    throw new SentinelError("unknown_topic", `topic ${topic} does not exist`);
  };
  indexes: readonly KeyIndexProgress[] = [];
  readonly keys: KeysApi = {
    lookUp: async (request) => {
      this.lookups.push(request);
      return await this.lookUp(request);
    },
    progress: () => this.indexes,
  };

  producerIds = 0;
  /** Of every partition. */
  producers: ProducerDescription[] = [];

  async produceBatch(
    topic: string,
    partition: PartitionId | null,
    batch: RecordBatch,
    options: ProduceOptions,
  ): Promise<ProduceAck> {
    this.produceCalls.push(options);
    if (this.produceGate !== null) await this.produceGate;
    if (this.produceFault !== null) throw this.produceFault;
    const count = this.#topicFor(topic).partitions.length;
    const chosen = partition ?? this.#nextPartition++ % count;
    if (chosen >= count) throw new SentinelError("unknown_partition", `partition ${chosen} does not exist`);
    if (!batch.hasValidCrc()) throw new SentinelError("corrupt_batch", "the checksum is wrong");
    return this.append(topic, chosen, new RecordBatch(batch.bytes.slice()));
  }

  /** Puts a batch at the end of a partition, which is made when it is missing. */
  append(topic: string, partition: PartitionId, batch: RecordBatch): ProduceAck {
    const log = this.#topicFor(topic).partitions[partition]!;
    const first = log.highWatermark;
    batch.stamp(first, 0);
    log.batches.push(batch);
    log.highWatermark = batch.endOffset;
    this.counters.recordsProduced += batch.recordCount;
    this.counters.bytesProduced += batch.sizeBytes;
    for (const wakeUp of [...this.#wakeUps]) wakeUp();
    return {
      partition,
      first,
      count: batch.recordCount,
      logAppendTimeMs: -1,
      logStart: log.logStart,
      durability: "memory",
    };
  }

  async allocateProducerId(): Promise<bigint> {
    this.producerIds += 1;
    return BigInt(this.producerIds - 1);
  }

  describeProducers(topic: string, partition: PartitionId): readonly ProducerDescription[] {
    if (this.topics.get(topic)?.partitions[partition] === undefined) {
      throw new SentinelError("unknown_partition", `${topic}-${partition} does not exist`);
    }
    return this.producers;
  }

  fetch(request: FetchRequest): PendingFetch {
    const read = (): FetchedPartition[] => request.partitions.map((part) => this.#read(part));
    // "latest" and "earliest" mean the ends at the time of the call.
    const resolved = read();
    const fixed = request.partitions.map((part, index) => ({ ...part, offset: resolved[index]!.offset }));
    const readFixed = (): FetchedPartition[] => fixed.map((part) => this.#read(part));
    const enough = (parts: FetchedPartition[]): boolean =>
      parts.some((part) => part.error !== undefined) ||
      parts.reduce((sum, part) => sum + part.batches.reduce((bytes, batch) => bytes + batch.sizeBytes, 0), 0) >=
        request.minBytes;
    if (request.waitMs === 0 || enough(resolved)) return { result: Promise.resolve(resolved), cancel: () => {} };
    let finish: () => void = () => {};
    const result = new Promise<FetchedPartition[]>((resolve) => {
      this.waits += 1;
      finish = () => {
        if (!this.#wakeUps.delete(wakeUp)) return;
        this.waits -= 1;
        clearTimeout(timer);
        resolve(readFixed());
      };
      const wakeUp = (): void => {
        if (enough(readFixed())) finish();
      };
      this.#wakeUps.add(wakeUp);
      const timer = setTimeout(finish, request.waitMs);
    });
    return { result, cancel: () => finish() };
  }

  #read(part: FetchPartition): FetchedPartition {
    const log = this.topics.get(part.topic)?.partitions[part.partition];
    const nothing = { ...part, offset: 0, batches: [], highWatermark: 0, lastStable: 0, logStart: 0 };
    if (!this.topics.has(part.topic)) {
      return { ...nothing, error: new SentinelError("unknown_topic", `topic ${part.topic} does not exist`) };
    }
    if (log === undefined) {
      return {
        ...nothing,
        error: new SentinelError("unknown_partition", `partition ${part.partition} does not exist`),
      };
    }
    const offset = part.offset === "earliest"
      ? log.logStart
      : part.offset === "latest"
      ? log.highWatermark
      : part.offset;
    const ends = {
      offset,
      highWatermark: log.highWatermark,
      lastStable: log.highWatermark,
      logStart: log.logStart,
    };
    if (offset < log.logStart || offset > log.highWatermark) {
      return {
        ...part,
        ...ends,
        batches: [],
        error: new SentinelError(
          "offset_out_of_range",
          `offset ${offset} is outside ${log.logStart}…${log.highWatermark}`,
        ),
      };
    }
    const batches: RecordBatch[] = [];
    let bytes = 0;
    for (const batch of log.batches) {
      if (batch.endOffset <= offset) continue;
      if (batches.length > 0 && bytes + batch.sizeBytes > part.maxBytes) break;
      batches.push(batch);
      bytes += batch.sizeBytes;
    }
    return { ...part, ...ends, batches };
  }

  async offsetFor(
    topic: string,
    partition: PartitionId,
    at: "earliest" | "latest" | TimestampMs,
  ): Promise<OffsetAndTimestamp> {
    const log = this.#existing(topic).partitions[partition];
    if (log === undefined) throw new SentinelError("unknown_partition", `partition ${partition} does not exist`);
    if (at === "earliest") return { offset: log.logStart, timestamp: -1 };
    const batch = at === "latest" ? undefined : log.batches.find((candidate) => candidate.maxTimestamp >= at);
    if (batch === undefined) return { offset: log.highWatermark, timestamp: -1 };
    return { offset: batch.baseOffset, timestamp: batch.baseTimestamp };
  }

  async listOffset(topic: string, partition: PartitionId, at: OffsetSpec): Promise<ListedOffset | null> {
    return { ...await this.offsetFor(topic, partition, at === "newest" ? "latest" : at), epoch: 0 };
  }

  offsetForLeaderEpoch(topic: string, partition: PartitionId, epoch: Epoch): EpochEnd | null {
    return epoch === 0 ? { epoch, endOffset: this.#existing(topic).partitions[partition]!.highWatermark } : null;
  }

  async getOrCreateTopic(name: string): Promise<TopicDescription> {
    this.#topicFor(name);
    return this.describeTopic(name)!;
  }

  async deleteRecordsBefore(topic: string, partition: PartitionId, offset: Offset): Promise<Offset> {
    const log = this.#existing(topic).partitions[partition]!;
    log.logStart = Math.max(log.logStart, offset);
    log.batches = log.batches.filter((batch) => batch.endOffset > log.logStart);
    return log.logStart;
  }

  async createTopic(name: string, options: CreateTopicOptions = {}): Promise<TopicDescription> {
    if (this.topics.has(name)) throw new SentinelError("topic_exists", `topic ${name} exists`);
    this.#make(name, options.partitions);
    this.topics.get(name)!.config = { ...options.config };
    return this.describeTopic(name)!;
  }

  async deleteTopic(name: string): Promise<void> {
    this.#existing(name);
    this.topics.delete(name);
  }

  async alterTopic(
    name: string,
    change: TopicChange,
  ): Promise<TopicDescription> {
    const topic = this.#existing(name);
    if (change.partitions !== undefined) {
      if (change.partitions < topic.partitions.length) {
        throw new SentinelError("invalid_partitions", `${change.partitions} is below ${topic.partitions.length}`);
      }
      while (topic.partitions.length < change.partitions) topic.partitions.push(emptyPartition());
    }
    for (const [key, value] of Object.entries(change.config ?? {})) {
      if (typeof value === "string") topic.config[key] = value;
      else delete topic.config[key];
    }
    return this.describeTopic(name)!;
  }

  describeTopic(name: string): TopicDescription | null {
    const topic = this.topics.get(name);
    if (topic === undefined) return null;
    return {
      name,
      topicId: "AAAAAAAAQACAAAAAAAAAAA",
      config: topic.config,
      partitions: topic.partitions.map((log, partition) => ({
        partition,
        leader: 1,
        epoch: 0,
        replicas: [1],
        isr: [1],
        start: log.logStart,
        end: log.highWatermark,
        highWatermark: log.highWatermark,
        bytes: log.batches.reduce((sum, batch) => sum + batch.sizeBytes, 0),
      })),
    };
  }

  topicNames(): string[] {
    return [...this.topics.keys()].sort();
  }

  partitionCount(topic: string): number | null {
    return this.topics.get(topic)?.partitions.length ?? null;
  }

  checkNewTopic(_name: string, options: CreateTopicOptions = {}): TopicPlan {
    return { topicId: "AAAAAAAAQACAAAAAAAAAAA", partitions: options.partitions ?? 1, config: options.config ?? {} };
  }

  checkTopicChange(name: string): void {
    this.#existing(name);
  }

  topicNameById(topicId: string): string | null {
    return this.topicNames().find((name) => this.describeTopic(name)!.topicId === topicId) ?? null;
  }

  describeTopicConfig(): null {
    return null;
  }

  describeConfig(): [] {
    return [];
  }

  describeBrokerConfig(): [] {
    return [];
  }

  async describeLogDirectory(): Promise<LogDirectoryDescription> {
    return { path: "/memory", totalBytes: null, usableBytes: null };
  }

  describeCluster(): ClusterDescription {
    return {
      clusterId: "AAAAAAAAQACAAAAAAAAAAQ",
      controller: 1,
      nodes: [{ id: 1, host: "127.0.0.1", port: 9092, http: "http://127.0.0.1:8080" }],
    };
  }

  #existing(name: string): FakeTopic {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new SentinelError("unknown_topic", `topic ${name} does not exist`);
    return topic;
  }

  #topicFor(name: string): FakeTopic {
    if (!this.topics.has(name) && (this.#options.autoCreate ?? true)) this.#make(name, undefined);
    return this.#existing(name);
  }

  #make(name: string, partitions: number | undefined): void {
    if (!TOPIC_NAME.test(name) || name === "." || name === "..") {
      throw new SentinelError("invalid_topic", `topic name ${JSON.stringify(name)} is not valid`);
    }
    const count = partitions ?? this.#options.partitions ?? 1;
    this.topics.set(name, { name, config: {}, partitions: Array.from({ length: count }, emptyPartition) });
  }

  #nowMs(): TimestampMs {
    return this.#options.nowMs?.() ?? Date.now();
  }
}

function emptyPartition(): FakePartition {
  return { batches: [], logStart: 0, highWatermark: 0 };
}
