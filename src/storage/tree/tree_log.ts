/**
 * A partition's log in a key-value store (design D6): each batch is a value, and the log's state goes into the same atomic
 * write. One store serves all partitions of a node, so that one write-ahead log and one sync serve them all.
 *
 * Written means that the store has taken it; durable, that the store has synced it: with a tree in mode `always` both are
 * the same.
 */
import { assert } from "../../base/assert.ts";
import { asSentinelError, PlatformError, SentinelError } from "../../base/errors.ts";
import type { Epoch, Offset, TimestampMs } from "../../base/ids.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { LeaderEpochs } from "../log/leader_epochs.ts";
import { LogCleaner } from "../log/log_cleaner.ts";
import { retentionPoint } from "../log/retention_point.ts";
import type { FlushResult, LogListener, LogSettings, PartitionLog, ReadOptions } from "../partition_log.ts";
import type { ProducerStates } from "../producer_states.ts";
import { PartitionKeys } from "./partition_keys.ts";
import { decodePartitionState, type StoredState } from "./partition_state.ts";
import { TreeCleaning } from "./tree_cleaning.ts";
import { cutAt, cutOf, recoverBounds, storeProducers, trimTo } from "./tree_log_bounds.ts";
import { type TreeLogBudgets, type TreeLogPlace, TreeLogState } from "./tree_log_state.ts";
import { TreeLogWriter } from "./tree_log_writer.ts";
import { emptySegment, type TreeSegment } from "./tree_segment.ts";

const NEW_LOG: Omit<StoredState, "epochs"> = {
  startOffset: 0,
  endOffset: 0,
  cleanOffset: 0,
  cleanedEnd: 0,
  removedTo: 0,
  active: emptySegment(0),
  isOld: false,
};

export class TreeLog implements PartitionLog {
  readonly #state: TreeLogState;
  readonly #writer: TreeLogWriter;
  readonly cleaning: LogCleaner<TreeSegment>;
  #isTruncating = false;
  #closing: Promise<void> | null = null;

