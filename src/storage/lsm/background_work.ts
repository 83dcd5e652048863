/**
 * What an open tree does beside its callers: frozen memtables become tables, oldest first (facts S13, T9), and levels that
 * are too large are merged into the next (S15). One flush and one compaction at a time, beside each other.
 *
 * What fails is kept, told and tried again (T10): the memtable stays readable and its log stays on the disk. A failed sync
 * ends the tree's writes.
 */
import type { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Cancel } from "../../platform/clock.ts";
import { compactTables } from "./compact_tables.ts";
import type { PlacedTable } from "./manifest_edit.ts";
import type { Memtable } from "./memtable.ts";
import {
  boundsOf,
  bytesBeforeLevel0,
  bytesOf,
  type Compaction,
  compactionOf,
  type CompactionPointers,
  pickCompaction,
} from "./pick_compaction.ts";
import { Progress } from "./progress.ts";
import { tableFileName } from "./file_names.ts";
import type { TableMeta } from "./table_meta.ts";
import type { TableReader } from "./table_reader.ts";
import type { TreeState } from "./tree_state.ts";
import { WorkMeter } from "./work_meter.ts";
import { writeMemtable } from "./write_memtable.ts";

export class BackgroundWork {
  readonly #state: TreeState;
  readonly #pointers: CompactionPointers = new Map();
  /** Noted after each flush and compaction, good or bad, and when the tree fails. */
  readonly progress = new Progress();
  #flushing: Promise<void> | null = null;
  #compacting: Promise<void> | null = null;
  /** Tables that the running compaction takes: nobody else may. */
  #merging: readonly TableReader[] = [];
  /** While tables are dropped no compaction is chosen: it might take them. */
  #dropping: Promise<void> | null = null;
  /** Why the last flush or compaction failed; null: it did not. */
  flushError: SentinelError | null = null;
  compactionError: SentinelError | null = null;
  #cancelRetry: Cancel | null = null;
  readonly #flushMeter: WorkMeter;
  readonly #compactionMeter: WorkMeter;
  /** The compaction that is under way empties level 0. */
  #isLevel0Compacting = false;

  constructor(state: TreeState) {
    this.#state = state;
    this.#flushMeter = new WorkMeter(state.location.clock);
    this.#compactionMeter = new WorkMeter(state.location.clock);
  }

  /** Until the oldest memtable that waits is a table; null: nobody knows. */
  flushLeftMs(): number | null {
    const { immutables } = this.#state;
    const moreBytes = this.#flushMeter.isRunning ? 0 : immutables[0]?.list.accountedBytes ?? 0;
    return this.#flushMeter.leftMs(moreBytes);
  }

  /** Until compaction has emptied level 0; null: nobody knows. */
  level0LeftMs(): number | null {
    const { versions, settings } = this.#state;
    return this.#compactionMeter.leftMs(this.#isLevel0Compacting ? 0 : bytesBeforeLevel0(versions.current, settings));
  }

  /** Looks for work. */
  kick(): void {
    const { gate, isClosing, immutables } = this.#state;
    if (gate.failure !== null || isClosing) return;
    if (immutables.length > 0) this.#flushing ??= this.#flushAll();
    this.#compacting ??= this.#compactAll();
  }

  /**
   * Resolves when a flush or a compaction has ended, and starts them when they do not run; there must be work for one.
   * Nothing is noted that brought nothing: whoever waits in a loop would leave no turn for the disk.
   */
  next(): Promise<void> {
    const ended = this.progress.wait();
    this.kick();
    return ended;
  }

