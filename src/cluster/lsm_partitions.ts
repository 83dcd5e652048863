/**
 * The partitions that lie in the node's tree. They have no directory: a partition's state in the tree says that it is
 * there, and its topic's id and number are its place.
 */
import { SentinelError } from "../base/errors.ts";
import { formatUuid, parseUuid, partitionName } from "../base/ids.ts";
import type { PartitionId } from "../base/ids.ts";
import type { Clock } from "../platform/clock.ts";
import type { KeyValueStore } from "../storage/key_value_store.ts";
import type { LogSettings } from "../storage/partition_log.ts";
import { TreeLog } from "../storage/tree/tree_log.ts";
import type { TreeLogBudgets, TreeLogPlace } from "../storage/tree/tree_log_state.ts";
import {
  hasBatches,
  hasPartition,
  makePartition,
  removePartitions,
  storedPartitions,
} from "../storage/tree/tree_partitions.ts";
import { type NodeTree, TREE_DIRECTORY } from "./node_tree.ts";

interface LsmPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: PartitionId;
}

/** What the metadata say of a topic id and a partition that the tree has something of. */
export type Standing = "known" | "deleted" | "unknown";

export class LsmPartitions {
  readonly #tree: NodeTree;
  readonly #clock: Clock;

  constructor(tree: NodeTree, clock: Clock) {
    this.#tree = tree;
    this.#clock = clock;
  }

  /** Makes an empty partition. Durable after `sync`. */
  async create({ topicId, partition }: LsmPartition): Promise<void> {
    await makePartition(await this.#tree.store(), { topicId: bytesOf(topicId), partition });
  }

  async sync(): Promise<void> {
    await this.#tree.existing?.sync();
  }

  /** Fails with `storage_error` where the tree cannot be opened, or has no such partition: it is missing then, not empty. */
  async open(
    { topic, topicId, partition }: LsmPartition,
    settings: LogSettings,
    budgets: TreeLogBudgets,
  ): Promise<TreeLog> {
    const name = partitionName(topic, partition);
    if (this.#tree.existing === null) {
      throw this.#tree.failure ?? new SentinelError("storage_error", `The tree that holds ${name} is missing`);
    }
    const store = this.#tree.existing;
    const place: TreeLogPlace = { store, clock: this.#clock, name, topicId: bytesOf(topicId), partition };
    if (!await hasPartition(store, place)) {
      throw new SentinelError("storage_error", `The tree has nothing of ${name} with the topic id ${topicId}`);
    }
    return await TreeLog.open(place, settings, budgets);
  }

  /** Removes what the tree has of partitions `from` and up, to before `to`, of whichever engine: also what was derived from them. */
  async remove(topicId: string, from: PartitionId, to: PartitionId): Promise<void> {
    const store = this.#tree.existing;
    if (store !== null) await removePartitions(store, bytesOf(topicId), from, to);
  }

  /**
   * Removes what a crash has left of deleted topics, and of partitions that were never announced. Records that no metadata
   * know of stay where they are and are never read: `setAside` has their names. `isWhole`: nothing of a deleted topic is
   * left; a tree that is damaged, or a full disk, may not let it go now.
   */
  async sweep(
    standingOf: (topicId: string, partition: PartitionId) => Standing,
  ): Promise<{ readonly setAside: string[]; readonly isWhole: boolean }> {
    const setAside: string[] = [];
    const { existing: store, failure } = this.#tree;
    try {
      if (store !== null) await this.#sweep(store, standingOf, setAside);
      return { setAside, isWhole: failure === null };
    } catch (thrown) {
      if (!(thrown instanceof SentinelError)) throw thrown;
      return { setAside, isWhole: false };
    }
  }

  async #sweep(
    store: KeyValueStore,
    standingOf: (topicId: string, partition: PartitionId) => Standing,
    setAside: string[],
  ): Promise<void> {
    for await (const { topicId, partition } of storedPartitions(store)) {
      const id = formatUuid(topicId);
      const standing = standingOf(id, partition);
      if (standing === "known") continue;
      if (standing === "unknown" && await hasBatches(store, { topicId, partition })) {
        setAside.push(`${TREE_DIRECTORY}/${id}-${partition}`);
      } else await removePartitions(store, topicId, partition, partition + 1);
    }
  }
}

function bytesOf(topicId: string): Uint8Array {
  return parseUuid(topicId) ?? new Uint8Array(16);
}
