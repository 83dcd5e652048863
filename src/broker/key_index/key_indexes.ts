/**
 * The indexes of keys of all compacted topics: a partition gets one when somebody first looks for a key in it, and has it
 * from then on, also after a restart, until its topic is deleted or no longer compacted.
 */
import { unreachable } from "../../base/assert.ts";
import { asSentinelError, SentinelError } from "../../base/errors.ts";
import { parseUuid, type PartitionId, partitionName } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { NodeTree } from "../../cluster/node_tree.ts";
import { OfflineReplica } from "../../cluster/offline_replica.ts";
import type { Replica } from "../../cluster/replica.ts";
import type { Platform } from "../../platform/platform.ts";
import { PartitionKeys } from "../../storage/tree/partition_keys.ts";
import { assertNotInternal, isInternalTopic } from "../internal_topics.ts";
import { fnv1aPartition, murmur2Partition, type PartitionerName } from "../partitioner.ts";
import { replicaOf } from "../topics.ts";
import type { Topic, Topics } from "../topics.ts";
import { Turns } from "../turns.ts";
import type { BrokerCounters } from "../types.ts";
import { KeyIndexStore } from "./key_index_store.ts";
import { KeyLookupRun } from "./key_lookup.ts";
import type { KeyIndexProgress, KeyLookup, KeyLookupRequest, KeysApi } from "./keys_api.ts";
import { PartitionIndex } from "./partition_index.ts";

export interface KeyIndexesOptions {
  readonly topics: Topics;
  /** Where indexes are kept. */
  readonly tree: Pick<NodeTree, "existing" | "store">;
  readonly partitioner: PartitionerName;
  readonly counters: BrokerCounters;
  /** Told what no request can be answered with. */
  readonly onError: (error: SentinelError) => void;
}

/** One partition of one incarnation of a topic. */
interface Row {
  readonly topicId: string;
  readonly topic: string;
  readonly partition: PartitionId;
  /** Null: the partition is offline, and its index waits for the day when it is not. */
  readonly index: PartitionIndex | null;
}

export class KeyIndexes implements KeysApi {
  readonly #platform: Pick<Platform, "clock" | "compression">;
  readonly #options: KeyIndexesOptions;
  readonly #feeds = new Turns(LIMITS.keyIndexFeedsMax);
  readonly #reads = new Turns(LIMITS.keyLookupReadsMax);
  /** By topic id and partition. */
  readonly #rows = new Map<string, Row>();
  /** Indexes that are being removed; who wants one again waits for that. */
  readonly #removals = new Map<string, Promise<void>>();
  readonly #lookups = new Set<KeyLookupRun>();
  #stopped: SentinelError | null = null;

  constructor(platform: Pick<Platform, "clock" | "compression">, options: KeyIndexesOptions) {
    this.#platform = platform;
    this.#options = options;
  }

