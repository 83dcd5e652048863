/**
 * A partition's log in append-only segments (Sentry's storage, facts Y9–Y15, in Kafka's file formats: design D2). Its
 * parts: `LogWriter` writes and syncs, `recoverLog` opens, `Segment` reads; this class is what the replica sees.
 */
import type { Epoch, Offset, TimestampMs } from "../../base/ids.ts";
import { assert } from "../../base/assert.ts";
import { PlatformError, SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { FlushResult, LogListener, LogSettings, PartitionLog, ReadOptions } from "../partition_log.ts";
import { ProducerBudget } from "../producer_budget.ts";
import type { ProducerStates } from "../producer_states.ts";
import { checkEpochs } from "./check_epochs.ts";
import { LogCleaner } from "./log_cleaner.ts";
import { activeSegment, assertLogState, segmentOf } from "./log_state.ts";
import type { LogState } from "./log_state.ts";
import { LogScrubber } from "./log_scrubber.ts";
import { LogWriter } from "./log_writer.ts";
import { Mutex } from "../mutex.ts";
import { outOfRange } from "./out_of_range.ts";
import { recoverLog } from "./recover_log.ts";
import type { LogLocation, RecoveryReport } from "./recover_log.ts";
import { restoreProducers } from "./restore_producers.ts";
import { retentionPoint } from "./retention_point.ts";
import type { Segment } from "./segment.ts";
import { SegmentCleaning } from "./segment_cleaning.ts";
import { unlessFull } from "./store_caches.ts";
import { TailCache } from "./tail_cache.ts";
import type { TailCacheBudget } from "./tail_cache.ts";

export class SegmentLog implements PartitionLog {
  readonly #state: LogState;
  readonly #writer: LogWriter;
  /** Sealed segments whose files are open, in the order of their last use. */
  readonly #openSealed = new Set<Segment>();
  /** Held by whoever takes segments out of the list: a cleaned one must not take the place of what is gone. */
  readonly #segmentsMutex = new Mutex();
  readonly cleaning: LogCleaner<Segment>;
  readonly scrubbing: LogScrubber;
  #closing: Promise<void> | null = null;
  #truncating: Promise<void> | null = null;

  private constructor(state: LogState) {
    this.#state = state;
    this.#writer = new LogWriter(state);
    const onRead = (segment: Segment): void => this.#keepOpenSealed(segment);
    this.scrubbing = new LogScrubber({ state, segmentsMutex: this.#segmentsMutex, onRead });
    const cleaning = new SegmentCleaning({
      state,
      writer: this.#writer,
      segmentsMutex: this.#segmentsMutex,
      onRead,
      onRetired: (segment) => void this.#openSealed.delete(segment),
    });
    this.cleaning = new LogCleaner(cleaning);
  }

  /** Opens the log of a directory that `createLog` made. */
  static async open(
    location: LogLocation,
    settings: LogSettings,
    budget: TailCacheBudget,
    producerBudget = new ProducerBudget(),
  ): Promise<{ readonly log: SegmentLog; readonly report: RecoveryReport }> {
    const { state, report } = await recoverLog(location, settings, new TailCache(budget), producerBudget);
    assertLogState(state);
    return { log: new SegmentLog(state), report };
  }

  get startOffset(): Offset {
    return this.#state.startOffset;
  }

  get endOffset(): Offset {
    return this.#state.endOffset;
  }

  get writtenOffset(): Offset {
    return this.#state.writtenOffset;
  }

  get durableOffset(): Offset {
    return this.#state.durableOffset;
  }

  get generation(): number {
    return this.#state.generation;
  }

  get producers(): ProducerStates {
    return this.#state.producers;
  }

  get failure(): SentinelError | null {
    return this.#state.failure;
  }

  get pendingBytes(): number {
    return this.#writer.queuedBytes;
  }

  get sizeBytes(): number {
    return this.#state.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  get listener(): LogListener | null {
    return this.#writer.listener;
  }

  set listener(listener: LogListener | null) {
    this.#writer.listener = listener;
  }

  appendAsLeader(batch: RecordBatch, epoch: Epoch): { readonly baseOffset: Offset; readonly endOffset: Offset } {
    this.#assertWritable();
    const baseOffset = this.#state.endOffset;
    batch.stamp(baseOffset, epoch);
    this.#writer.append(batch);
    return { baseOffset, endOffset: this.#state.endOffset };
  }

  appendAsFollower(batches: readonly RecordBatch[]): { readonly endOffset: Offset } {
    this.#assertWritable();
    for (const batch of batches) this.#writer.append(batch);
    return { endOffset: this.#state.endOffset };
  }

  flush(): Promise<FlushResult> {
    return this.#writer.flush();
  }

  requestFlush(): void {
    this.#writer.requestFlush();
  }

  flushToSystem(): Promise<void> {
    return this.#writer.flushToSystem();
  }

  read(from: Offset, options: ReadOptions): RecordBatch[] | Promise<RecordBatch[]> {
    const state = this.#state;
    this.#assertReadable(from);
    const upTo = Math.min(options.upTo, state.endOffset);
    if (from >= upTo) return [];
    return state.tailCache.read(from, options.maxBytes, upTo) ?? this.#readSegments(from, options.maxBytes, upTo);
  }

  async #readSegments(from: Offset, maxBytes: number, upTo: Offset): Promise<RecordBatch[]> {
    while (true) {
      this.#assertReadable(from);
      const generation = this.#state.generation;
      const segment = segmentOf(this.#state, from);
      const end = Math.min(upTo, segment.endOffset);
      if (from >= end) return [];
      const batches = await this.#inSegment(segment, generation, async () => {
        const found = await segment.reader.read(from, maxBytes, end);
        await checkEpochs(this.#state, segment, found);
        return found;
      });
      if (batches !== null) return batches;
    }
  }

  async batchForTimestamp(timestamp: TimestampMs, upTo: Offset, fromOffset: Offset = 0): Promise<RecordBatch | null> {
    let from = Math.max(fromOffset, this.#state.startOffset);
    while (from < Math.min(upTo, this.#state.writtenOffset)) {
      this.#assertReadable(Math.max(from, this.#state.startOffset));
      from = Math.max(from, this.#state.startOffset);
      const generation = this.#state.generation;
      const segment = segmentOf(this.#state, from);
      const end = Math.min(upTo, segment.endOffset);
      const start = from;
      const found = await this.#inSegment(segment, generation, async () => ({
        batch: segment.maxTimestamp < timestamp ? null : await segment.reader.batchForTimestamp(timestamp, start, end),
      }));
      if (found === null) continue;
      if (found.batch !== null) return found.batch;
      from = segment.endOffset;
    }
    return null;
  }

  /**
   * Runs a read inside one segment. Null: the log was truncated meanwhile, so what was read, or seemed damaged, means
   * nothing. Damage takes the partition offline.
   */
  async #inSegment<Result>(segment: Segment, generation: number, work: () => Promise<Result>): Promise<Result | null> {
    const state = this.#state;
    const { truncations } = state;
    const isStale = (): boolean =>
      generation !== state.generation || truncations !== state.truncations || segment.isRetired;
    try {
      const result = await segment.withReader(work);
      this.#keepOpenSealed(segment);
      return isStale() ? null : result;
    } catch (thrown) {
      if (this.#truncating !== null) await this.#truncating;
      if (isStale() || !state.segments.includes(segment)) return null;
      if (thrown instanceof SentinelError && thrown.code === "storage_error") throw this.#writer.fail(thrown, true);
      // A process without free descriptors, or a device that does not answer: the next read may succeed.
      if (thrown instanceof PlatformError) {
        throw new SentinelError("storage_error", `The log ${state.directory} could not be read: ${thrown.message}`, {
          cause: thrown,
        });
      }
      throw thrown;
    }
  }

  epochAt(offset: Offset): Epoch {
    return offset >= this.#state.endOffset ? this.#state.epochs.latest : this.#state.epochs.epochAt(offset);
  }

  endOffsetForEpoch(epoch: Epoch): Offset | null {
    return this.#state.epochs.endOffsetFor(epoch, this.#state.endOffset);
  }

  async truncateFrom(boundary: Offset): Promise<void> {
    this.#assertWritable();
    const state = this.#state;
    if (boundary < state.startOffset || boundary > state.endOffset) throw outOfRange(this.#state, boundary);
    state.generation += 1;
    const truncation = this.#exclusively(() => this.#truncate(boundary));
    // What readers wait for; a failure is for the caller.
    this.#truncating = truncation.then(ignore, ignore);
    try {
      await truncation;
    } finally {
      this.#truncating = null;
    }
  }

  async #truncate(boundary: Offset): Promise<void> {
    const state = this.#state;
    if (state.failure !== null) throw state.failure;
    if (boundary >= state.endOffset) return;
    const cleanedEnd = state.segments.findLast((segment) => segment.cleaned !== null)?.endOffset ?? 0;
    if (boundary < cleanedEnd) {
      const detail = `${state.directory} is compacted below offset ${cleanedEnd} and cannot be cut at ${boundary}`;
      throw new SentinelError("offset_out_of_range", detail);
    }
    const target = segmentOf(this.#state, boundary);
    await target.openForWriting();
    const position = await target.withReader(() => target.reader.positionOf(boundary));
    if (position === null) {
      throw new SentinelError("offset_out_of_range", `No batch of ${state.directory} starts at offset ${boundary}`);
    }
    try {
      await this.#truncateFiles(target, position, boundary);
      await restoreProducers(state, boundary, state.producers);
    } catch (thrown) {
      throw this.#writer.fail(thrown);
    }
    this.#openSealed.delete(target);
    state.truncations += 1;
    const detail = `The log ${state.directory} was truncated from offset ${boundary}`;
    this.#writer.refuseFrom(boundary, new SentinelError("storage_error", detail));
    assertLogState(state);
  }

  async #truncateFiles(target: Segment, position: number, boundary: Offset): Promise<void> {
    const state = this.#state;
    // Lowered first: a crash in between must find a recovery point that the file reaches.
    const { baseOffset: segmentBaseOffset } = target;
    await this.#writer.writeRecoveryPoint(
      { segmentBaseOffset, position, endOffset: boundary, logStartOffset: state.startOffset, clean: false },
      "both",
    );
    while (activeSegment(state) !== target) {
      const removed = state.segments.pop()!;
      this.#openSealed.delete(removed);
      await removed.remove();
    }
    // Gone with the directory's sync: above the new end other batches will stand.
    await state.snapshots.removeAbove(boundary);
    await target.truncateFrom(position, boundary);
    await target.file.sync();
    await state.disk.syncDirectory(state.directory);
    state.endOffset = state.writtenOffset = boundary;
    state.durableOffset = boundary;
    state.tailCache.truncateFrom(boundary);
    if (state.epochs.truncateFrom(boundary)) await this.#writer.storeEpochs();
  }

  async trimBefore(offset: Offset): Promise<void> {
    this.#assertWritable();
    const state = this.#state;
    if (offset <= state.startOffset) return;
    if (offset > state.endOffset || !Number.isSafeInteger(offset)) throw outOfRange(this.#state, offset);
    await this.#exclusively(async () => {
      if (offset <= state.startOffset) return;
      if (state.failure !== null) throw state.failure;
      if (offset > state.endOffset) throw outOfRange(this.#state, offset);
      try {
        // The log must reach its new start after a power loss too, so all of it is synced first. Both slots: the older
        // one would ask for segments that are removed now.
        const point = await this.#writer.syncToEnd();
        await this.#writer.writeRecoveryPoint({ ...point, logStartOffset: offset }, "both");
        state.startOffset = offset;
        await this.#removeTrimmed();
      } catch (thrown) {
        throw this.#writer.fail(thrown);
      }
      assertLogState(state);
    });
  }

  /** Removes the segments that end at or before the log start. A power loss brings any of them back; recovery removes those. */
  async #removeTrimmed(): Promise<void> {
    const state = this.#state;
    while (state.segments.length > 1 && state.segments[1]!.baseOffset <= state.startOffset) {
      const removed = state.segments.shift()!;
      this.#openSealed.delete(removed);
      await removed.remove();
    }
    await state.snapshots.keepOnly(new Set(state.segments.map(({ baseOffset }) => baseOffset)));
    // The checkpoint that stays knows of more than there is; the next start cuts it.
    if (state.epochs.trimBefore(state.startOffset)) await unlessFull(() => this.#writer.storeEpochs());
  }

  async applyRetention(nowMs: TimestampMs): Promise<number> {
    const state = this.#state;
    if (state.failure !== null || this.#closing !== null) return 0;
    state.producers.expire(state.clock.monotonicMs());
    const { trimTo, freedBytes } = await retentionPoint(state, nowMs, (segment) => this.#newestOf(segment));
    if (this.#closing !== null) return 0;
    if (trimTo > state.startOffset) await this.trimBefore(trimTo);
    return freedBytes;
  }

  async #newestOf(segment: Segment): Promise<TimestampMs | null> {
    if (segment.isRetired || this.#closing !== null) return null;
    return await this.#inSegment(segment, this.#state.generation, () => Promise.resolve(segment.maxTimestamp));
  }

  configure(settings: LogSettings): void {
    this.#state.settings = settings;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const state = this.#state;
    await this.cleaning.stop();
    await this.#exclusively(async () => {
      try {
        if (state.failure === null) await this.#writer.finish();
      } catch (thrown) {
        this.#writer.fail(thrown);
      }
      this.#writer.fail(new SentinelError("storage_error", `The log ${state.directory} is closed`));
      state.offline ??= state.failure;
      state.tailCache.clear();
      state.producers.clear();
      await state.recoveryPointFile.close();
      for (const segment of state.segments) await segment.closeAfterReaders();
    });
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** While segments go or the log ends: nothing is written, synced or swapped beside it. */
  #exclusively(work: () => Promise<void>): Promise<void> {
    return this.#segmentsMutex.run(() => this.#writer.exclusively(work));
  }

  #assertWritable(): void {
    // A truncation decides where the next batch begins; whoever asked for it waits for it before appending.
    assert(this.#truncating === null, () => `${this.#state.directory} is being truncated`);
    if (this.#closing !== null) throw new SentinelError("storage_error", `The log ${this.#state.directory} is closed`);
    if (this.#state.failure !== null) throw this.#state.failure;
  }

  #assertReadable(from: Offset): void {
    const { offline, startOffset, endOffset } = this.#state;
    if (offline !== null) throw offline;
    if (!(from >= startOffset && from <= endOffset && Number.isSafeInteger(from))) throw outOfRange(this.#state, from);
  }

  /** Closes the sealed segments that were not read for the longest time: descriptors and indexes are bounded. */
  #keepOpenSealed(segment: Segment): void {
    // The segment that a truncation is cutting back to is about to be the active one.
    if (segment === activeSegment(this.#state) || segment.isRetired) return;
    if (this.#truncating !== null || this.#closing !== null) return;
    this.#openSealed.delete(segment);
    this.#openSealed.add(segment);
    for (const oldest of this.#openSealed) {
      if (this.#openSealed.size <= LIMITS.sealedSegmentsOpenMax) break;
      if (oldest.hasReaders) continue;
      this.#openSealed.delete(oldest);
      // Nothing is lost with a descriptor that was only read from.
      oldest.unload().catch(ignore);
    }
  }
}

function ignore(): void {}