  /** Stops compaction where it is, and waits for it and for the running flush. `isClosing` is set before. */
  async stop(): Promise<void> {
    this.#cancelRetry?.();
    if (this.#dropping !== null) await this.#dropping;
    if (this.#compacting !== null) await this.#compacting;
    if (this.#flushing !== null) await this.#flushing;
  }

  /** Flushes what waits, and the memtable that takes writes too: for a close. Fails where it cannot. */
  async flushEverything(): Promise<void> {
    const { immutables, memtable, log, gate } = this.#state;
    while (immutables.length > 0 && gate.failure === null) await this.#flush(immutables[0]!, false);
    if (gate.failure !== null || memtable.isEmpty) return;
    memtable.freeze();
    await this.#flush(memtable, true);
    await log.close();
    await this.#state.removeQuietly(log.path);
  }

  /** Merges level after level down to the last one that has a table. Fails where a compaction does. */
  async compactEverything(): Promise<void> {
    const { versions, settings } = this.#state;
    for (let level = 0; level + 1 < settings.levelsMax; level++) {
      while (this.#compacting !== null || this.#dropping !== null) await (this.#compacting ?? this.#dropping);
      const { levels } = versions.current;
      const tables = levels[level]!;
      const isLast = levels.slice(level + 1).every((deeper) => deeper.length === 0);
      if (tables.length === 0 || (isLast && level > 0)) continue;
      const compacting = this.#compact(compactionOf(versions.current, level, tables));
      this.#compacting = compacting.then(() => {}, () => {});
      try {
        await compacting;
      } finally {
        this.#compacting = null;
        this.progress.note();
      }
    }
  }

  // -- Flushing -----------------------------------------------------------------------------------------------------

  async #flushAll(): Promise<void> {
    const { immutables, gate } = this.#state;
    // A turn later: whoever kicks goes on first.
    await Promise.resolve();
    try {
      while (immutables.length > 0 && gate.failure === null && !this.#state.isClosing) {
        await this.#flush(immutables[0]!, false);
        this.flushError = null;
        this.progress.note();
        this.#compacting ??= this.#compactAll();
      }
    } catch (thrown) {
      this.flushError = this.#told(thrown, this.flushError);
      this.#retryLater();
      this.progress.note();
    }
    this.#flushing = null;
  }

  /** One memtable becomes a table; in one turn the table is there and the memtable gone (T7). Then its log goes. */
  async #flush(memtable: Memtable, isActive: boolean): Promise<void> {
    const state = this.#state;
    const { versions, immutables, location, snapshots, gate } = state;
    await state.beginWrites();
    const added: PlacedTable[] = [];
    if (!memtable.isEmpty) {
      const onWritten = (bytes: number): void => this.#flushMeter.note(bytes);
      const parts = { place: location, source: versions.source, snapshots, orFail: gate.orFail, onWritten };
      this.#flushMeter.begin(memtable.list.accountedBytes);
      try {
        added.push({ level: 0, meta: await writeMemtable(memtable, versions.takeFileNumber(), parts) });
      } finally {
        this.#flushMeter.end();
      }
    }
    const next = isActive ? memtable.logNumber + 1 : (immutables[1] ?? state.memtable).logNumber;
    await this.#commit({ removed: [], added, flushedSequence: memtable.lastSequence, logNumber: next }, () => {
      if (!isActive) immutables.shift();
    });
    if (!isActive) await state.removeQuietly(state.logPath(memtable.logNumber));
  }

  // -- Compaction ---------------------------------------------------------------------------------------------------

