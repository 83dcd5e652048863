/**
 * The broker's topics: what the table says, with the replicas that are open for it, and the operations that change both.
 * Changes run one at a time. What is made on disk comes before the metadata record that announces it, what is removed
 * after the record that says so: a crash leaves directories that nobody knows, never a topic without its data.
 */
import { PlatformError, SentinelError } from "../base/errors.ts";
import { makeUuid } from "../base/ids.ts";
import type { PartitionId } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { MetadataLog, MetadataRecord } from "../cluster/metadata_log.ts";
import type { PartitionKey, PartitionStore } from "../cluster/partition_store.ts";
import type { Replica } from "../cluster/replica.ts";
import type { Random } from "../platform/random.ts";
import { Mutex } from "../storage/mutex.ts";
import type { Scrubbing } from "../storage/scrubbing.ts";
import { changedConfig } from "./config_change.ts";
import type { ProducerIds } from "./producer_ids.ts";
import { shownConfig, storedSettings, withKeptEngine } from "./storage_engine.ts";
import { normalizeTopicConfig, topicSettings } from "./topic_config.ts";
import type { TopicConfig, TopicConfigDefaults, TopicSettings } from "./topic_config.ts";
import { assertTopicName } from "./topic_name.ts";
import { changeRecord, deleteRecord, topicRecord, TopicTable } from "./topic_table.ts";
import type { TopicEntry } from "./topic_table.ts";
import type { CreateTopicOptions, TopicChange, TopicPlan } from "./types.ts";

/** Logs opened at once at the start: more would only queue for the disk. */
const OPENS_AT_ONCE = 8;

/** A topic that is there, with its replicas. */
export interface Topic {
  readonly entry: TopicEntry;
  /** The settings that differ from this broker's defaults. */
  readonly config: TopicConfig;
  readonly settings: TopicSettings;
  readonly replicas: readonly Replica[];
}

export interface TopicsOptions {
  readonly store: PartitionStore;
  readonly metadata: MetadataLog;
  /** Told of its records when the metadata log is replayed. */
  readonly producerIds: ProducerIds;
  readonly random: Random;
  readonly configDefaults: TopicConfigDefaults;
  /** Partitions of a topic that says nothing. */
  readonly partitionsDefault: number;
}

/** What opening found, for the start's lines (facts Y19). */
export interface OpenReport {
  segments: number;
  /** The largest end offset of all partitions. */
  offsetMax: number;
  cutBytes: number;
  readonly setAside: string[];
  readonly offline: SentinelError[];
}

