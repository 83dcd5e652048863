/**
 * The LSM tree (Sentinel's design, facts §1.1): writes go into a write-ahead log and a memtable, memtables become tables,
 * tables are merged level by level. Reads look from the newest to the oldest, and the first entry decides, deletions too.
 */
import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import type {
  Answer,
  KeyRange,
  KeyValueStore,
  Scan,
  ScanOptions,
  StoreSnapshot,
  StoreStats,
} from "../key_value_store.ts";
import type { Scrubbing } from "../scrubbing.ts";
import { checkKey, checkValue, WriteBatch } from "../write_batch.ts";
import { BackgroundWork } from "./background_work.ts";
import { CommitQueue } from "./commit_queue.ts";
import type { EntryCursor } from "./entry_cursor.ts";
import { recoverTree, type TreeReport } from "./recover_tree.ts";
import { SkipListCursor } from "./skip_list_cursor.ts";
import { StoreScan } from "./store_scan.ts";
import { TableCursor } from "./table_cursor.ts";
import { firstReaching } from "./table_meta.ts";
import type { TableReader } from "./table_reader.ts";
import { checkTreeSettings, DEFAULT_TREE_SETTINGS, type TreeSettings } from "./tree_settings.ts";
import { type TreeLocation, TreeState } from "./tree_state.ts";
import { TreeScrubber } from "./tree_scrubber.ts";
import type { Version } from "./version.ts";

export class LsmStore implements KeyValueStore {
  readonly #state: TreeState;
  readonly #background: BackgroundWork;
  readonly #queue: CommitQueue;
  readonly report: TreeReport;
  /** Its tables and manifest; the logs are short-lived, and read as a whole by the next start. */
  readonly scrubbing: Scrubbing;
  #closing: Promise<void> | null = null;

  private constructor(state: TreeState, report: TreeReport) {
    this.#state = state;
    this.report = report;
    this.scrubbing = new TreeScrubber(state);
    this.#background = new BackgroundWork(state);
    this.#queue = new CommitQueue(state, this.#background);
    state.gate.onFailure = () => this.#background.progress.note();
    this.#background.kick();
  }

  /** Opens a tree, or makes one. Fails with a `storage_error` that names the file when it is damaged or in use. */
  static async open(location: TreeLocation, settings: Partial<TreeSettings> = {}): Promise<LsmStore> {
    const whole = { ...DEFAULT_TREE_SETTINGS, ...settings };
    checkTreeSettings(whole);
    const { recovered, report } = await recoverTree(location, whole);
    return new LsmStore(new TreeState(location, whole, recovered), report);
  }

  get failure(): SentinelError | null {
    return this.#state.gate.failure;
  }

  /** Why the last flush or compaction failed; null: none did. It is tried again. */
  get backgroundError(): SentinelError | null {
    return this.#background.flushError ?? this.#background.compactionError;
  }

  /** Takes over changed settings. Fails with `invalid_config` and changes nothing. */
  configure(settings: Partial<TreeSettings>): void {
    const whole = { ...this.#state.settings, ...settings };
    checkTreeSettings(whole);
    this.#state.settings = whole;
    this.#state.cache.budgetBytes = whole.blockCacheBytes;
    this.#background.kick();
  }

  // -- Reading ------------------------------------------------------------------------------------------------------

  get(key: Uint8Array, snapshot?: StoreSnapshot): Answer<Uint8Array | null> {
    this.#mustBeOpen();
    const sequence = snapshot?.sequence ?? Infinity;
    const { memtable, immutables } = this.#state;
    let version = memtable.list.find(key, sequence);
    if (version !== 0) return memtable.list.valueOf(version);
    for (let at = immutables.length - 1; at >= 0; at--) {
      const { list } = immutables[at]!;
      version = list.find(key, sequence);
      if (version !== 0) return list.valueOf(version);
    }
    return this.#getFromTables(key, sequence);
  }

  #getFromTables(key: Uint8Array, sequence: number): Answer<Uint8Array | null> {
    const { versions } = this.#state;
    const { levels } = versions.current;
    for (let level = 0; level < levels.length; level++) {
      const tables = levels[level]!;
      const first = level === 0 ? 0 : firstReaching(tables, key);
      const end = level === 0 ? tables.length : Math.min(tables.length, first + 1);
      for (let at = first; at < end; at++) {
        const found = tables[at]!.get(key, sequence);
        if (found instanceof Promise) {
          return this.#getLater(versions.pin(), { key: key.slice(), sequence, level, at, found });
        }
        if (found !== undefined) return found;
      }
    }
    return null;
  }

