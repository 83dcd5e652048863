/** What the parts of an open tree share. */
import { AssertionError } from "../../base/assert.ts";
import { SentinelError } from "../../base/errors.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Disk, DiskLock } from "../../platform/disk.ts";
import { orWhenThereIsRoom, type WritesBeginning } from "./begin_writes.ts";
import { isFull } from "../log/write_failures.ts";
import type { BlockCache } from "./block_cache.ts";
import { logFileName } from "./file_names.ts";
import type { LiveSnapshots } from "./live_snapshots.ts";
import type { LogWriter } from "./log_writer.ts";
import type { Manifest } from "./manifest.ts";
import type { Memtable } from "./memtable.ts";
import type { StorePoint, StorePointFile } from "./store_point.ts";
import type { TableFiles } from "./table_files.ts";
import type { TreeSettings } from "./tree_settings.ts";
import type { VersionSet } from "./version_set.ts";

export interface TreeLocation {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  /** Names this tree and no other: every checksum in its files begins with it. */
  readonly identity: Uint8Array;
  /** A flush or a compaction has begun to fail: told once, it is tried again until it works. */
  readonly onBackgroundError?: (error: SentinelError) => void;
}

/** What a start hands over. */
export interface RecoveredTree {
  readonly lock: DiskLock;
  readonly pointFile: StorePointFile;
  readonly manifest: Manifest;
  readonly versions: VersionSet;
  readonly files: TableFiles;
  readonly cache: BlockCache;
  readonly snapshots: LiveSnapshots;
  readonly memtable: Memtable;
  readonly immutables: Memtable[];
  readonly log: LogWriter;
  readonly beginning: WritesBeginning;
  /** The last sequence that was or may have been given. */
  readonly lastSequence: number;
  readonly gate: FailureGate;
}

/** Keeps the first failure that ends the tree's writes. */
export class FailureGate {
  readonly #directory: string;
  failure: SentinelError | null = null;
  /** Told once. */
  onFailure: ((error: SentinelError) => void) | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The tree takes no more writes until a restart. */
  fail(thrown: unknown): SentinelError {
    const error = thrown instanceof SentinelError ? thrown : new SentinelError(
      "storage_error",
      `The tree ${this.#directory} takes no more writes until a restart: ${messageOf(thrown)}`,
      { cause: thrown },
    );
    if (this.failure === null) {
      this.failure = error;
      this.onFailure?.(error);
    }
    return error;
  }

  /** Runs a sync: its failure is final, since nothing is known of what it should have made durable (design D3). */
  readonly orFail = async (sync: () => Promise<void>): Promise<void> => {
    try {
      await sync();
    } catch (thrown) {
      throw this.fail(thrown);
    }
  };

  /** What those hear whose write was not stored and may be tried again. */
  notStored(thrown: unknown): SentinelError {
    if (thrown instanceof AssertionError || thrown instanceof SentinelError) throw thrown;
    return new SentinelError("storage_error", `The tree ${this.#directory} could not store it: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** An open tree. Who changes what stands beside each. */
export class TreeState {
  readonly location: TreeLocation;
  readonly lock: DiskLock;
  readonly pointFile: StorePointFile;
  readonly manifest: Manifest;
  readonly versions: VersionSet;
  readonly files: TableFiles;
  readonly cache: BlockCache;
  readonly snapshots: LiveSnapshots;
  readonly gate: FailureGate;
  /** Before it is done nothing on the disk changes, and `log` need not be there. */
  readonly beginning: WritesBeginning;
  /** Frozen memtables, oldest first: `CommitQueue` adds, `BackgroundWork` takes. */
  readonly immutables: Memtable[];
  settings: TreeSettings;
  /** The newest writes, and their log: `CommitQueue`. */
  memtable: Memtable;
  log: LogWriter;
  /** The last sequence that was given. */
  givenSequence: number;
  /** The last sequence that readers see; below `givenSequence` while a group waits for its sync. */
  seenSequence: number;
  isClosing = false;

  constructor(location: TreeLocation, settings: TreeSettings, recovered: RecoveredTree) {
    this.location = location;
    this.settings = settings;
    this.lock = recovered.lock;
    this.pointFile = recovered.pointFile;
    this.manifest = recovered.manifest;
    this.versions = recovered.versions;
    this.files = recovered.files;
    this.cache = recovered.cache;
    this.snapshots = recovered.snapshots;
    this.gate = recovered.gate;
    this.memtable = recovered.memtable;
    this.immutables = recovered.immutables;
    this.log = recovered.log;
    this.beginning = recovered.beginning;
    this.beginning.onLog = (log) => void (this.log = log);
    this.givenSequence = this.seenSequence = recovered.lastSequence;
  }

  /** What the start could not do on a full disk. Fails when there is still no room. */
  async beginWrites(): Promise<void> {
    if (this.beginning.isDone) return;
    try {
      await this.beginning.run();
    } catch (thrown) {
      throw isFull(thrown) ? this.gate.notStored(thrown) : this.gate.fail(thrown);
    }
  }

  /** Makes durable what is known to be synced now. A failure is final, but for want of room. */
  async storePoint(options: { readonly clean?: boolean } = {}): Promise<void> {
    await this.gate.orFail(() =>
      orWhenThereIsRoom(() => this.pointFile.write(() => this.#point(options.clean ?? false)))
    );
  }

  #point(clean: boolean): StorePoint {
    const { log, manifest } = this;
    return {
      logNumber: log.number,
      logBytes: log.syncedBytes,
      manifestGeneration: manifest.generation,
      manifestBytes: manifest.sizeBytes,
      clean,
    };
  }

  logPath(number: number): string {
    return `${this.location.directory}/${logFileName(number)}`;
  }

  /** Removes a file that nobody needs; what cannot be removed now the next start removes. */
  async removeQuietly(path: string): Promise<void> {
    try {
      await this.location.disk.remove(path);
    } catch (thrown) {
      if (thrown instanceof AssertionError) throw thrown;
    }
  }

  closedError(): SentinelError {
    return new SentinelError("storage_error", `The tree ${this.location.directory} is closed`);
  }
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