  async #compactAll(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#state.gate.failure === null && !this.#state.isClosing) {
        while (this.#dropping !== null) await this.#dropping;
        const compaction = pickCompaction(this.#state.versions.current, this.#state.settings, this.#pointers);
        if (compaction === null) break;
        await this.#compact(compaction);
        this.compactionError = null;
        this.progress.note();
      }
    } catch (thrown) {
      this.compactionError = this.#told(thrown, this.compactionError);
      this.#retryLater();
      this.progress.note();
    }
    this.#compacting = null;
  }

  async #compact(compaction: Compaction): Promise<void> {
    const { versions, snapshots, location, gate, settings } = this.#state;
    const { level, inputs, overlapping } = compaction;
    this.#merging = [...inputs, ...overlapping];
    const version = versions.pin();
    this.#compactionMeter.begin(bytesOf(inputs) + bytesOf(overlapping));
    this.#isLevel0Compacting = level === 0;
    try {
      await this.#state.beginWrites();
      // What overlaps nothing is moved as it is.
      const isMove = level > 0 && overlapping.length === 0;
      const added = isMove ? inputs.map(({ meta }) => ({ level: level + 1, meta })) : await compactTables(compaction, {
        place: location,
        source: versions.source,
        snapshots,
        orFail: gate.orFail,
        tableBytes: settings.tableBytes,
        takeFileNumber: () => versions.takeFileNumber(),
        giveWay: (bytes) => {
          this.#compactionMeter.note(bytes);
          return this.#giveWay();
        },
      });
      if (added === null) return;
      this.#pointers.set(level, boundsOf(inputs)[1]);
      await this.#commit({ removed: [...inputs, ...overlapping], added });
    } finally {
      this.#merging = [];
      this.#compactionMeter.end();
      this.#isLevel0Compacting = false;
      versions.unpin(version);
    }
  }

  /**
   * Removes the tables that are wanted in one edit, without reading them, but for those that are being merged. Returns
   * how many bytes they have.
   */
  async dropTables(isWanted: (meta: TableMeta) => boolean): Promise<number> {
    const { versions, gate, isClosing } = this.#state;
    while (this.#dropping !== null) await this.#dropping;
    if (gate.failure !== null || isClosing) return 0;
    const removed = versions.current.levels.flat().filter((table) =>
      isWanted(table.meta) && !this.#merging.includes(table)
    );
    if (removed.length === 0) return 0;
    const dropped = this.#state.beginWrites().then(() => this.#commit({ removed, added: [] }));
    this.#dropping = dropped.then(() => {}, () => {}).then(() => {
      this.#dropping = null;
    });
    try {
      await dropped;
    } catch (thrown) {
      throw this.#errorOf(thrown);
    }
    // Who waits for room in level 0 may have it now, without any merge.
    this.progress.note();
    return removed.reduce((sum, { meta }) => sum + meta.sizeBytes, 0);
  }

  /**
   * A turn of the event loop; false when the tree is closing. The disk is asked for it, not the clock: a process that waits
   * for nothing but a timer ends, and a write that waits for room would with it.
   */
  async #giveWay(): Promise<boolean> {
    const { disk, directory } = this.#state.location;
    if (!this.#state.isClosing) await disk.status(directory);
    return !this.#state.isClosing;
  }

  // -- Both ---------------------------------------------------------------------------------------------------------

  async #commit(change: Parameters<TreeState["versions"]["commit"]>[0], onSeen?: () => void): Promise<void> {
    const state = this.#state;
    try {
      await state.versions.commit(change, state.givenSequence, onSeen);
    } catch (thrown) {
      // A failed sync leaves it open whether the edit is there: then the next start decides.
      if (state.gate.failure === null) await this.#removeNew(change.added, change.removed.map(({ meta }) => meta));
      throw thrown;
    }
    await state.storePoint();
  }

  async #removeNew(added: readonly PlacedTable[], removed: readonly TableMeta[]): Promise<void> {
    for (const { meta } of added) {
      if (removed.includes(meta)) continue;
      await this.#state.removeQuietly(
        `${this.#state.location.directory}/${tableFileName(meta.writtenLevel, meta.number)}`,
      );
    }
  }

  #told(thrown: unknown, before: SentinelError | null): SentinelError {
    const error = this.#errorOf(thrown);
    if (before === null) this.#state.location.onBackgroundError?.(error);
    return error;
  }

  #errorOf(thrown: unknown): SentinelError {
    const { gate } = this.#state;
    try {
      return gate.notStored(thrown);
    } catch (known) {
      // A rule of our own that is broken ends the writes, as a failed sync does.
      return gate.failure ?? (isSentinelError(known) ? known : gate.fail(known));
    }
  }

  #retryLater(): void {
    const { gate, isClosing, location } = this.#state;
    if (gate.failure !== null || isClosing) return;
    this.#cancelRetry?.();
    this.#cancelRetry = location.clock.after(LIMITS.lsmRetryMs, () => this.kick());
  }
}

function isSentinelError(thrown: unknown): thrown is SentinelError {
  return thrown instanceof Error && thrown.name === "SentinelError";
}
