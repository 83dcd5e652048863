/**
 * Writes that cannot be done at once: in modes `written` and `always` all of them, else those that need room first. One
 * loop takes them in order: room in the memtable (a rotation if it is full), room in the log, then a group into the log,
 * and in mode `written` one write, in mode `always` one sync for the whole group before readers see any of it.
 *
 * A write that fails is taken back, and everybody in its group hears of it: nothing of it was seen. Full buffers make
 * writers wait; work in the background that fails makes them fail (facts T9, T10).
 */
import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Cancel } from "../../platform/clock.ts";
import type { WriteBatch } from "../write_batch.ts";
import type { BackgroundWork } from "./background_work.ts";
import { createLog } from "./create_log.ts";
import { forEachOperation } from "./log_record.ts";
import { Memtable } from "./memtable.ts";
import type { SyncMode } from "./tree_settings.ts";
import type { TreeState } from "./tree_state.ts";
import { WritePace } from "./write_pace.ts";

/** The log's buffer goes to the system when it has so many bytes (facts S6). */
const WRITE_AT_BYTES = 64 * 1024;

interface WaitingWrite {
  readonly batch: WriteBatch;
  readonly done: () => void;
  readonly failed: (thrown: unknown) => void;
}

export class CommitQueue {
  readonly #state: TreeState;
  readonly #background: BackgroundWork;
  #waiting: WaitingWrite[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | null = null;
  #isWriting = false;
  /** Where writes end that are done and were not waited for: the log's buffer may still hold them. */
  #bufferedEnd = 0;
  #cancelTimer: Cancel | null = null;
  #pointMs: number;
  readonly #pace: WritePace;

  constructor(state: TreeState, background: BackgroundWork) {
    this.#state = state;
    this.#background = background;
    this.#pace = new WritePace(state, background);
    this.#pointMs = state.location.clock.monotonicMs();
  }

  /** Whether a write may go into log and memtable now, without waiting for anything. */
  get isClear(): boolean {
    const { gate, settings, memtable, log, givenSequence, isClosing, beginning } = this.#state;
    return this.#running === null && beginning.isDone && !this.#pace.isOn && !isWaitedFor(settings.syncMode) &&
      gate.failure === null &&
      !isClosing &&
      !memtable.isFull(givenSequence + 1) && log.pendingBytes <= LIMITS.lsmLogPendingBytesMax &&
      (settings.syncMode === "none" || log.endPosition - log.syncedBytes <= LIMITS.lsmUnsyncedBytesMax);
  }

  /** Writes a batch at once; `isClear` holds. */
  commitNow(batch: WriteBatch): void {
    const timestamp = this.#state.location.clock.nowMs();
    this.#insert(batch, this.#append(batch, timestamp), timestamp);
    this.#state.seenSequence = this.#state.givenSequence;
    this.noteAppended();
  }

