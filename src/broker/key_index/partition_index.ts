/**
 * The index of one partition at work: it follows the committed log in the background, step by step, and tells those who
 * wait how far it has come.
 *
 * It never says more than the log: an index that lies beyond the log's end, or whose last batch is not the log's, is
 * built anew. It is never silently behind: whoever asks waits until it has reached the high watermark of that moment.
 */
import { assert } from "../../base/assert.ts";
import { asSentinelError, SentinelError } from "../../base/errors.ts";
import { type Offset, partitionName } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Replica } from "../../cluster/replica.ts";
import type { Cancel, Clock } from "../../platform/clock.ts";
import type { Compression } from "../../platform/compression.ts";
import { openBatch } from "../../records/compressed_batch.ts";
import { RecordCursor } from "../../records/record_cursor.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { BrokerCounters } from "../types.ts";
import type { Turns } from "../turns.ts";
import type { KeyIndexChanges, KeyIndexStore } from "./key_index_store.ts";
import { appliedBatch, type KeyIndexState } from "./key_index_state.ts";

export interface PartitionIndexOptions {
  readonly replica: Replica;
  /** Asked when the index begins, and again after a failure. */
  readonly openStore: () => Promise<KeyIndexStore>;
  readonly clock: Clock;
  readonly compression: Compression;
  /** Where the steps of all partitions wait for their turn. */
  readonly turns: Turns;
  readonly counters: BrokerCounters;
  /** Told once of what stops the index; it is tried again by itself. */
  readonly onFailure: (error: SentinelError) => void;
}

/** Someone who waits until the index has come so far. */
export interface IndexWait {
  readonly reached: Promise<void>;
  /** Ends the wait with this failure. */
  cancel(error: SentinelError): void;
}

interface Waiter {
  readonly target: Offset;
  readonly resolve: () => void;
  readonly reject: (error: SentinelError) => void;
}

export class PartitionIndex {
  readonly #options: PartitionIndexOptions;
  readonly #name: string;
  #waiters: Waiter[] = [];
  #store: KeyIndexStore | null = null;
  /** Null before it is known how far the stored index has come, and while it must be built anew. */
  #state: KeyIndexState | null = null;
  #mustClear = false;
  #generation = 0;
  #failure: SentinelError | null = null;
  #cancelRetry: Cancel | null = null;
  #closed: SentinelError | null = null;
  #spentBytes = 0;
  #endYield: (() => void) | null = null;
  #isWorking = false;
  #work: Promise<void> = Promise.resolve();
  #sweep: { readonly startOffset: Offset; readonly from: Uint8Array | null; readonly kept: number } | null = null;
  #sweptOffset: Offset = 0;
  #keysAtSweep = 0;
  #changesSinceSweep = 0;
  readonly #wake = (): void => this.#begin();

  constructor(options: PartitionIndexOptions) {
    this.#options = options;
    this.#name = partitionName(options.replica.topic, options.replica.partition);
  }

  get replica(): Replica {
    return this.#options.replica;
  }

  /** Below it every committed record is in the index; −1 while that is not known. */
  get appliedOffset(): Offset {
    return this.#state?.appliedOffset ?? -1;
  }

  /** Another number: what was found before may be from an index that is gone. */
  get generation(): number {
    return this.#generation;
  }

  /** Follows the log from now on. */
  start(): void {
    this.#options.replica.onAdvance.add(this.#wake);
    this.#begin();
  }