  /** Goes on where a block had to be read. */
  async #getLater(
    version: Version,
    from: {
      readonly key: Uint8Array;
      readonly sequence: number;
      readonly level: number;
      readonly at: number;
      readonly found: Promise<Uint8Array | null | undefined>;
    },
  ): Promise<Uint8Array | null> {
    const { key, sequence } = from;
    try {
      const first = await from.found;
      if (first !== undefined) return first;
      for (let level = from.level; level < version.levels.length; level++) {
        for (const table of candidates(version.levels[level]!, level, key)) {
          // Those before it have answered already.
          if (level === from.level && version.levels[level]!.indexOf(table) <= from.at) continue;
          const found = await table.get(key, sequence);
          if (found !== undefined) return found;
        }
      }
      return null;
    } finally {
      this.#state.versions.unpin(version);
    }
  }

  scan(options: ScanOptions = {}): Scan {
    this.#mustBeOpen();
    const { memtable, immutables, versions, snapshots, seenSequence } = this.#state;
    const { snapshot } = options;
    const held = snapshot === undefined ? snapshots.take(seenSequence) : snapshots.retake(snapshot);
    const version = versions.pin();
    const cursors: EntryCursor[] = [memtable, ...immutables].map(({ list }) => new SkipListCursor(list));
    for (const [level, tables] of version.levels.entries()) {
      if (level === 0) cursors.push(...tables.map((table) => new TableCursor([table], true)));
      else if (tables.length > 0) cursors.push(new TableCursor(tables, true));
    }
    return new StoreScan({
      cursors,
      sequence: held.sequence,
      reverse: options.reverse ?? false,
      ...(options.from === undefined ? {} : { from: options.from.slice() }),
      ...(options.to === undefined ? {} : { to: options.to.slice() }),
      fault: () => this.#closing === null ? null : this.#state.closedError(),
      onClose: () => {
        held.release();
        versions.unpin(version);
      },
    });
  }

  snapshot(): StoreSnapshot {
    this.#mustBeOpen();
    return this.#state.snapshots.take(this.#state.seenSequence);
  }

  // -- Writing ------------------------------------------------------------------------------------------------------

  put(key: Uint8Array, value: Uint8Array): Answer<void> {
    this.#mustBeOpen();
    checkKey(key);
    checkValue(value);
    if (!this.#queue.isClear) return this.#queue.enqueue(new WriteBatch().put(key, value));
    const state = this.#state;
    const timestamp = state.location.clock.nowMs();
    const sequence = ++state.givenSequence;
    state.log.append(key, value, timestamp, sequence);
    state.memtable.put(key, value, timestamp, sequence);
    state.seenSequence = sequence;
    this.#queue.noteAppended();
  }

  delete(key: Uint8Array): Answer<void> {
    this.#mustBeOpen();
    checkKey(key);
    if (!this.#queue.isClear) return this.#queue.enqueue(new WriteBatch().delete(key));
    const state = this.#state;
    const timestamp = state.location.clock.nowMs();
    const sequence = ++state.givenSequence;
    state.log.append(key, null, timestamp, sequence);
    state.memtable.delete(key, timestamp, sequence);
    state.seenSequence = sequence;
    this.#queue.noteAppended();
  }

  write(batch: WriteBatch): Answer<void> {
    this.#mustBeOpen();
    if (batch.count === 0) return;
    if (!this.#queue.isClear) return this.#queue.enqueue(batch);
    this.#queue.commitNow(batch);
  }

  async deleteRange(range: KeyRange): Promise<number> {
    this.#mustBeOpen();
    let count = 0;
    let from = range.from;
    while (true) {
      const step = await this.#queue.exclusively(() =>
        this.#deleteStep({ ...range, ...(from === undefined ? {} : { from }) })
      );
      count += step.count;
      if (step.next === null) return count;
      from = step.next;
    }
  }

  /** Tables that lie in the range as a whole. */
  async discardRange({ from, to }: KeyRange): Promise<number> {
    this.#mustBeOpen();
    return await this.#background.dropTables(({ minKey, maxKey }) =>
      (from === undefined || compareBytes(minKey, from) >= 0) && (to === undefined || compareBytes(maxKey, to) < 0)
    );
  }

  /** Deletes the first keys of a range in one batch, while nobody else writes. `next`: where to go on. */
  async #deleteStep(range: KeyRange): Promise<{ readonly count: number; readonly next: Uint8Array | null }> {
    const batch = new WriteBatch();
    const scan = this.scan(range);
    let next: Uint8Array | null = null;
    let readBytes = 0;
    try {
      for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
        if (batch.count >= LIMITS.storeDeleteStepKeysMax || readBytes >= LIMITS.storeDeleteStepBytesMax) {
          next = pair.key;
          break;
        }
        batch.delete(pair.key);
        readBytes += pair.key.length + pair.value.length;
      }
    } finally {
      scan.close();
    }
    if (batch.count > 0) await this.#queue.commit(batch);
    return { count: batch.count, next };
  }

  async sync(): Promise<void> {
    this.#mustBeOpen();
    await this.#queue.sync();
  }

  // -- The rest -----------------------------------------------------------------------------------------------------

  /** Turns the memtable into a table and waits for it; fails as the flush does. For tools and tests. */
  async flush(): Promise<void> {
    this.#mustBeOpen();
    await this.#queue.rotateNow();
    const { immutables, gate } = this.#state;
    while (immutables.length > 0) {
      if (gate.failure !== null) throw gate.failure;
      await this.#background.next();
      if (this.#background.flushError !== null) throw this.#background.flushError;
    }
    await this.#state.versions.idle();
  }

  /** Merges everything down to the last level that has a table. For tools and tests. */
  async compact(): Promise<void> {
    this.#mustBeOpen();
    await this.#background.compactEverything();
    await this.#state.versions.idle();
  }

  stats(): StoreStats {
    const { memtable, immutables, versions, cache, snapshots, seenSequence } = this.#state;
    const levels = versions.current.levels.map((tables) => ({
      tables: tables.length,
      bytes: tables.reduce((sum, { meta }) => sum + meta.sizeBytes, 0),
    }));
    return {
      memtableBytes: memtable.list.accountedBytes,
      memtableEntries: memtable.list.count,
      immutableMemtables: immutables.length,
      tables: versions.current.tableCount,
      levels,
      blockCacheBytes: cache.usedBytes,
      blockCacheHits: cache.hits,
      blockCacheMisses: cache.misses,
      ...versions.source.counts,
      snapshots: snapshots.count,
      sequence: seenSequence,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Everything into tables; where that cannot be, the log is synced and the next start reads it. */
  async #close(): Promise<void> {
    const state = this.#state;
    const { gate } = state;
    await this.#queue.idle();
    this.#queue.stopTimer();
    state.isClosing = true;
    await this.#background.stop();
    const failureBefore = gate.failure;
    try {
      if (!state.beginning.isDone) await gate.orFail(() => state.beginning.restoreMark());
      else {
        if (gate.failure === null) await gate.orFail(() => state.log.sync());
        if (gate.failure === null) await this.#flushAtClose();
        if (gate.failure === null) await state.storePoint({ clean: true });
      }
    } catch {
      // The gate has it: no clean mark, and the next start recovers.
    }
    await state.log.close();
    await state.versions.idle();
    await state.files.closeAll();
    await state.manifest.close();
    await state.pointFile.close();
    await state.lock.release();
    // What was written and is not on the disk must not be lost without a word.
    if (failureBefore === null && gate.failure !== null) throw gate.failure;
  }

  async #flushAtClose(): Promise<void> {
    try {
      await this.#background.flushEverything();
    } catch {
      // A full disk: the logs hold what the memtables do.
    }
  }

  #mustBeOpen(): void {
    if (this.#closing !== null) throw this.#state.closedError();
  }
}

/** The tables of a level that may hold a key. */
function candidates(tables: readonly TableReader[], level: number, key: Uint8Array): readonly TableReader[] {
  if (level === 0) return tables;
  const first = firstReaching(tables, key);
  return tables.slice(first, first + 1);
}