  /** To be called after a write at once. */
  noteAppended(): void {
    this.#bufferedEnd = this.#state.log.endPosition;
    if (this.#cancelTimer === null) this.#startTimer();
    if (!this.#isWriting && this.#state.log.pendingBytes >= WRITE_AT_BYTES) void this.#writeLog();
  }

  /** Waits for its turn. The batch must not change until it is done. */
  enqueue(batch: WriteBatch): Promise<void> {
    const { gate } = this.#state;
    if (gate.failure !== null) return Promise.reject(gate.failure);
    if (
      this.#waiting.length >= LIMITS.storeWaitingWritesMax ||
      (this.#waiting.length > 0 && this.#waitingBytes + batch.sizeBytes > LIMITS.storeWaitingBytesMax)
    ) {
      const detail = `${this.#waiting.length} writes with ${this.#waitingBytes} bytes wait in the store already`;
      return Promise.reject(new SentinelError("overloaded", detail));
    }
    this.#waitingBytes += batch.sizeBytes;
    return new Promise((done, failed) => {
      this.#waiting.push({ batch, done, failed });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when no write waits. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Runs `work` while no other write is done; what waits goes after it. */
  async exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#running !== null) await this.#running;
    let end: () => void = () => {};
    this.#running = new Promise<void>((resolve) => end = resolve);
    try {
      return await work();
    } finally {
      this.#running = this.#waiting.length > 0 ? this.#run() : null;
      end();
    }
  }

  /** Writes a batch inside `exclusively`. */
  async commit(batch: WriteBatch): Promise<void> {
    await this.#makeRoom();
    await this.#commitGroup([{ batch, done: () => {}, failed: () => {} }]);
    await this.#pace.pay(batch.sizeBytes);
  }

  /** Makes durable what is done; what is under way only where it cannot be told apart. One sync serves all who wait. */
  async sync(): Promise<void> {
    const { settings, gate } = this.#state;
    const isAllWritten = settings.syncMode === "written" && this.#bufferedEnd <= this.#state.log.writtenBytes;
    if (!isAllWritten) await this.idle();
    const { log } = this.#state;
    if (gate.failure !== null) throw gate.failure;
    try {
      await (isAllWritten ? log.syncWritten() : log.sync());
    } catch (thrown) {
      throw log.failure === null ? gate.notStored(thrown) : gate.fail(thrown);
    }
    this.#maybeStorePoint();
  }

  /** Freezes the memtable, unless it is empty, when its turn has come. */
  async rotateNow(): Promise<void> {
    await this.exclusively(async () => {
      while (!this.#state.memtable.isEmpty) {
        await this.#state.beginWrites();
        if (this.#state.immutables.length < LIMITS.lsmImmutableMemtablesMax) return await this.#rotate();
        if (this.#background.flushError !== null) throw this.#background.flushError;
        if (this.#state.gate.failure !== null) throw this.#state.gate.failure;
        await this.#background.next();
      }
    });
  }

  stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  // -- The loop -----------------------------------------------------------------------------------------------------

  async #run(): Promise<void> {
    // A turn later: those who write in this turn make one group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      let group: WaitingWrite[] = [];
      try {
        await this.#makeRoom();
        group = this.#takeGroup();
        await this.#commitGroup(group);
        for (const { done } of group) done();
        // What comes next waits for it. Without a wait no turn is given away: the writer's next put would find the loop
        // still running, and so would each one after it.
        const paid = this.#pace.pay(group.reduce((sum, { batch }) => sum + batch.sizeBytes, 0));
        if (paid !== null) await paid;
      } catch (thrown) {
        // Who waits behind would meet the same: they are told now, so that nobody waits on a full disk.
        for (const { failed } of [...group, ...this.#takeAll()]) failed(thrown);
      }
    }
    this.#running = null;
  }

  #takeGroup(): WaitingWrite[] {
    let count = 1;
    let bytes = this.#waiting[0]!.batch.sizeBytes;
    while (count < this.#waiting.length) {
      bytes += this.#waiting[count]!.batch.sizeBytes;
      if (bytes > LIMITS.logWriteBytesMax) break;
      count += 1;
    }
    const group = this.#waiting.splice(0, count);
    for (const { batch } of group) this.#waitingBytes -= batch.sizeBytes;
    return group;
  }

  #takeAll(): WaitingWrite[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return all;
  }

  async #commitGroup(group: readonly WaitingWrite[]): Promise<void> {
    const state = this.#state;
    const { log, gate } = state;
    const from = log.endPosition;
    const timestamp = state.location.clock.nowMs();
    const firstSequences = group.map(({ batch }) => this.#append(batch, timestamp));
    const { syncMode } = state.settings;
    if (isWaitedFor(syncMode)) {
      try {
        await (syncMode === "always" ? log.sync(from) : log.write(from));
      } catch (thrown) {
        throw log.failure === null ? gate.notStored(thrown) : gate.fail(thrown);
      }
      if (syncMode === "always") this.#maybeStorePoint();
    }
    for (const [at, { batch }] of group.entries()) this.#insert(batch, firstSequences[at]!, timestamp);
    state.seenSequence = state.givenSequence;
    if (!isWaitedFor(syncMode)) this.noteAppended();
  }

  /** Into the log's buffer; returns the first sequence. */
  #append(batch: WriteBatch, timestamp: number): number {
    const state = this.#state;
    const firstSequence = state.givenSequence + 1;
    state.log.appendBatch(batch.bytes, batch.count, timestamp, firstSequence);
    state.givenSequence += batch.count;
    return firstSequence;
  }

  #insert(batch: WriteBatch, firstSequence: number, timestamp: number): void {
    const { memtable } = this.#state;
    const { bytes } = batch;
    let sequence = firstSequence;
    forEachOperation(bytes, 0, bytes.length, (keyAt, keyBytes, valueBytes) => {
      memtable.write(bytes, keyAt, keyBytes, valueBytes, timestamp, sequence);
      sequence += 1;
    });
  }

  // -- Room ---------------------------------------------------------------------------------------------------------

  async #makeRoom(): Promise<void> {
    const state = this.#state;
    await state.beginWrites();
    while (true) {
      const { gate, log, memtable, settings } = state;
      if (gate.failure !== null) throw gate.failure;
      if (state.versions.current.levels[0]!.length >= LIMITS.lsmLevel0TablesMax) {
        if (this.#background.compactionError !== null) throw this.#background.compactionError;
        await this.#background.next();
      } else if (memtable.isFull(state.givenSequence + 1)) {
        if (state.immutables.length < LIMITS.lsmImmutableMemtablesMax) await this.#rotate();
        else if (this.#background.flushError !== null) throw this.#background.flushError;
        else await this.#background.next();
      } else if (log.pendingBytes > LIMITS.lsmLogPendingBytesMax) await this.#orNotStored(() => log.write());
      else if (
        settings.syncMode === "batch" && log.endPosition - log.syncedBytes > LIMITS.lsmUnsyncedBytesMax
      ) await this.#orNotStored(() => log.sync());
      else return;
    }
  }

  async #orNotStored(work: () => Promise<void>): Promise<void> {
    const { gate, log } = this.#state;
    try {
      await work();
    } catch (thrown) {
      throw log.failure === null ? gate.notStored(thrown) : gate.fail(thrown);
    }
  }

  /** The memtable is frozen and waits for its table; the next one has a log of its own. */
  async #rotate(): Promise<void> {
    const state = this.#state;
    const { memtable, log, location, gate, versions } = state;
    // In every mode: before the next log takes a byte, this one is whole on the disk, so that damage in it is no torn end.
    await this.#orNotStored(() => log.sync());
    const number = versions.takeFileNumber();
    const header = { number, previousSequence: memtable.lastSequence };
    let next;
    try {
      next = await createLog({ ...location, path: state.logPath(number) }, header, gate.orFail);
    } catch (thrown) {
      throw gate.failure ?? gate.notStored(thrown);
    }
    memtable.freeze();
    state.immutables.push(memtable);
    state.memtable = new Memtable(header, state.givenSequence, state.settings.memtableBytes, state.snapshots);
    state.log = next;
    this.#bufferedEnd = 0;
    await state.storePoint();
    await log.close();
    this.#background.kick();
  }

  // -- The log behind the writers -----------------------------------------------------------------------------------

  #startTimer(): void {
    const { location, settings } = this.#state;
    this.#cancelTimer = location.clock.after(settings.syncIntervalMs, () => {
      this.#cancelTimer = null;
      void this.#syncLog();
    });
  }