  /** Null: the index is there. Throws why it cannot go on now. */
  waitFor(target: Offset): IndexWait | null {
    if (this.#closed !== null) throw this.#closed;
    if (this.#failure !== null) throw this.#failure;
    if (this.appliedOffset >= target) return null;
    let waiter: Waiter | null = null;
    const reached = new Promise<void>((resolve, reject) => {
      waiter = { target, resolve, reject };
      this.#waiters.push(waiter);
    });
    const cancel = (error: SentinelError): void => {
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
      waiter!.reject(error);
    };
    return { reached, cancel };
  }

  /** See `KeyIndexStore.find`; to be asked when the wait is over, and believed when the generation is the same as then. */
  find(key: Uint8Array): Promise<Offset | null> {
    return this.#opened.find(key);
  }

  /**
   * Looks whether what is stored is this log's. To be done at a start before anything is appended: a log that has lost
   * its end shows it only until it has grown again. False: nothing is stored.
   */
  async check(): Promise<boolean> {
    this.#store ??= await this.#options.openStore();
    const stored = await this.#store.load();
    if (stored === null) return false;
    if (await this.#isOfThisLog(stored)) this.#state = stored;
    else this.#markWrong();
    return true;
  }

  /** The index does not agree with its log: it is built anew. */
  rebuild(): void {
    if (this.#mustClear) return;
    this.#markWrong();
    this.#begin();
  }

  /** Works no more; whoever waits fails with `reason`. Resolves when the step that was under way is over. Idempotent. */
  async close(reason: SentinelError): Promise<void> {
    this.#closed ??= reason;
    this.#options.replica.onAdvance.delete(this.#wake);
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#endYield?.();
    this.#rejectAll(reason);
    await this.#work;
  }

  // -- Following the log --------------------------------------------------------------------------------------------

  #begin(): void {
    if (this.#isWorking || this.#closed !== null || this.#cancelRetry !== null) return;
    this.#isWorking = true;
    this.#work = this.#run();
  }

  async #run(): Promise<void> {
    // Whoever raises the high watermark is in the middle of its own work.
    await null;
    try {
      while (this.#closed === null && this.#hasWork()) {
        const bytes = await this.#options.turns.run(() => this.#step());
        if (bytes > 0) this.#failure = null;
        this.#spentBytes += bytes;
        // A read ends with the batch that fits: most are a little smaller than a slice.
        if (this.#spentBytes >= LIMITS.keyIndexSliceBytes) await this.#yield();
      }
      this.#failure = null;
    } catch (thrown) {
      this.#fail(asSentinelError(thrown));
    }
    this.#isWorking = false;
  }

  #hasWork(): boolean {
    if (this.#state === null || this.#state.appliedOffset < this.#upTo || this.#sweep !== null) return true;
    return this.#isSweepDue();
  }

  /**
   * Readers of committed records see what lies below the last stable offset, which is the high watermark as long as there
   * are no transactions.
   */
  get #upTo(): Offset {
    return this.#options.replica.highWatermark;
  }

  /** One piece of what there is to do; how many bytes of log it went over. */
  async #step(): Promise<number> {
    if (this.#closed !== null) return 0;
    const { replica } = this.#options;
    if (this.#state === null) {
      await this.#open();
      return 0;
    }
    if (this.#state.appliedOffset > this.#upTo) {
      this.rebuild();
      return 0;
    }
    if (this.#state.appliedOffset === this.#upTo) {
      await this.#sweepOn();
      return LIMITS.keyIndexSliceBytes;
    }
    const from = Math.max(this.#state.appliedOffset, replica.startOffset);
    const upTo = this.#upTo;
    let batches: readonly RecordBatch[];
    try {
      batches = await replica.read(from, LIMITS.keyIndexSliceBytes);
    } catch (thrown) {
      // Trimmed meanwhile: the next step begins at the new log start.
      if (replica.startOffset > from) return 0;
      throw thrown;
    }
    // Trimmed up to its end, the log has nothing more to give.
    if (batches.length === 0) await this.#write(this.#opened.changes(), upTo, null);
    try {
      return await this.#apply(batches, from);
    } finally {
      // Keys are copied into the store's write, and nothing else is kept.
      for (const { lease } of batches) lease?.release();
    }
  }

  /** Takes over the stored index if it is this log's, else begins a new one at the log start. */
  async #open(): Promise<void> {
    if (!this.#mustClear && await this.check() && this.#state !== null) return this.#settle();
    const store = this.#opened;
    await store.clear();
    const state: KeyIndexState = { appliedOffset: this.#options.replica.startOffset, lastBatch: null };
    await store.write(store.changes(), state);
    this.#mustClear = false;
    this.#state = state;
    this.#sweep = null;
    this.#settle();
  }

  async #isOfThisLog({ appliedOffset, lastBatch }: KeyIndexState): Promise<boolean> {
    const { replica } = this.#options;
    if (appliedOffset > replica.highWatermark) return false;
    // Where everything that it knows was trimmed it says nothing wrong: such entries do not count.
    if (lastBatch === null || appliedOffset <= replica.startOffset) return true;
    try {
      const [batch] = await replica.read(appliedOffset - 1, 1);
      return batch !== undefined && batch.baseOffset === lastBatch.baseOffset && batch.crc === lastBatch.crc;
    } catch (thrown) {
      // Trimmed meanwhile.
      if (replica.startOffset >= appliedOffset) return true;
      throw thrown;
    }
  }

  async #apply(batches: readonly RecordBatch[], from: Offset): Promise<number> {
    let changes = this.#opened.changes();
    let bytes = 0;
    let last: RecordBatch | null = null;
    for (const batch of batches) {
      if (batch.endOffset <= from) continue;
      bytes += batch.sizeBytes;
      last = batch;
      if (batch.isControl || batch.recordCount === 0) continue;
      const cursor = new RecordCursor(batch, await this.#plainRecords(batch));
      while (cursor.next()) {
        const { offset, keyStart, keyBytes } = cursor;
        if (offset < from || keyBytes < 0) continue;
        changes.add(cursor.bytes.subarray(keyStart, keyStart + keyBytes), offset, cursor.isTombstone);
        if (changes.count < LIMITS.keyIndexWriteKeysMax) continue;
        await this.#write(changes, offset + 1, batch);
        if (this.#closed !== null || this.#mustClear) return bytes;
        changes = this.#opened.changes();
      }
      if (cursor.fault !== null) throw this.#unreadable(batch, cursor.fault);
    }
    if (last !== null) await this.#write(changes, last.endOffset, last);
    return bytes;
  }

  async #plainRecords(batch: RecordBatch): Promise<Uint8Array | null> {
    if (batch.codec === "none") return null;
    try {
      return await openBatch(batch, this.#options.compression, LIMITS.decompressedBytesMax);
    } catch (thrown) {
      throw this.#unreadable(batch, asSentinelError(thrown).message);
    }
  }

  async #write(changes: KeyIndexChanges, appliedOffset: Offset, batch: RecordBatch | null): Promise<void> {
    const { count } = changes;
    const state: KeyIndexState = { appliedOffset, lastBatch: batch === null ? null : appliedBatch(batch) };
    await this.#opened.write(changes, state);
    this.#changesSinceSweep += count;
    // Asked for while this was written: then what was written goes with all the rest.
    if (this.#mustClear) return;
    this.#state = state;
    this.#settle();
  }

  // -- Entries of trimmed records -----------------------------------------------------------------------------------

  /** When as many keys were written as there were left last time: so the index is at most about twice as large as it must be. */
  #isSweepDue(): boolean {
    return this.#options.replica.startOffset > this.#sweptOffset &&
      this.#changesSinceSweep >= Math.max(this.#keysAtSweep, LIMITS.keyIndexSweepKeysMin);
  }

  async #sweepOn(): Promise<void> {
    if (this.#sweep === null) {
      this.#sweep = { startOffset: this.#options.replica.startOffset, from: null, kept: 0 };
      this.#changesSinceSweep = 0;
    }
    const { startOffset, from, kept } = this.#sweep;
    const step = await this.#opened.sweep(startOffset, from);
    if (step.next !== null) {
      this.#sweep = { startOffset, from: step.next, kept: kept + step.kept };
      return;
    }
    this.#sweep = null;
    this.#sweptOffset = startOffset;
    this.#keysAtSweep = kept + step.kept;
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  get #opened(): KeyIndexStore {
    assert(this.#store !== null, "The index is used before its store is open");
    return this.#store;
  }

  #markWrong(): void {
    this.#mustClear = true;
    this.#state = null;
    this.#generation += 1;
    this.#options.counters.keyIndexRebuilds += 1;
  }

  #settle(): void {
    const applied = this.appliedOffset;
    const reached = this.#waiters.filter(({ target }) => target <= applied);
    if (reached.length === 0) return;
    this.#waiters = this.#waiters.filter(({ target }) => target > applied);
    for (const waiter of reached) waiter.resolve();
  }

  /** Nothing mends itself at once, but a disk may have room again later, and a topic's damage be repaired. */
  #fail(error: SentinelError): void {
    if (this.#closed !== null) return;
    const isNew = this.#failure === null;
    this.#failure = new SentinelError(error.code, `The index of keys of ${this.#name} cannot go on: ${error.message}`, {
      cause: error,
    });
    this.#rejectAll(this.#failure);
    this.#options.counters.keyIndexFailures += 1;
    this.#cancelRetry = this.#options.clock.after(LIMITS.keyIndexRetryMs, () => {
      this.#cancelRetry = null;
      this.#begin();
    });
    if (isNew) this.#options.onFailure(this.#failure);
  }

  #unreadable(batch: RecordBatch, fault: string): SentinelError {
    return new SentinelError("storage_error", `The batch at offset ${batch.baseOffset} cannot be read: ${fault}`);
  }

  #rejectAll(error: SentinelError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** A timer keeps no process alive: a stop must not wait for one. */
  async #yield(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(0, resolve);
      this.#endYield = () => {
        cancel();
        resolve();
      };
    });
    this.#endYield = null;
    this.#spentBytes = 0;
  }
}