export class Topics {
  readonly #options: TopicsOptions;
  readonly #table = new TopicTable();
  readonly #open = new Map<string, Topic>();
  readonly #mutex = new Mutex();
  /** Names without `.` and `_` differences, which Kafka holds for the same. */
  readonly #collisionNames = new Map<string, string>();

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /** Replays the metadata log and opens every partition. */
  async open(): Promise<OpenReport> {
    const { metadata, store, configDefaults, producerIds } = this.#options;
    await metadata.replay((record) => {
      if (!producerIds.apply(record)) this.#table.apply(record);
    });
    for (const entry of this.#table.deletedEntries()) {
      await store.removeDirectories(keyOf(entry, 0), 0, entry.partitions);
    }
    const { setAside, isWhole } = await store.sweep(this.#table);
    // A snapshot forgets what was deleted: all of it must be gone by then.
    if (isWhole && metadata.length > Math.max(LIMITS.metadataRecordsBeforeSnapshot, 4 * this.#table.size)) {
      await metadata.snapshot([...this.#table.snapshot(), ...producerIds.snapshot()]);
    }
    const report: OpenReport = { segments: 0, offsetMax: 0, cutBytes: 0, setAside, offline: [] };
    const entries = [...this.#table.entries()];
    await inParallel(entries.length, async (at) => {
      const entry = entries[at]!;
      const settings = topicSettings(entry.config, configDefaults);
      this.#publish(entry, settings, await this.#openPartitions(entry, 0, settings, report));
    });
    return report;
  }

  get(name: string): Topic | undefined {
    return this.#open.get(name);
  }

  names(): string[] {
    return this.#table.names();
  }

  /** The name of the topic that has this id now, or null. */
  nameOf(topicId: string): string | null {
    return this.#table.nameOf(topicId) ?? null;
  }

  /** Of the metadata log, which is no topic's. */
  get metadataScrubbing(): Scrubbing | null {
    return this.#options.metadata.scrubbing;
  }

  values(): IterableIterator<Topic> {
    return this.#open.values();
  }

  /** Fails with `topic_exists` and with what is wrong in the request. */
  create(name: string, options: CreateTopicOptions): Promise<Topic> {
    return this.#mutex.run(() => this.#create(name, options));
  }

  /** The topic, made now when it is not there; two at once get the same (seed-K4). */
  async getOrCreate(name: string, options: CreateTopicOptions = {}): Promise<Topic> {
    return this.#open.get(name) ?? await this.getInTurn(name, options);
  }

  /** The same, behind all who asked before, also when it is there by now. */
  getInTurn(name: string, options: CreateTopicOptions = {}): Promise<Topic> {
    return this.#mutex.run(async () => this.#open.get(name) ?? await this.#create(name, options));
  }

  /** The number of partitions that a topic made now would get. */
  get partitionsDefault(): number {
    return this.#options.partitionsDefault;
  }

  get configDefaults(): TopicConfigDefaults {
    return this.#options.configDefaults;
  }

  /** With a topic id only that incarnation. */
  delete(name: string, topicId?: string): Promise<void> {
    return this.#mutex.run(async () => {
      const topic = this.#mustGet(name);
      if (topicId !== undefined && topicId !== topic.entry.topicId) {
        throw new SentinelError("unknown_topic", `The topic ${name} with the id ${topicId} does not exist`);
      }
      await this.#announce(deleteRecord(topic.entry));
      this.#open.delete(name);
      this.#collisionNames.delete(collisionName(name));
      const gone = new SentinelError("unknown_topic", `The topic ${name} was deleted`);
      await Promise.all(topic.replicas.map((replica) => replica.close(gone)));
      await this.#removeOrLeave(topic.entry);
    });
  }

  alter(name: string, change: TopicChange): Promise<Topic> {
    return this.#mutex.run(async () => {
      const topic = this.#mustGet(name);
      const entry = this.checkChange(name, change);
      const settings = topicSettings(entry.config, this.#options.configDefaults);
      const added = await this.#addPartitions(entry, topic.entry.partitions, settings, changeRecord(entry));
      for (const replica of topic.replicas) replica.configure(settings.replica);
      return this.#publish(entry, settings, [...topic.replicas, ...added]);
    });
  }

  /** What a change would make of a topic. Fails as `alter` would. */
  checkChange(
    name: string,
    { partitions: wanted, config: changes = {}, replacesConfig = false }: TopicChange,
  ): TopicEntry {
    const { entry } = this.#mustGet(name);
    const { configDefaults } = this.#options;
    const before = shownConfig(entry, configDefaults);
    const changed = changedConfig(before, { changes, replacesAll: replacesConfig }, configDefaults);
    const after = storedSettings(normalizeTopicConfig(changed, configDefaults), configDefaults);
    const partitions = wanted ?? entry.partitions;
    if (partitions < entry.partitions) {
      throw new SentinelError(
        "invalid_partitions",
        `The topic ${name} currently has ${entry.partitions} partition(s); ${partitions} would not be an increase.`,
      );
    }
    this.#assertPartitionCount(partitions, partitions - entry.partitions);
    return { ...entry, partitions, ...withKeptEngine(name, entry, after, changes) };
  }

  /** Closes every log, whatever becomes of the others; later appends fail with `reason`. Fails with the first failure. */
  async close(reason: SentinelError): Promise<void> {
    await this.#mutex.run(async () => {
      const replicas = [...this.#open.values()].flatMap((topic) => topic.replicas);
      const failures: unknown[] = [];
      await inParallel(replicas.length, async (at) => {
        await replicas[at]!.close(reason).catch((thrown: unknown) => failures.push(thrown));
      });
      await this.#options.metadata.close();
      if (failures.length > 0) throw storageError(failures[0], "A log could not be closed");
    });
  }

  /** What a new topic would be. Fails as `create` would. */
  checkNew(name: string, options: CreateTopicOptions): TopicEntry {
    assertTopicName(name);
    const twin = this.#collisionNames.get(collisionName(name));
    if (twin === name) throw new SentinelError("topic_exists", `Topic '${name}' already exists.`);
    if (twin !== undefined) {
      throw new SentinelError("invalid_topic", `Topic '${name}' collides with existing topic: ${twin}`);
    }
    const { configDefaults } = this.#options;
    const config = normalizeTopicConfig(options.config ?? {}, configDefaults);
    const replicas = options.replicas ?? -1;
    if (replicas !== -1 && replicas !== 1) {
      throw new SentinelError(
        "invalid_replication_factor",
        `${replicas} replicas were asked for; a single node can hold 1`,
      );
    }
    const partitions = options.partitions ?? this.#options.partitionsDefault;
    this.#assertPartitionCount(partitions, partitions);
    if (this.#table.size >= LIMITS.topicsMax) {
      throw new SentinelError("overloaded", `There are ${this.#table.size} topics, which is the limit`);
    }
    const topicId = makeUuid((into) => this.#options.random.fill(into));
    return { name, topicId, partitions, ...storedSettings(config, configDefaults) };
  }

  /** The same, as it would be described. */
  plan(name: string, options: CreateTopicOptions): TopicPlan {
    const entry = this.checkNew(name, options);
    const { topicId, partitions } = entry;
    return { topicId, partitions, config: shownConfig(entry, this.#options.configDefaults) };
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  #mustGet(name: string): Topic {
    const topic = this.#open.get(name);
    if (topic === undefined) throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    return topic;
  }

  async #create(name: string, options: CreateTopicOptions): Promise<Topic> {
    const entry = this.checkNew(name, options);
    const settings = topicSettings(entry.config, this.#options.configDefaults);
    return this.#publish(entry, settings, await this.#addPartitions(entry, 0, settings, topicRecord(entry)));
  }

  #assertPartitionCount(partitions: number, added: number): void {
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > LIMITS.topicPartitionsMax) {
      const detail = `${partitions} partitions were asked for; a topic can have 1 to ${LIMITS.topicPartitionsMax}`;
      throw new SentinelError("invalid_partitions", detail);
    }
    if (this.#table.partitionCount + added > LIMITS.brokerPartitionsMax) {
      const detail = `${added} more partitions would pass the broker's limit of ${LIMITS.brokerPartitionsMax}`;
      throw new SentinelError("invalid_partitions", detail);
    }
  }

  /** Makes and opens partitions `from` and up, then writes the record that says so: all of it, or nothing. */
  async #addPartitions(
    entry: TopicEntry,
    from: PartitionId,
    settings: TopicSettings,
    record: MetadataRecord,
  ): Promise<Replica[]> {
    await this.#createPartitions(entry, from);
    const added = await this.#openPartitions(entry, from, settings, null);
    try {
      const failed = added.find((replica) => replica.failure !== null);
      if (failed !== undefined) throw failed.failure;
      await this.#announce(record);
      return added;
    } catch (thrown) {
      const error = storageError(thrown, `The partitions of ${entry.name} could not be made`);
      const reason = new SentinelError("storage_error", `The partitions of ${entry.name} could not be made`);
      await Promise.all(added.map((replica) => replica.close(reason)));
      // After a failed sync nobody knows whether the record is there: the next start decides what the directories are.
      if (this.#options.metadata.failure === null) await this.#removeOrLeave(entry, from);
      throw error;
    }
  }

  /** Makes partitions `from` and up, or none of them. */
  async #createPartitions(entry: TopicEntry, from: PartitionId): Promise<void> {
    if (from === entry.partitions) return;
    const { store } = this.#options;
    try {
      await inParallel(entry.partitions - from, (at) => store.create(keyOf(entry, from + at)));
      await store.syncEntries(entry.engine);
    } catch (thrown) {
      await this.#removeOrLeave(entry, from);
      throw storageError(thrown, `The partitions of ${entry.name} could not be made`);
    }
  }

  async #openPartitions(
    entry: TopicEntry,
    from: PartitionId,
    settings: TopicSettings,
    report: OpenReport | null,
  ): Promise<Replica[]> {
    const replicas: Replica[] = [];
    await inParallel(entry.partitions - from, async (at) => {
      const opened = await this.#options.store.open(keyOf(entry, from + at), settings.replica);
      replicas[at] = opened.replica;
      if (report === null) return;
      report.segments += opened.report?.segments ?? 0;
      report.cutBytes += opened.report?.cutBytes ?? 0;
      report.offsetMax = Math.max(report.offsetMax, opened.replica.endOffset);
      if (opened.replica.failure !== null) report.offline.push(opened.replica.failure);
    });
    return replicas;
  }