  /**
   * Takes up the indexes that there are; those of topics that are no longer compacted are removed. Called at a start,
   * before anything is appended. What is wrong with one of them is told to whoever looks for a key.
   */
  async resume(): Promise<void> {
    if (this.#options.tree.existing === null) return;
    for (const topic of [...this.#options.topics.values()]) {
      if (isInternalTopic(topic.entry.name)) continue;
      for (const replica of topic.replicas) await this.#resume(topic, replica);
    }
  }

  async lookUp(request: KeyLookupRequest): Promise<KeyLookup> {
    try {
      return await this.#lookUp(request);
    } catch (thrown) {
      this.#options.counters.errors += 1;
      throw thrown;
    }
  }

  /** Removes the indexes of topics that were deleted or are no longer compacted, in the background. */
  removeUnwanted(): void {
    const { topics } = this.#options;
    for (const [id, row] of [...this.#rows]) {
      const topic = topics.get(row.topic);
      if (topic?.entry.topicId === row.topicId && topic.settings.isCompacted) continue;
      this.#rows.delete(id);
      this.#remove(id, row);
    }
  }

  progress(): KeyIndexProgress[] {
    const rows: KeyIndexProgress[] = [];
    for (const { topic, partition, index } of this.#rows.values()) {
      if (index === null) continue;
      rows.push({ topic, partition, appliedOffset: index.appliedOffset, highWatermark: index.replica.highWatermark });
    }
    return rows.sort((left, right) =>
      left.topic < right.topic ? -1 : left.topic > right.topic ? 1 : left.partition - right.partition
    );
  }

  /** Ends all lookups and begins nothing more. */
  stop(): void {
    this.#stopped ??= new SentinelError("shutting_down", "The broker is stopping");
    for (const run of [...this.#lookups]) run.end(this.#stopped);
    for (const { index } of this.#rows.values()) void index?.close(this.#stopped);
  }

  /** Resolves when nothing uses the store any more; asked after `stop`. */
  get ended(): Promise<void> {
    const closing = [...this.#rows.values()].map(({ index }) => index?.close(this.#stopped!));
    return Promise.all([...closing, ...this.#removals.values()]).then(() => {});
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  async #lookUp(request: KeyLookupRequest): Promise<KeyLookup> {
    const { key, waitMs, onWait } = request;
    if (this.#stopped !== null) throw this.#stopped;
    const topic = this.#compactedTopic(request.topic);
    const partition = request.partition ?? this.#partitionOf(topic, key);
    const replica = replicaOf(topic, partition);
    if (replica instanceof OfflineReplica) throw replica.failure;
    if (this.#lookups.size >= LIMITS.keyLookupWaitsMax) {
      const detail = `${this.#lookups.size} lookups by key are under way, which is the limit`;
      throw new SentinelError("overloaded", detail, { facts: { limit: LIMITS.keyLookupWaitsMax } });
    }
    const index = this.#indexOf(topic, replica);
    const run = new KeyLookupRun({ ...this.#platform, index, key, waitMs, reads: this.#reads });
    this.#lookups.add(run);
    try {
      if (run.isWaiting && waitMs > 0) onWait?.(() => run.end());
      const found = await run.run();
      this.#options.counters.keyLookups += 1;
      if (found.record !== null) this.#options.counters.keyLookupsFound += 1;
      return { topicId: topic.entry.topicId, partition, ...found };
    } finally {
      this.#lookups.delete(run);
    }
  }

  #compactedTopic(name: string): Topic {
    assertNotInternal(name);
    const topic = this.#options.topics.get(name);
    if (topic === undefined) throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    if (topic.settings.isCompacted) return topic;
    throw new SentinelError(
      "topic_not_compacted",
      `The topic ${name} has no compact in its cleanup.policy: only a compacted topic keeps the newest record of each key`,
    );
  }

  /** Where this broker puts records with the key that name no partition. */
  #partitionOf({ entry }: Topic, key: Uint8Array): PartitionId {
    switch (this.#options.partitioner) {
      case "murmur2":
        return murmur2Partition(key, entry.partitions);
      case "fnv1a":
        return fnv1aPartition(key, entry.partitions);
      case "round-robin":
        if (entry.partitions === 1) return 0;
        throw new SentinelError(
          "invalid_parameter",
          `The partitioner round-robin does not go by keys, and ${entry.name} has ${entry.partitions} partitions: name one`,
        );
      default:
        return unreachable(this.#options.partitioner);
    }
  }

  async #resume(topic: Topic, replica: Replica): Promise<void> {
    const { entry, settings } = topic;
    const { partition } = replica;
    const id = idOf(topic, partition);
    const isOffline = replica instanceof OfflineReplica;
    const index = isOffline ? null : this.#newIndex(topic, replica);
    try {
      const exists = index === null
        ? await (await this.#openStore(topic, partition)).load() !== null
        : await index.check();
      if (!exists) return;
    } catch (thrown) {
      // Damage, of the log or of the store: whoever looks for a key tries again.
      this.#options.onError(asSentinelError(thrown));
      return;
    }
    const row: Row = { topicId: entry.topicId, topic: entry.name, partition, index };
    if (!settings.isCompacted) return this.#remove(id, row);
    this.#rows.set(id, row);
    index?.start();
  }

  #indexOf(topic: Topic, replica: Replica): PartitionIndex {
    const id = idOf(topic, replica.partition);
    const known = this.#rows.get(id)?.index;
    if (known !== undefined && known !== null) return known;
    const index = this.#newIndex(topic, replica);
    const { topicId, name } = topic.entry;
    this.#rows.set(id, { topicId, topic: name, partition: replica.partition, index });
    index.start();
    return index;
  }

  #newIndex(topic: Topic, replica: Replica): PartitionIndex {
    return new PartitionIndex({
      ...this.#platform,
      replica,
      openStore: () => this.#openStore(topic, replica.partition),
      turns: this.#feeds,
      counters: this.#options.counters,
      onFailure: this.#options.onError,
    });
  }

  async #openStore(topic: Topic, partition: PartitionId): Promise<KeyIndexStore> {
    await this.#removals.get(idOf(topic, partition));
    return new KeyIndexStore(await this.#options.tree.store(), keysOf(topic.entry.topicId, partition));
  }

  #remove(id: string, { topicId, topic, partition, index }: Row): void {
    const removal = this.#clear(topicId, partition, index).catch((thrown: unknown) => {
      const error = asSentinelError(thrown);
      const name = partitionName(topic, partition);
      this.#options.onError(
        new SentinelError(error.code, `The index of keys of ${name} cannot be removed: ${error.message}`, {
          cause: error,
        }),
      );
    }).then(() => {
      this.#removals.delete(id);
    });
    this.#removals.set(id, removal);
  }

  async #clear(topicId: string, partition: PartitionId, index: PartitionIndex | null): Promise<void> {
    await index?.close(new SentinelError("topic_not_compacted", "The topic was deleted or is no longer compacted"));
    const store = this.#options.tree.existing;
    if (store !== null) await new KeyIndexStore(store, keysOf(topicId, partition)).clear();
  }
}

function idOf({ entry }: Topic, partition: PartitionId): string {
  return `${entry.topicId}-${partition}`;
}

function keysOf(topicId: string, partition: PartitionId): PartitionKeys {
  return new PartitionKeys(parseUuid(topicId) ?? new Uint8Array(16), partition);
}
