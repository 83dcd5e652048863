/**
 * The partitions of a data directory: making, opening, setting aside and removing them. Those of engine `log` have a
 * directory each, those of engine `lsm` lie in the node's tree.
 */
import { asSentinelError, isPlatformError, SentinelError } from "../base/errors.ts";
import { parseUuid, partitionName } from "../base/ids.ts";
import type { PartitionId } from "../base/ids.ts";
import type { Clock } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import { loadPartitionMetadata, storePartitionMetadata } from "../storage/partition_metadata.ts";
import { createLog } from "../storage/log/recover_log.ts";
import type { LogLocation, RecoveryReport } from "../storage/log/recover_log.ts";
import { SegmentLog } from "../storage/log/segment_log.ts";
import { TailCacheBudget } from "../storage/log/tail_cache.ts";
import type { PartitionLog } from "../storage/partition_log.ts";
import { ProducerBudget } from "../storage/producer_budget.ts";
import { LocalReplica } from "./local_replica.ts";
import { LsmPartitions, type Standing } from "./lsm_partitions.ts";
import type { NodeTree } from "./node_tree.ts";
import { OfflineReplica } from "./offline_replica.ts";
import type { Replica, ReplicaSettings } from "./replica.ts";

/** Of a deleted topic, until its files are gone. */
const DELETED_PREFIX = ".deleted-";
const STRAY_SUFFIX = "-stray";
/** Kafka's id of the metadata topic. */
const METADATA_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAQ";
export const METADATA_TOPIC = "__cluster_metadata";
const PARTITION_DIRECTORY_REGEXP = /^(.+)-(\d{1,10})$/;

export interface PartitionStoreOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly path: string;
  readonly flushIntervalMs: number;
  readonly tree: NodeTree;
}

/** How a topic's partitions are stored, from its making to its end. */
export type StorageEngine = "log" | "lsm";

/** One incarnation of a topic. */
export interface StoredTopic {
  readonly topic: string;
  readonly topicId: string;
  readonly engine: StorageEngine;
}

export interface PartitionKey extends StoredTopic {
  readonly partition: PartitionId;
}

/** What the metadata say: for a directory by the topic's name, for the tree by its id alone. */
export interface KnownPartitions {
  /** `topicId` empty: it cannot be read. */
  isDirectoryKnown(topic: string, partition: PartitionId, topicId: string): boolean;
  standingOf(topicId: string, partition: PartitionId): Standing;
}

export class PartitionStore {
  readonly #options: PartitionStoreOptions;
  readonly #tailCaches = new TailCacheBudget();
  readonly #producers = new ProducerBudget();
  readonly #inTree: LsmPartitions;

  constructor(options: PartitionStoreOptions) {
    this.#options = options;
    this.#inTree = new LsmPartitions(options.tree, options.clock);
  }