  async #removePartitions(entry: TopicEntry, from: PartitionId = 0): Promise<void> {
    await this.#options.store.remove(keyOf(entry, from), from, entry.partitions);
  }

  /** As `#removePartitions`; what a failing disk does not let go is nobody's, and the next start removes it or sets it aside. */
  async #removeOrLeave(entry: TopicEntry, from: PartitionId = 0): Promise<void> {
    try {
      await this.#removePartitions(entry, from);
    } catch (thrown) {
      const isRefused = thrown instanceof PlatformError ||
        (thrown instanceof SentinelError && thrown.code === "storage_error");
      if (!isRefused) throw thrown;
    }
  }

  async #announce(record: MetadataRecord): Promise<void> {
    await this.#options.metadata.append([record]);
    this.#table.apply(record);
  }

  #publish(entry: TopicEntry, settings: TopicSettings, replicas: readonly Replica[]): Topic {
    const topic: Topic = { entry, config: shownConfig(entry, this.#options.configDefaults), settings, replicas };
    this.#open.set(entry.name, topic);
    this.#collisionNames.set(collisionName(entry.name), entry.name);
    return topic;
  }
}

/** A start that fails leaves no descriptor open: the caller may try again in this process. */
export async function openTopics(topics: Topics): Promise<OpenReport> {
  try {
    return await topics.open();
  } catch (thrown) {
    await topics.close(new SentinelError("shutting_down", "The broker could not start")).catch(() => {});
    throw thrown;
  }
}

