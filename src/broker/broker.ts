/**
 * The broker: topics, produce and fetch behind `BrokerApi`, over one data directory. It knows no protocol.
 *
 * Everything is restored at the start: topics and settings from the metadata log, offsets from the partitions' logs
 * (seed-O1).
 */
import { asSentinelError, PlatformError, SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Epoch, Offset, PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import type { NodeTree } from "../cluster/node_tree.ts";
import { OfflineReplica } from "../cluster/offline_replica.ts";
import type { Address } from "../platform/network.ts";
import type { Platform } from "../platform/platform.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import { openDataDirectory } from "../storage/data_directory.ts";
import type { DataDirectory } from "../storage/data_directory.ts";
import type { BrokerOptions } from "./broker_options.ts";
import type { BrokerApi, KeyedOutcome, ProduceOutcome, RoutedRecord } from "./broker_api.ts";
import type { ConfigEntry } from "./config_entry.ts";
import { describeBrokerConfig, describeTopicConfig } from "./describe_config.ts";
import { deleteRecordsBefore } from "./delete_records.ts";
import { noCounts } from "./broker_counters.ts";
import { describeTopic } from "./describe_topic.ts";
import { Fetching } from "./fetching.ts";
import { groupSettings } from "./groups/group_settings.ts";
import { Groups } from "./groups/groups.ts";
import type { GroupsApi } from "./groups/groups_api.ts";
import { assertNotInternal, isInternalTopic } from "./internal_topics.ts";
import { KeyedProducing } from "./keyed_producing.ts";
import { KeyIndexes } from "./key_index/key_indexes.ts";
import type { KeysApi } from "./key_index/keys_api.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { Maintenance } from "./maintenance.ts";
import { checkEpoch, lookUpEpochEnd, lookUpOffset } from "./offset_lookup.ts";
import { openStorage } from "./open_storage.ts";
import type { OpenStorage } from "./open_storage.ts";
import type { ProducerIds } from "./producer_ids.ts";
import { Producing } from "./producing.ts";
import type { TopicConfig } from "./topic_config.ts";
import { replicaOf } from "./topics.ts";
import type { OpenReport, Topic, Topics } from "./topics.ts";
import type {
  BrokerCounters,
  ClusterDescription,
  CreateTopicOptions,
  EpochEnd,
  FetchRequest,
  ListedOffset,
  LogDirectoryDescription,
  NodeDescription,
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

export class Broker implements BrokerApi {
  readonly counters: BrokerCounters = noCounts();
  readonly produceLatency = new LatencyHistogram();
  readonly fetchLatency = new LatencyHistogram();
  readonly startedMonotonicMs: number;
  readonly #platform: Platform;
  readonly #options: BrokerOptions;
  readonly #directory: DataDirectory;
  readonly #tree: NodeTree;
  readonly #topics: Topics;
  readonly #producerIds: ProducerIds;
  readonly #producing: Producing;
  readonly #keyed: KeyedProducing;
  readonly #fetching: Fetching;
  readonly #groups: Groups;
  readonly #keyIndexes: KeyIndexes;
  readonly #maintenance: Maintenance;
  #node: NodeDescription;
  /** Where the binary port listens. */
  #listens: Address | null = null;
  #isReady = false;
  #stopping: Promise<void> | null = null;

  private constructor(
    platform: Platform,
    options: BrokerOptions,
    directory: DataDirectory,
    { topics, producerIds, tree }: OpenStorage,
  ) {
    this.#platform = platform;
    this.#options = options;
    this.#directory = directory;
    this.#tree = tree;
    this.#topics = topics;
    this.#producerIds = producerIds;
    const { clock, compression } = platform;
    this.startedMonotonicMs = clock.monotonicMs();
    const { autoCreate, inMemory = false, partitioner = "murmur2" } = options;
    const { counters } = this;
    const onError = (error: SentinelError): void => this.#onError(error);
    this.#producing = new Producing({ topics, clock, compression, autoCreate, inMemory, partitioner, counters });
    this.#keyed = new KeyedProducing({ topics, producing: this.#producing, producerIds, clock, counters });
    this.#fetching = new Fetching({ topics, clock, counters: this.counters, latency: this.fetchLatency });
    this.#groups = new Groups({
      topics,
      clock,
      random: platform.random,
      compression: platform.compression,
      ...groupSettings(options.groups),
      onError,
    });
    this.#keyIndexes = new KeyIndexes(platform, { topics, tree, partitioner, counters, onError });
    this.#maintenance = new Maintenance(platform, { topics, tree, counters, options, onError });
    this.#node = { id: options.nodeId, host: "localhost", port: 0, http: null };
  }

  /** Locks and opens the data directory and recovers every partition. Damaged ones are offline and in the report. */
  static async open(
    platform: Platform,
    options: BrokerOptions,
    onDirectoryReady: () => void = () => {},
  ): Promise<{ broker: Broker; report: OpenReport }> {
    const directory = await openDataDirectory(platform.disk, platform.random, options.dataPath, options.nodeId);
    onDirectoryReady();
    try {
      const storage = await openStorage(platform, options, directory);
      const broker = new Broker(platform, options, directory, storage);
      await broker.#keyed.open();
      await broker.#keyIndexes.resume();
      broker.#groups.open();
      broker.#isReady = true;
      broker.#maintenance.start();
      return { broker, report: storage.report };
    } catch (thrown) {
      await directory.lock.release();
      throw thrown;
    }
  }

  get groups(): GroupsApi {
    return this.#groups;
  }

  get keys(): KeysApi {
    return this.#keyIndexes;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** How clients reach this node, once its listeners have their ports. */
  setEndpoints(node: NodeDescription, listens: Address | null = null): void {
    this.#node = node;
    this.#listens = listens;
  }

  async produceRecords(
    topic: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<ProduceOutcome[]> {
    this.#assertRunning();
    assertNotInternal(topic);
    return await this.#timed(this.#producing.produceRecords(topic, records, options));
  }

  async produceOnce(
    topic: string,
    key: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<KeyedOutcome> {
    this.#assertRunning();
    assertNotInternal(topic);
    return await this.#timed(this.#keyed.produce(topic, key, records, options));
  }

  async produceBatch(
    topic: string,
    partition: PartitionId | null,
    batch: RecordBatch,
    options: ProduceOptions,
  ): Promise<ProduceAck> {
    this.#assertRunning();
    assertNotInternal(topic);
    return await this.#timed(this.#producing.produceBatch(topic, partition, batch, options));
  }

  async allocateProducerId(): Promise<ProducerId> {
    this.#assertRunning();
    return await this.#counted(this.#producerIds.next());
  }

  describeProducers(topic: string, partition: PartitionId): readonly ProducerDescription[] {
    const replica = replicaOf(this.#mustGet(topic), partition);
    if (replica instanceof OfflineReplica) throw replica.failure;
    return replica.producers().map(({ producerId, epoch, batches }) => {
      const { lastSequence, timestamp: lastTimestamp } = batches.at(-1)!;
      return { producerId, epoch, lastSequence, lastTimestamp };
    });
  }

  fetch(request: FetchRequest): PendingFetch {
    return this.#fetching.fetch(request);
  }

  async offsetFor(
    topic: string,
    partition: PartitionId,
    at: "earliest" | "latest" | TimestampMs,
  ): Promise<OffsetAndTimestamp> {
    const replica = replicaOf(this.#mustGet(topic), partition);
    const found = await lookUpOffset(replica, at, this.#platform.compression);
    const { offset, timestamp } = found ?? { offset: replica.highWatermark, timestamp: -1 };
    return { offset, timestamp };
  }

  async listOffset(
    topic: string,
    partition: PartitionId,
    at: OffsetSpec,
    currentEpoch?: Epoch,
  ): Promise<ListedOffset | null> {
    const replica = replicaOf(this.#mustGet(topic), partition);
    checkEpoch(replica, currentEpoch);
    return await lookUpOffset(replica, at, this.#platform.compression);
  }

  offsetForLeaderEpoch(topic: string, partition: PartitionId, epoch: Epoch, currentEpoch?: Epoch): EpochEnd | null {
    const replica = replicaOf(this.#mustGet(topic), partition);
    checkEpoch(replica, currentEpoch);
    return lookUpEpochEnd(replica, epoch);
  }

  async deleteRecordsBefore(topic: string, partition: PartitionId, offset: Offset): Promise<Offset> {
    this.#assertRunning();
    assertNotInternal(topic);
    const replica = replicaOf(this.#mustGet(topic), partition);
    return await deleteRecordsBefore(replica, offset);
  }

  async createTopic(name: string, options: CreateTopicOptions = {}): Promise<TopicDescription> {
    this.#assertRunning();
    assertNotInternal(name);
    return describeTopic(await this.#counted(this.#topics.create(name, options)), this.#options.nodeId);
  }

  checkNewTopic(name: string, options: CreateTopicOptions = {}): TopicPlan {
    return this.#topics.plan(name, options);
  }

  async deleteTopic(name: string, topicId?: string): Promise<void> {
    this.#assertRunning();
    assertNotInternal(name);
    await this.#counted(this.#topics.delete(name, topicId));
    this.#groups.forgetTopic(name);
    this.#keyIndexes.removeUnwanted();
  }

  checkTopicChange(name: string, change: TopicChange): void {
    this.#topics.checkChange(name, change);
  }

  async alterTopic(name: string, change: TopicChange): Promise<TopicDescription> {
    this.#assertRunning();
    // With other partitions, groups would be looked for where they are not.
    if (change.partitions !== undefined) assertNotInternal(name);
    const topic = await this.#counted(this.#topics.alter(name, change));
    this.#keyIndexes.removeUnwanted();
    return describeTopic(topic, this.#options.nodeId);
  }

  async getOrCreateTopic(name: string): Promise<TopicDescription> {
    const known = this.describeTopic(name);
    if (known !== null) return known;
    this.#assertRunning();
    if (!this.#options.autoCreate) throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    return describeTopic(await this.#counted(this.#topics.getOrCreate(name)), this.#options.nodeId);
  }

  describeTopic(name: string): TopicDescription | null {
    const topic = this.#topics.get(name);
    return topic === undefined ? null : describeTopic(topic, this.#options.nodeId);
  }

  get partitionsDefault(): number {
    return this.#topics.partitionsDefault;
  }

  topicNames({ withInternal = false } = {}): string[] {
    return this.#topics.names().filter((name) => withInternal || !isInternalTopic(name));
  }

  partitionCount(topic: string): number | null {
    return this.#topics.get(topic)?.entry.partitions ?? null;
  }

  topicNameById(topicId: string): string | null {
    return this.#topics.nameOf(topicId);
  }

  describeTopicConfig(name: string): readonly ConfigEntry[] | null {
    const topic = this.#topics.get(name);
    return topic === undefined ? null : this.describeConfig(topic.config);
  }

  describeConfig(config: TopicConfig): readonly ConfigEntry[] {
    return describeTopicConfig(config, this.#topics.configDefaults);
  }

  describeBrokerConfig(): readonly ConfigEntry[] {
    const { retentionCheckMs = LIMITS.retentionCheckMs } = this.#options;
    const advertised = this.#node.port === 0 ? null : this.#node;
    return describeBrokerConfig({ ...this.#options, retentionCheckMs, advertised, listens: this.#listens });
  }

  async describeLogDirectory(): Promise<LogDirectoryDescription> {
    const path = this.#options.dataPath;
    const { totalBytes, freeBytes } = await this.#counted(this.#platform.disk.space(path));
    return { path, totalBytes, usableBytes: freeBytes };
  }

  describeCluster(): ClusterDescription {
    return { clusterId: this.#directory.clusterId, controller: this.#options.nodeId, nodes: [this.#node] };
  }

  /** Ends the waits of readers, at the beginning of a stop. Produce goes on until `close`. */
  endWaits(): void {
    this.#isReady = false;
    this.#fetching.stop();
    this.#groups.stop();
    this.#keyIndexes.stop();
  }

  /** Stores what is appended, marks the clean stop, frees the directory. Idempotent. */
  close(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  async #close(): Promise<void> {
    this.endWaits();
    this.#maintenance.stop();
    try {
      await this.#topics.close(new SentinelError("shutting_down", "The broker is stopping"));
    } finally {
      await this.#maintenance.ended;
      await this.#keyIndexes.ended;
      await this.#closeTree();
    }
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  async #closeTree(): Promise<void> {
    try {
      await this.#tree.close();
    } finally {
      await this.#directory.lock.release();
    }
  }

  #assertRunning(): void {
    if (this.#stopping !== null) throw new SentinelError("shutting_down", "The broker is stopping");
  }

  #onError(error: SentinelError): void {
    // A stop in the middle of a start's reading is no fault.
    if (this.#stopping !== null) return;
    this.counters.errors += 1;
    this.#options.onError?.(error);
  }

  #mustGet(name: string): Topic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    return topic;
  }

  /** A produce, which counts into the latency when it went well. */
  async #timed<Result>(produce: Promise<Result>): Promise<Result> {
    const { clock } = this.#platform;
    const startedMs = clock.monotonicMs();
    const result = await this.#counted(produce);
    this.produceLatency.record(clock.monotonicMs() - startedMs);
    return result;
  }

  async #counted<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (thrown) {
      this.counters.errors += 1;
      throw thrown instanceof PlatformError ? asSentinelError(thrown) : thrown;
    }
  }
}
