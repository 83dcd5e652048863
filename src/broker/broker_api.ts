/**
 * What a protocol may ask of the broker. `Broker` implements it; the handlers see only this, so that a test can stand in
 * for the broker where the protocol alone matters.
 *
 * Every method answers with values or fails with a `SentinelError`; whatever a request says, it cannot end the process.
 */
import type { Epoch, Offset, PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { RecordInput } from "../records/record.ts";
import type { ConfigEntry } from "./config_entry.ts";
import type { GroupsApi } from "./groups/groups_api.ts";
import type { KeysApi } from "./key_index/keys_api.ts";
import type { LatencyHistogram } from "./latency_histogram.ts";
import type { TopicConfig } from "./topic_config.ts";
import type {
  BrokerCounters,
  ClusterDescription,
  CreateTopicOptions,
  EpochEnd,
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
} from "./types.ts";

/** A record and the partition that its producer chose, if it did. */
export interface RoutedRecord {
  readonly record: RecordInput;
  readonly partition?: PartitionId;
}

/** The outcome for one partition of a produce that touched several. */
export type ProduceOutcome =
  | { readonly ok: true; readonly ack: ProduceAck; readonly indexes: readonly number[] }
  | {
    readonly ok: false;
    readonly partition: PartitionId;
    readonly error: unknown;
    readonly indexes: readonly number[];
  };

/** What became of a request with an idempotency key. */
export interface KeyedOutcome {
  /** Nothing was appended now: an earlier request with the key has stored everything, and this is its answer. */
  readonly replayed: boolean;
  /** One for each run of offsets; a partition has several where a crash came between. */
  readonly outcomes: readonly ProduceOutcome[];
}

export interface BrokerApi {
  /**
   * Appends records, each to the partition it names or the partitioner picks (keyed: murmur2 as the Java client; the
   * rest of one call stick to one partition, round robin between calls). Everything is validated before a byte is
   * written: a bad record fails the whole call with `invalid_record` or `too_large` and pointers `/records/N…`, and
   * creates no topic (seed-P3). The run for one partition is contiguous, cut into batches of at most `max.message.bytes`.
   *
   * `indexes` of an outcome are positions in `records`, in the order of the offsets. Outcomes are sorted by partition.
   * With acks `none` it resolves as soon as the records are in the queue. A topic that is missing is made when
   * auto-create is on, else `unknown_topic`.
   */
  produceRecords(topic: string, records: readonly RoutedRecord[], options: ProduceOptions): Promise<ProduceOutcome[]>;

  /**
   * As `produceRecords`, but once for each key of 1 to 255 visible ASCII characters, in this incarnation of the topic,
   * for `idempotencyKeepMs`: sent again, the request is answered as it was the first time, also after a crash, and what
   * a crash kept from being stored is appended. `idempotency_mismatch` for the key of another request,
   * `request_in_flight` while the first is in work, `overloaded` when there are too many keys, `invalid_parameter` with
   * acks `none`. When some partitions fail, the same request sent again stores what is missing.
   */
  produceOnce(
    topic: string,
    key: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<KeyedOutcome>;

  /**
   * Appends one of Kafka's batches as it is. One with a producer id is appended once: a retry is answered as the original
   * was, when that is safe; `out_of_order_sequence`, `invalid_producer_epoch`; a transaction's batch is
   * `forbidden_transactional_id`. No partition: one is chosen round robin. The batch's bytes are the broker's afterwards.
   */
  produceBatch(
    topic: string,
    partition: PartitionId | null,
    batch: RecordBatch,
    options: ProduceOptions,
  ): Promise<ProduceAck>;

  /** A producer id that nobody had before, also not before a crash; its first epoch is 0, its first sequence 0. */
  allocateProducerId(): Promise<ProducerId>;

  /** The producers that wrote to a partition within a day, by what is appended. `unknown_topic`, `unknown_partition`. */
  describeProducers(topic: string, partition: PartitionId): readonly ProducerDescription[];

  /**
   * Reads whole batches from several partitions, waiting until there is `minBytes` or the time is over. Faults of one
   * partition are in its own answer. Fails as a whole only with `overloaded` or `shutting_down`.
   */
  fetch(request: FetchRequest): PendingFetch;

  /** The first offset whose record is at or after a time, or the log's ends. */
  offsetFor(
    topic: string,
    partition: PartitionId,
    at: "earliest" | "latest" | TimestampMs,
  ): Promise<OffsetAndTimestamp>;

  /**
   * As `offsetFor`, but null where there is no such record, with the leader epoch of the place, and held against the
   * leader epoch that the caller knows: `fenced_leader_epoch`, `unknown_leader_epoch`.
   */
  listOffset(
    topic: string,
    partition: PartitionId,
    at: OffsetSpec,
    currentEpoch?: Epoch,
  ): Promise<ListedOffset | null>;

  /** Where the largest epoch up to `epoch` ends (KIP-101); null when `epoch` lies above all that the log has. */
  offsetForLeaderEpoch(topic: string, partition: PartitionId, epoch: Epoch, currentEpoch?: Epoch): EpochEnd | null;

  /** Removes everything before `offset` (Kafka's DeleteRecords); returns the new log start offset. */
  deleteRecordsBefore(topic: string, partition: PartitionId, offset: Offset): Promise<Offset>;

  /** Durable when it resolves. `topic_exists`, `invalid_topic`, `invalid_config`, `invalid_partitions`, `invalid_replication_factor`. */
  createTopic(name: string, options?: CreateTopicOptions): Promise<TopicDescription>;
  /** Everything that `createTopic` checks, and nothing made. What it would be, with an id of its own. */
  checkNewTopic(name: string, options?: CreateTopicOptions): TopicPlan;
  /** `unknown_topic`, also when the topic of this name has another id. The data is gone and a new topic of the same name starts empty. */
  deleteTopic(name: string, topicId?: string): Promise<void>;
  alterTopic(name: string, change: TopicChange): Promise<TopicDescription>;
  /** Everything that `alterTopic` checks, and nothing changed. */
  checkTopicChange(name: string, change: TopicChange): void;
  /** The topic, made with the defaults when it is missing; `unknown_topic` when auto-create is off. Two at once get the same. */
  getOrCreateTopic(name: string): Promise<TopicDescription>;
  /** Null when there is no such topic. */
  describeTopic(name: string): TopicDescription | null;
  /** Sorted by name; internal topics are left out unless they are asked for. */
  topicNames(options?: { readonly withInternal?: boolean }): string[];
  /** Partitions of a topic that is made without a number. */
  readonly partitionsDefault: number;
  /** Number of partitions, or null when there is no such topic: cheaper than a description. */
  partitionCount(topic: string): number | null;

  /** The name of the topic that has this id now, or null. */
  topicNameById(topicId: string): string | null;

  /** Every setting of a topic, sorted by name; null when there is no such topic. */
  describeTopicConfig(name: string): readonly ConfigEntry[] | null;
  /** As it would be for a topic with these settings. */
  describeConfig(config: TopicConfig): readonly ConfigEntry[];
  /** Every setting of this broker that is true, sorted by name. */
  describeBrokerConfig(): readonly ConfigEntry[];
  describeLogDirectory(): Promise<LogDirectoryDescription>;
  /** Consumer groups and the positions that they commit. */
  readonly groups: GroupsApi;
  /** The newest records of keys. */
  readonly keys: KeysApi;

  describeCluster(): ClusterDescription;
  /** False until recovery is done and after a stop began. */
  readonly isReady: boolean;

  readonly counters: BrokerCounters;
  readonly produceLatency: LatencyHistogram;
  readonly fetchLatency: LatencyHistogram;
  readonly startedMonotonicMs: number;
}
