/**
 * The writing side of a segment log: a queue of appended batches, one loop that writes them in groups, one sync at a
 * time that serves all who wait for it (group commit, design D3).
 *
 * Order, always: (the clean mark is taken back, the epoch is on disk) → write → sync → durable → acknowledged. A segment
 * is sealed by a sync of its own before the next one takes a byte, so that everything before the active segment is
 * durable.
 *
 * A failed *write* is cut back: the file to its last good byte, the log to its last written offset, and it goes on when
 * there is room again. A failed *sync* is final: nothing is known of those pages any more, so the log takes no writes
 * until a restart has read what is really there.
 */
import type { Epoch, Offset } from "../../base/ids.ts";
import { assert } from "../../base/assert.ts";
import type { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { FlushResult, LogListener } from "../partition_log.ts";
import { storeLeaderEpochs } from "./leader_epochs.ts";
import { activeSegment, assertLogState } from "./log_state.ts";
import type { LogState } from "./log_state.ts";
import { LogWaiters } from "./log_waiters.ts";
import type { WaitKind } from "./log_waiters.ts";
import { mustRollBefore } from "./must_roll.ts";
import { Mutex } from "../mutex.ts";
import { isFull, notStored, writesEnded } from "./write_failures.ts";
import { bytesAbove, type RecoveryPoint } from "./recovery_point.ts";
import { Segment } from "./segment.ts";
import { maybeStoreIndexes, storeProducers } from "./store_caches.ts";

/** The checkpoint names an epoch that was taken back: the next batch of any epoch must mend it. */
const EPOCHS_NOT_STORED: Epoch = -2;

export class LogWriter {
  readonly #state: LogState;
  readonly #mutex = new Mutex();
  listener: LogListener | null = null;
  #queue: RecordBatch[] = [];
  #queuedBytes = 0;
  #writing = false;
  #syncing: Promise<void> | null = null;
  /** While a roll, a truncation or the close is at work no sync may start. */
  #syncsPaused = false;
  /** Somebody wants everything below it durable. */
  #syncWanted: Offset = 0;
  readonly #waiters = new LogWaiters();
  /** Batches of later epochs must wait until the checkpoint has them. */
  #storedEpoch: Epoch;
  #recoveryPointMs: number;

  constructor(state: LogState) {
    this.#state = state;
    this.#storedEpoch = state.epochs.latest;
    this.#recoveryPointMs = state.clock.monotonicMs();
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queues batches that already have their offsets. */
  append(batch: RecordBatch): void {
    const state = this.#state;
    assert(batch.baseOffset === state.endOffset, () => `batch ${batch.baseOffset} where ${state.endOffset} is due`);
    state.epochs.assign(batch.leaderEpoch, batch.baseOffset);
    state.endOffset = batch.endOffset;
    state.producers.append(batch, state.clock.monotonicMs());
    state.tailCache.append(batch);
    this.#queue.push(batch);
    this.#queuedBytes += batch.sizeBytes;
    this.#kickWriter();
  }

  async flush(): Promise<FlushResult> {
    await this.#wait("durable", this.#state.endOffset);
    const { generation, epochs, durableOffset, endOffset } = this.#state;
    const epoch = durableOffset === endOffset ? epochs.latest : epochs.epochAt(durableOffset - 1);
    return { generation, epoch, endOffset: durableOffset };
  }

  flushToSystem(): Promise<void> {
    return this.#wait("written", this.#state.endOffset);
  }

  requestFlush(): void {
    this.#syncWanted = this.#state.endOffset;
    this.#kickSync();
  }

  /** Runs `work` while nothing is written or synced; all that was queued before is written first. The log may have failed by then. */
  async exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return await this.#mutex.run(async () => {
      this.#syncsPaused = true;
      try {
        await this.#writeQueue();
        if (this.#syncing !== null) await this.#syncing;
        return await work();
      } finally {
        this.#syncsPaused = false;
        this.#kickSync();
      }
    });
  }

  /** Writes where recovery may begin. `slots` both: the one before must not come back, see `RecoveryPointFile.writeBoth`. */
  async writeRecoveryPoint(point: RecoveryPoint, slots: "next" | "both" = "next"): Promise<void> {
    const { recoveryPointFile } = this.#state;
    await (slots === "both" ? recoveryPointFile.writeBoth(point) : recoveryPointFile.write(point));
    this.#state.recoveryPoint = point;
    this.#recoveryPointMs = this.#state.clock.monotonicMs();
  }

  /** Brings the epoch checkpoint up to date. Durable when it resolves. */
  async storeEpochs(): Promise<void> {
    const { disk, directory, epochs } = this.#state;
    const { latest } = epochs;
    await storeLeaderEpochs(disk, directory, epochs);
    this.#storedEpoch = latest;
  }

  /** The last words of a log that works: everything synced, indexes complete, the clean mark. Call inside `exclusively`. */
  async finish(): Promise<void> {
    const state = this.#state;
    const point = await this.syncToEnd();
    await activeSegment(state).finishIndexes();
    await storeProducers(state, point.endOffset, state.producers.statesAt(point.endOffset));
    await this.writeRecoveryPoint({ ...point, clean: true });
  }

  /** Syncs all that is written; the recovery point that this allows. Call inside `exclusively`. */
  async syncToEnd(): Promise<RecoveryPoint> {
    const state = this.#state;
    const active = activeSegment(state);
    if (state.durableOffset < state.writtenOffset) {
      await this.#syncFile(active);
      state.durableOffset = state.writtenOffset;
      this.#settle();
    }
    return {
      segmentBaseOffset: active.baseOffset,
      position: active.sizeBytes,
      endOffset: state.writtenOffset,
      logStartOffset: state.startOffset,
      clean: state.recoveryPoint.clean,
    };
  }

  /** Everyone who waits for something at or above `offset` hears that it was taken back. */
  refuseFrom(offset: Offset, error: SentinelError): void {
    this.#syncWanted = Math.min(this.#syncWanted, offset);
    this.#waiters.refuseFrom(offset, error);
  }

  /** Takes no more writes until a restart. Everyone who waits hears of it. */
  fail(thrown: unknown, offline = false): SentinelError {
    const state = this.#state;
    const error = writesEnded(state.directory, thrown);
    if (state.failure === null) {
      state.failure = error;
      state.endOffset = state.writtenOffset;
      state.producers.cutBackTo(state.writtenOffset);
      state.tailCache.truncateFrom(state.writtenOffset);
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#waiters.refuseFrom(-1, error);
      this.listener?.onFailure(error);
    }
    if (offline) state.offline ??= error;
    return error;
  }

  // -- Writing ------------------------------------------------------------------------------------------------------

  #kickWriter(): void {
    if (this.#writing) return;
    this.#writing = true;
    void this.#mutex.run(async () => {
      this.#writing = false;
      await this.#writeQueue();
    });
  }

  /** Writes until the queue is empty; failures end in `#cutBack` or `fail`, never here. */
  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0 && this.#state.failure === null) {
      try {
        await this.#prepareWrite(this.#queue[0]!);
        // A sync that failed meanwhile has emptied the queue.
        if (this.#state.failure === null) await this.#writeGroup(this.#takeGroup());
      } catch (thrown) {
        if (this.#state.failure === null) await this.#cutBack(thrown);
      }
    }
  }

  /** What must be on disk before the batch may be: the mark taken back, the epoch, a new segment. */
  async #prepareWrite(batch: RecordBatch): Promise<void> {
    const state = this.#state;
    if (state.recoveryPoint.clean) {
      await this.#orFail(() => this.writeRecoveryPoint({ ...state.recoveryPoint, clean: false }, "both"));
    }
    if (batch.leaderEpoch > this.#storedEpoch) await this.#orFailUnlessFull(() => this.storeEpochs());
    if (mustRollBefore(batch, activeSegment(state), state.settings)) await this.#roll();
  }

  /** As many batches from the queue as fit into one write and into the active segment. */
  #takeGroup(): RecordBatch[] {
    const { settings } = this.#state;
    const active = activeSegment(this.#state);
    let count = 1;
    const { maxTimestamp: firstTimestamp } = this.#queue[0]!;
    let bytes = this.#queue[0]!.sizeBytes;
    while (count < this.#queue.length) {
      const next = this.#queue[count]!;
      if (bytes + next.sizeBytes > LIMITS.logWriteBytesMax || next.leaderEpoch > this.#storedEpoch) break;
      if (mustRollBefore(next, active, settings, { bytes, firstTimestamp })) break;
      bytes += next.sizeBytes;
      count += 1;
    }
    return this.#queue.slice(0, count);
  }

  async #writeGroup(group: readonly RecordBatch[]): Promise<void> {
    const state = this.#state;
    const active = activeSegment(state);
    await active.file.writeAt(active.sizeBytes, group.map((batch) => batch.bytes));
    if (state.failure !== null) return;
    for (const batch of group) {
      active.noteAppended(batch, state.settings.indexIntervalBytes);
      this.#queuedBytes -= batch.sizeBytes;
      state.snapshots.bytesAbove += batch.sizeBytes;
      batch.lease?.release();
    }
    this.#queue.splice(0, group.length);
    state.writtenOffset = active.endOffset;
    state.producers.noteWritten(state.writtenOffset);
    this.#settle();
    this.#kickSync();
  }

  /** Seals the active segment and begins the next. */
  async #roll(): Promise<void> {
    const state = this.#state;
    const wasPaused = this.#syncsPaused;
    this.#syncsPaused = true;
    try {
      if (this.#syncing !== null) await this.#syncing;
      // After a failed sync another one may succeed and prove nothing.
      if (state.failure !== null) throw state.failure;
      const sealed = activeSegment(state);
      await this.syncToEnd();
      await sealed.finishIndexes();
      await this.#orFail(() => storeProducers(state, sealed.endOffset, state.producers.statesAt(sealed.endOffset)));
      const next = await this.#createSegment();
      state.segments.push(next);
      await this.#orFail(() =>
        this.writeRecoveryPoint({
          segmentBaseOffset: next.baseOffset,
          position: 0,
          endOffset: next.baseOffset,
          logStartOffset: state.startOffset,
          clean: false,
        })
      );
      if (!sealed.hasReaders) await sealed.unload();
      assertLogState(state);
      this.#settle();
    } finally {
      this.#syncsPaused = wasPaused;
    }
  }

  /** A file that is made only half must go: the active segment may grow past the offset that its name says. */
  async #createSegment(): Promise<Segment> {
    const state = this.#state;
    const next = new Segment(state.disk, state.directory, state.writtenOffset);
    try {
      await next.create();
    } catch (thrown) {
      await this.#orFail(async () => {
        await next.remove();
        await state.disk.syncDirectory(state.directory);
      });
      throw thrown;
    }
    try {
      await this.#orFail(() => state.disk.syncDirectory(state.directory));
    } catch (thrown) {
      await next.closeFile();
      throw thrown;
    }
    return next;
  }

  /** A write did not succeed: back to the last good byte, and every batch that is not in the file is refused. */
  async #cutBack(thrown: unknown): Promise<void> {
    const state = this.#state;
    const active = activeSegment(state);
    const error = notStored(state.directory, thrown);
    try {
      await active.file.truncate(active.sizeBytes);
      // A power loss must not bring back what is refused now.
      await active.file.sync();
    } catch (cutFailure) {
      this.fail(cutFailure);
      return;
    }
    if (state.failure !== null) return;
    state.endOffset = state.writtenOffset;
    state.generation += 1;
    state.producers.cutBackTo(state.endOffset);
    if (state.epochs.truncateFrom(state.endOffset)) this.#storedEpoch = EPOCHS_NOT_STORED;
    state.tailCache.truncateFrom(state.endOffset);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.refuseFrom(state.endOffset, error);
    this.listener?.onCutBack(state.endOffset, error);
  }

  // -- Syncing ------------------------------------------------------------------------------------------------------

  #kickSync(): void {
    const { durableOffset, writtenOffset, failure } = this.#state;
    if (this.#syncing !== null || this.#syncsPaused || failure !== null) return;
    if (this.#syncWanted > durableOffset && writtenOffset > durableOffset) this.#syncing = this.#sync();
  }

  async #sync(): Promise<void> {
    const state = this.#state;
    const active = activeSegment(state);
    const { baseOffset: segmentBaseOffset, sizeBytes: position } = active;
    const { writtenOffset: endOffset, startOffset: logStartOffset } = state;
    const point = { segmentBaseOffset, position, endOffset, logStartOffset, clean: false };
    // Taken now: when the sync has ended, the producers may be ahead of it, and not for good.
    const producers = state.snapshots.isDue ? state.producers.statesAt(endOffset) : null;
    try {
      await this.#syncFile(active);
      state.durableOffset = Math.max(state.durableOffset, point.endOffset);
      this.#settle();
      if (this.#isRecoveryPointDue(point)) {
        await maybeStoreIndexes(active);
        if (producers !== null) await this.#orFail(() => storeProducers(state, endOffset, producers));
        await this.#orFail(() => this.writeRecoveryPoint({ ...point, logStartOffset: state.startOffset }));
      }
    } catch (thrown) {
      this.fail(thrown);
    }
    this.#syncing = null;
    this.#kickSync();
  }

  #isRecoveryPointDue(point: RecoveryPoint): boolean {
    const isOld = this.#state.clock.monotonicMs() - this.#recoveryPointMs >= LIMITS.recoveryPointMsMax;
    return isOld || bytesAbove(this.#state.recoveryPoint, point) >= LIMITS.recoveryPointBytesMax;
  }

  #syncFile(segment: Segment): Promise<void> {
    return this.#orFail(() => segment.file.sync());
  }

  /** Runs what may not fail without ending the log's writes. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw this.fail(thrown);
    }
  }

  /** The same, but a full disk or process only refuses what is being written now. */
  async #orFailUnlessFull(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw isFull(thrown) ? thrown : this.fail(thrown);
    }
  }

  // -- Waiting ------------------------------------------------------------------------------------------------------

  #wait(kind: WaitKind, endOffset: Offset): Promise<void> {
    const { failure } = this.#state;
    if (failure !== null) return Promise.reject(failure);
    if (this.#reached[kind] >= endOffset) return Promise.resolve();
    if (kind === "durable") this.#syncWanted = Math.max(this.#syncWanted, endOffset);
    const promise = this.#waiters.wait(kind, endOffset);
    this.#kickSync();
    return promise;
  }

  get #reached(): Readonly<Record<WaitKind, Offset>> {
    return { written: this.#state.writtenOffset, durable: this.#state.durableOffset };
  }

  /** Tells everyone who waits how far the log is now. */
  #settle(): void {
    this.#waiters.settle(this.#reached);
    this.listener?.onProgress();
  }
}