  /** A write that fails here keeps its bytes: the next one takes them along, and writers wait once they are too many. */
  async #writeLog(): Promise<void> {
    const { log, gate } = this.#state;
    this.#isWriting = true;
    try {
      await log.write();
    } catch (thrown) {
      if (log.failure !== null) gate.fail(thrown);
    }
    this.#isWriting = false;
  }

  async #syncLog(): Promise<void> {
    const { log, gate, settings } = this.#state;
    try {
      if (settings.syncMode === "none") await log.write();
      else await log.sync();
      this.#maybeStorePoint();
    } catch (thrown) {
      if (log.failure !== null) gate.fail(thrown);
    }
    const { pendingBytes, endPosition, syncedBytes } = this.#state.log;
    const isDone = settings.syncMode === "none" ? pendingBytes === 0 : endPosition === syncedBytes;
    if (!isDone && gate.failure === null && !this.#state.isClosing && this.#cancelTimer === null) this.#startTimer();
  }

  /** The recovery point follows at most a second behind the syncs, while there are any. */
  #maybeStorePoint(): void {
    const { clock } = this.#state.location;
    if (!this.#state.beginning.isDone || clock.monotonicMs() - this.#pointMs < LIMITS.recoveryPointMsMax) return;
    this.#pointMs = clock.monotonicMs();
    // A failure has ended the writes already, and the next one is told.
    this.#state.storePoint().catch(() => {});
  }
}

/** Whether a write is done only when its bytes have left the process. */
function isWaitedFor(mode: SyncMode): boolean {
  return mode === "always" || mode === "written";
}