/** The replica of a partition; `unknown_partition` names what there is. */
export function replicaOf(topic: Topic, partition: PartitionId): Replica {
  const replica = topic.replicas[partition];
  if (replica !== undefined) return replica;
  const { name, partitions } = topic.entry;
  throw new SentinelError(
    "unknown_partition",
    `Partition ${partition} does not exist (topic ${name} has ${partitions} partition${partitions === 1 ? "" : "s"})`,
  );
}

function keyOf({ name, topicId, engine }: TopicEntry, partition: PartitionId): PartitionKey {
  return { topic: name, topicId, engine, partition };
}

function collisionName(name: string): string {
  return name.replaceAll(".", "_");
}

/** Runs `work` for 0 … count − 1, a few at a time; after a failure nothing is begun, and it fails when all under way has ended. */
async function inParallel(count: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const runner = async (): Promise<void> => {
    while (next < count && failures.length === 0) {
      const at = next;
      next += 1;
      try {
        await work(at);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, OPENS_AT_ONCE) }, runner));
  if (failures.length > 0) throw failures[0];
}

/** What a disk refused, with what was being done; anything else is passed on as it is. */
function storageError(thrown: unknown, what: string): unknown {
  if (!(thrown instanceof PlatformError)) return thrown;
  return new SentinelError("storage_error", `${what}: ${thrown.message}`, { cause: thrown });
}