  /**
   * Makes an empty partition. Durable after `syncEntries`; what a crash leaves of it is set aside at the next start, or
   * removed where it is in the tree.
   */
  async create(key: PartitionKey): Promise<void> {
    if (key.engine === "lsm") return await this.#inTree.create(key);
    const location = this.#locate(key);
    await this.#setAside(location.directory);
    await createLog(location);
    await storePartitionMetadata(this.#options.disk, location.directory, key.topicId);
  }

  /** Makes it durable that partitions are there: after creating, before the topic is announced. */
  async syncEntries(engine: StorageEngine): Promise<void> {
    if (engine === "lsm") return await this.#inTree.sync();
    await this.#options.disk.syncDirectory(this.#options.path);
  }

  /** Opens a partition; one that is damaged or missing comes back offline, saying why. */
  async open(
    key: PartitionKey,
    settings: ReplicaSettings,
  ): Promise<{ replica: Replica; report: RecoveryReport | null }> {
    try {
      const { clock, flushIntervalMs } = this.#options;
      const { log, report } = await this.#openLog(key, settings);
      const { topic, partition } = key;
      return { replica: new LocalReplica(log, { topic, partition, clock, settings, flushIntervalMs }), report };
    } catch (thrown) {
      if (thrown instanceof Error && thrown.name === "AssertionError") throw thrown;
      const error = thrown instanceof SentinelError ? thrown : new SentinelError(
        "storage_error",
        `The log of ${partitionName(key.topic, key.partition)} cannot be opened: ${
          thrown instanceof Error ? thrown.message : thrown
        }`,
        { cause: thrown },
      );
      return { replica: new OfflineReplica(key.topic, key.partition, asSentinelError(error)), report: null };
    }
  }

  async #openLog(
    key: PartitionKey,
    settings: ReplicaSettings,
  ): Promise<{ readonly log: PartitionLog; readonly report: RecoveryReport | null }> {
    if (key.engine === "lsm") {
      const budgets = { tail: this.#tailCaches, producers: this.#producers };
      return { log: await this.#inTree.open(key, settings.log, budgets), report: null };
    }
    const location = this.#locate(key);
    const topicId = await loadPartitionMetadata(this.#options.disk, location.directory);
    if (topicId !== key.topicId) {
      const found = topicId === null ? "has no readable partition.metadata" : `belongs to topic id ${topicId}`;
      throw new SentinelError("storage_error", `The directory ${location.directory} ${found}, not to ${key.topicId}`);
    }
    return await SegmentLog.open(location, settings.log, this.#tailCaches, this.#producers);
  }

  /** Removes what there is of partitions `from` and up, to before `to`, of a topic that nobody knows any more. */
  async remove(topic: StoredTopic, from: PartitionId, to: PartitionId): Promise<void> {
    await this.#inTree.remove(topic.topicId, from, to);
    await this.removeDirectories(topic, from, to);
  }

  /** The same for what lies in directories of its own: a start finds the rest by itself. */
  async removeDirectories(topic: StoredTopic, from: PartitionId, to: PartitionId): Promise<void> {
    if (topic.engine === "lsm") return;
    // What one is refused must not keep the others: the first failure is told when all were tried.
    const failures: unknown[] = [];
    for (let partition = from; partition < to; partition += 1) {
      try {
        await this.#removeDirectory({ ...topic, partition });
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Removes a partition's files, unless the directory is another incarnation's. The rename comes first: a crash in
   * between leaves a name that no topic has.
   */
  async #removeDirectory(key: PartitionKey): Promise<void> {
    const { disk, path } = this.#options;
    const { directory } = this.#locate(key);
    const topicId = await loadPartitionMetadata(disk, directory);
    if (topicId !== null && topicId !== key.topicId) return;
    const removed = `${path}/${DELETED_PREFIX}${key.topicId}-${key.partition}`;
    await removeTree(disk, removed);
    try {
      await disk.rename(directory, removed);
    } catch (thrown) {
      if (isPlatformError(thrown, "not_found")) return;
      throw thrown;
    }
    await disk.syncDirectory(path);
    await removeTree(disk, removed);
  }

  /**
   * Cleans up at the start: finishes removals, sets aside every partition directory that nobody knows. What is set aside
   * is never read again and never removed by itself. Returns the names set aside; `isWhole`: nothing of a deleted topic is
   * left, so that it can be forgotten.
   */
  async sweep(known: KnownPartitions): Promise<{ readonly setAside: string[]; readonly isWhole: boolean }> {
    const { disk, path } = this.#options;
    const { setAside, isWhole } = await this.#inTree.sweep(known.standingOf);
    const isKnown = known.isDirectoryKnown;
    for (const name of await disk.list(path)) {
      if (name.startsWith(DELETED_PREFIX)) {
        await removeTree(disk, `${path}/${name}`);
        continue;
      }
      const match = PARTITION_DIRECTORY_REGEXP.exec(name);
      if (match === null || match[1] === METADATA_TOPIC) continue;
      const topicId = await loadPartitionMetadata(disk, `${path}/${name}`);
      if (topicId !== null && isKnown(match[1]!, Number(match[2]), topicId)) continue;
      // Damage is told when the partition is opened, not hidden by moving it away.
      if (topicId === null && isKnown(match[1]!, Number(match[2]), "")) continue;
      await this.#setAside(`${path}/${name}`);
      setAside.push(name);
    }
    return { setAside, isWhole };
  }

  /** The metadata log: made when `isNew`, else it must be there. */
  async openMetadataLog(isNew: boolean, settings: ReplicaSettings): Promise<SegmentLog> {
    const { disk, clock, path } = this.#options;
    const location: LogLocation = {
      disk,
      clock,
      directory: `${path}/${METADATA_TOPIC}-0`,
      identity: identityOf(METADATA_TOPIC_ID, 0),
    };
    if (isNew) {
      await removeTree(disk, location.directory);
      await createLog(location);
      await storePartitionMetadata(disk, location.directory, METADATA_TOPIC_ID);
      await disk.syncDirectory(path);
    } else if (await disk.status(location.directory) === null) {
      throw new SentinelError("storage_error", `The metadata log ${location.directory} is missing`);
    }
    return (await SegmentLog.open(location, settings.log, this.#tailCaches)).log;
  }

  #locate(key: PartitionKey): LogLocation {
    const { disk, clock, path } = this.#options;
    const directory = `${path}/${partitionName(key.topic, key.partition)}`;
    return { disk, clock, directory, identity: identityOf(key.topicId, key.partition) };
  }

  async #setAside(directory: string): Promise<void> {
    const { disk, path } = this.#options;
    if (await disk.status(directory) === null) return;
    for (let attempt = 0;; attempt += 1) {
      const name = `${directory.slice(0, path.length + 1 + 200)}.${attempt}${STRAY_SUFFIX}`;
      if (await disk.status(name) !== null) continue;
      await disk.rename(directory, name);
      await disk.syncDirectory(path);
      return;
    }
  }
}

function identityOf(topicId: string, partition: PartitionId): Uint8Array {
  const identity = new Uint8Array(20);
  identity.set(parseUuid(topicId) ?? new Uint8Array(16));
  new DataView(identity.buffer).setUint32(16, partition);
  return identity;
}

async function removeTree(disk: Disk, directory: string): Promise<void> {
  const status = await disk.status(directory);
  if (status === null) return;
  if (status.kind === "directory") {
    for (const name of await disk.list(directory)) await removeTree(disk, `${directory}/${name}`);
  }
  await disk.remove(directory);
}