  private constructor(state: TreeLogState) {
    this.#state = state;
    this.#writer = new TreeLogWriter(state);
    this.cleaning = new LogCleaner(new TreeCleaning(state, this.#writer));
  }

  /** Opens a partition's log, a new one when the store has nothing of it. Fails with `storage_error` when it is damaged. */
  static async open(place: TreeLogPlace, settings: LogSettings, budgets: TreeLogBudgets): Promise<TreeLog> {
    const bytes = await place.store.get(new PartitionKeys(place.topicId, place.partition).state);
    const stored = bytes === null ? { ...NEW_LOG, epochs: new LeaderEpochs() } : decodePartitionState(bytes);
    if (stored === null) throw new SentinelError("storage_error", `The state of ${place.name} in the store is damaged`);
    const state = new TreeLogState(place, settings, budgets, stored);
    await recoverBounds(state, stored.isOld);
    return new TreeLog(state);
  }

  /** Removes everything of a partition from the store. Durable when it resolves. */
  static async remove({ store, topicId, partition }: TreeLogPlace): Promise<void> {
    await store.deleteRange(new PartitionKeys(topicId, partition).all);
    await store.sync();
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

  get sizeBytes(): number {
    return this.#state.segments.sizeBytes;
  }

  get pendingBytes(): number {
    return this.#writer.queuedBytes;
  }

  get producers(): ProducerStates {
    return this.#state.producers;
  }

  get failure(): SentinelError | null {
    return this.#state.failure;
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

  async flush(): Promise<FlushResult> {
    await this.#writer.wait("durable");
    const { generation, durableOffset, endOffset, epochs } = this.#state;
    const epoch = durableOffset === endOffset ? epochs.latest : epochs.epochAt(durableOffset - 1);
    return { generation, epoch, endOffset: durableOffset };
  }

  requestFlush(): void {
    this.#writer.requestFlush();
  }

  flushToSystem(): Promise<void> {
    return this.#writer.wait("written");
  }

  read(from: Offset, { maxBytes, upTo }: ReadOptions): RecordBatch[] | Promise<RecordBatch[]> {
    this.#assertReadable(from);
    const end = Math.min(upTo, this.#state.endOffset);
    if (from >= end) return [];
    return this.#state.tailCache.read(from, maxBytes, end) ?? this.#readStored(from, maxBytes, end);
  }

  async #readStored(from: Offset, maxBytes: number, upTo: Offset): Promise<RecordBatch[]> {
    const state = this.#state;
    while (true) {
      const { generation, truncations } = state;
      const found: RecordBatch[] = [];
      let bytes = 0;
      await state.stored.forEach(from, Math.min(upTo, state.writtenOffset), (batch) => {
        if (batch.endOffset > upTo || (bytes > 0 && bytes + batch.sizeBytes > maxBytes)) return false;
        found.push(batch);
        bytes += batch.sizeBytes;
        return bytes < maxBytes;
      });
      this.#assertReadable(from);
      // A read that crosses a truncation may have seen what is gone.
      if (generation === state.generation && truncations === state.truncations) return found;
    }
  }

  async batchForTimestamp(timestamp: TimestampMs, upTo: Offset, fromOffset: Offset = 0): Promise<RecordBatch | null> {
    const state = this.#state;
    while (true) {
      const { generation, truncations } = state;
      this.#assertReadable(Math.min(Math.max(fromOffset, state.startOffset), state.endOffset));
      const found = await this.#findByTime(timestamp, upTo, fromOffset);
      // A search that crosses a truncation may have seen what is gone, or trusted what was said of it.
      if (generation === state.generation && truncations === state.truncations) return found;
    }
  }

  /** Goes by segments, whose newest times are known, and inside one by the index. */
  async #findByTime(timestamp: TimestampMs, upTo: Offset, fromOffset: Offset): Promise<RecordBatch | null> {
    const state = this.#state;
    for (const segment of state.segments.all) {
      if (segment.maxTimestamp < timestamp || segment.endOffset <= fromOffset) continue;
      if (segment.baseOffset >= Math.min(upTo, state.writtenOffset)) break;
      const indexed = await state.times.offsetBefore(segment.baseOffset, timestamp);
      const from = Math.max(fromOffset, state.startOffset, segment.baseOffset, indexed ?? 0);
      const end = Math.min(upTo, state.writtenOffset, segment.endOffset);
      if (from >= end) continue;
      let found: RecordBatch | null = null;
      await state.stored.forEach(from, end, (batch) => {
        if (batch.maxTimestamp >= timestamp && batch.recordCount > 0) found = batch;
        return found === null;
      });
      if (found !== null) return found;
    }
    return null;
  }

  epochAt(offset: Offset): Epoch {
    const { endOffset, epochs } = this.#state;
    return offset >= endOffset ? epochs.latest : epochs.epochAt(offset);
  }

  endOffsetForEpoch(epoch: Epoch): Offset | null {
    return this.#state.epochs.endOffsetFor(epoch, this.#state.endOffset);
  }

  async truncateFrom(boundary: Offset): Promise<void> {
    this.#assertWritable();
    const state = this.#state;
    if (boundary < state.startOffset || boundary > state.endOffset) throw state.outOfRange(boundary);
    state.generation += 1;
    this.#isTruncating = true;
    try {
      await this.#writer.exclusively(async () => {
        if (state.failure !== null) throw state.failure;
        if (boundary >= state.endOffset) return;
        const { name } = state.place;
        if (boundary < state.cleanedEnd) {
          const detail = `${name} is compacted below offset ${state.cleanedEnd} and cannot be cut at ${boundary}`;
          throw new SentinelError("offset_out_of_range", detail);
        }
        const cut = await cutOf(state, boundary);
        if (cut === null) {
          throw new SentinelError("offset_out_of_range", `No batch of ${name} starts at offset ${boundary}`);
        }
        await this.#orThrow(() => cutAt(state, boundary, cut, (work) => this.#orFail(work)));
        const detail = `The log ${name} was truncated from offset ${boundary}`;
        this.#writer.refuseFrom(boundary, new SentinelError("storage_error", detail));
      });
    } finally {
      this.#isTruncating = false;
    }
  }

  async trimBefore(offset: Offset): Promise<void> {
    this.#assertWritable();
    const state = this.#state;
    if (offset <= state.startOffset) return;
    if (offset > state.endOffset || !Number.isSafeInteger(offset)) throw state.outOfRange(offset);
    await this.#writer.exclusively(async () => {
      if (state.failure !== null) throw state.failure;
      if (offset > state.endOffset) throw state.outOfRange(offset);
      if (offset <= state.startOffset) return;
      await this.#orThrow(() => trimTo(state, offset));
      this.#writer.settle();
    });
  }

  async applyRetention(nowMs: TimestampMs): Promise<number> {
    if (this.#state.failure !== null || this.#closing !== null) return 0;
    const { settings, segments, startOffset, producers, place } = this.#state;
    producers.expire(place.clock.monotonicMs());
    const log = { settings, segments: segments.all, startOffset };
    const { trimTo: offset, freedBytes } = await retentionPoint(log, nowMs, async ({ maxTimestamp }) => maxTimestamp);
    if (this.#closing !== null) return 0;
    await this.trimBefore(offset);
    return freedBytes;
  }

  configure(settings: LogSettings): void {
    this.#state.settings = settings;
  }

  /** The store stays open: it is others' too. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.cleaning.stop();
    await this.#writer.exclusively(() => this.#finish());
  }

  async #finish(): Promise<void> {
    const state = this.#state;
    try {
      if (state.failure === null && state.bytesAboveSnapshot > 0) await storeProducers(state);
      if (state.failure === null) {
        await state.place.store.sync();
        state.durableOffset = state.writtenOffset;
        this.#writer.settle();
      }
    } catch (thrown) {
      this.#writer.fail(thrown);
    }
    this.#writer.fail(state.closedError());
    state.tailCache.clear();
    state.producers.clear();
  }

  /** A failure is final: what the log knows in memory is ahead of what the store holds. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw this.#writer.fail(thrown);
    }
  }

  /** A store that has no room now, or cannot read a table, has changed nothing: the log goes on as it was. */
  async #orThrow(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const isRefused = thrown instanceof SentinelError || thrown instanceof PlatformError;
      if (this.#state.place.store.failure !== null || !isRefused) throw this.#writer.fail(thrown);
      throw asSentinelError(thrown);
    }
  }

  #assertWritable(): void {
    assert(!this.#isTruncating, () => `${this.#state.place.name} is being truncated`);
    if (this.#closing !== null) throw this.#state.closedError();
    if (this.#state.failure !== null) throw this.#state.failure;
  }

  #assertReadable(from: Offset): void {
    const { startOffset, endOffset } = this.#state;
    if (this.#closing !== null) throw this.#state.closedError();
    if (!(from >= startOffset && from <= endOffset && Number.isSafeInteger(from))) throw this.#state.outOfRange(from);
  }
}
