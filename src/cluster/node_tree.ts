/**
 * The node's tree: one key-value store in the data directory for everything that asks for one, so that one write-ahead log
 * and one sync serve it all (design D16). A node that needs none has no such directory and keeps nothing in memory.
 *
 * Every key in it begins as `PartitionKeys` says, with a topic's id and a partition: what belongs to no topic is swept away
 * by that.
 */
import { SentinelError } from "../base/errors.ts";
import { parseUuid } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import type { KeyValueStore } from "../storage/key_value_store.ts";
import { LsmStore } from "../storage/lsm/lsm_store.ts";
import type { Scrubbing } from "../storage/scrubbing.ts";
import type { TreeSettings } from "../storage/lsm/tree_settings.ts";

export const TREE_DIRECTORY = "tree";

/** Whoever must wait for the disk asks for a sync; the others do not wait. */
function settings(memtableBytes: number): Partial<TreeSettings> {
  return {
    syncMode: "written",
    memtableBytes,
    blockCacheBytes: LIMITS.nodeTreeBlockCacheBytes,
    levelBytesBase: 4 * memtableBytes,
  };
}

export interface NodeTreeOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** The data directory, and the id that it has. */
  readonly path: string;
  readonly directoryId: string;
  /** Default `nodeTreeMemtableBytes`; less only in tests. */
  readonly memtableBytes?: number;
  /** Told when what the tree does in the background has begun to fail. */
  readonly onError?: (error: SentinelError) => void;
}

export class NodeTree {
  readonly #options: NodeTreeOptions;
  readonly #directory: string;
  #store: LsmStore | null = null;
  #opening: Promise<LsmStore> | null = null;
  #failure: SentinelError | null = null;
  #isClosed = false;

  constructor(options: NodeTreeOptions) {
    this.#options = options;
    this.#directory = `${options.path}/${TREE_DIRECTORY}`;
  }

  /** Opens the tree if there is one. What is wrong with it is kept in `failure`: everything else on the node goes on. */
  async openExisting(): Promise<void> {
    if (await this.#options.disk.status(this.#directory) === null) return;
    try {
      await this.#open();
    } catch (thrown) {
      this.#failure = failureOf(thrown, this.#directory);
    }
  }

  /** The store, when it is open. */
  get existing(): KeyValueStore | null {
    return this.#store;
  }

  /** Its cold files; null: it is not open. */
  get scrubbing(): Scrubbing | null {
    return this.#store?.scrubbing ?? null;
  }

  /** Why the tree that is there could not be opened, or takes no more writes until a restart; null: neither. */
  get failure(): SentinelError | null {
    return this.#failure ?? this.#store?.failure ?? null;
  }

  /** The store; made now where there is none. Fails with why it cannot be opened. */
  async store(): Promise<KeyValueStore> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new SentinelError("storage_error", `The tree ${this.#directory} is closed`);
    if (this.#store !== null) return this.#store;
    try {
      return await this.#open();
    } catch (thrown) {
      throw failureOf(thrown, this.#directory);
    }
  }

  /** To be called when everything that uses it is closed. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // One that fails has told its caller.
    await this.#opening?.catch(() => {});
    await this.#store?.close();
  }

  #open(): Promise<LsmStore> {
    this.#opening ??= this.#openStore();
    return this.#opening;
  }

  async #openStore(): Promise<LsmStore> {
    const { disk, clock, directoryId, memtableBytes = LIMITS.nodeTreeMemtableBytes, onError } = this.#options;
    const identity = parseUuid(directoryId) ?? new Uint8Array(16);
    try {
      const told = onError === undefined ? {} : { onBackgroundError: onError };
      const location = { disk, clock, directory: this.#directory, identity, ...told };
      return this.#store = await LsmStore.open(location, settings(memtableBytes));
    } catch (thrown) {
      // On a disk that is full now there may be room the next time.
      this.#opening = null;
      throw thrown;
    }
  }
}

function failureOf(thrown: unknown, directory: string): SentinelError {
  if (thrown instanceof Error && thrown.name === "AssertionError") throw thrown;
  if (thrown instanceof SentinelError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new SentinelError("storage_error", `The tree ${directory} cannot be opened: ${reason}`, { cause: thrown });
}
