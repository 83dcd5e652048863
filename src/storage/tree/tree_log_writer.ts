/**
 * The writing side of a log in a store: a queue of appended batches, one loop that puts them into the store in groups, one
 * sync at a time for all who wait.
 *
 * A group that the store refuses is taken back, with everything behind it. When the store itself has failed, or cannot
 * sync, the log takes no more writes.
 */
import { assert } from "../../base/assert.ts";
import { SentinelError } from "../../base/errors.ts";
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { LogWaiters, type WaitKind } from "../log/log_waiters.ts";
import { notStored, writesEnded } from "../log/write_failures.ts";
import { Mutex } from "../mutex.ts";
import type { LogListener } from "../partition_log.ts";
import { WriteBatch } from "../write_batch.ts";
import { storeProducers } from "./tree_log_bounds.ts";
import type { TreeLogState } from "./tree_log_state.ts";
import { SegmentGrowth } from "./tree_segments.ts";

export class TreeLogWriter {
  readonly #state: TreeLogState;
  readonly #mutex = new Mutex();
  readonly #waiters = new LogWaiters();
  listener: LogListener | null = null;
  #queue: RecordBatch[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #isSyncing = false;
  #syncWanted: Offset = 0;

  constructor(state: TreeLogState) {
    this.#state = state;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queues a batch that has its offset and epoch. */
  append(batch: RecordBatch): void {
    const state = this.#state;
    assert(batch.baseOffset === state.endOffset, () => `batch ${batch.baseOffset} where ${state.endOffset} is due`);
    state.epochs.assign(batch.leaderEpoch, batch.baseOffset);
    state.endOffset = batch.endOffset;
    state.tailCache.append(batch);
    state.producers.append(batch, state.place.clock.monotonicMs());
    this.#queue.push(batch);
    this.#queuedBytes += batch.sizeBytes;
    if (this.#isWriting) return;
    this.#isWriting = true;
    void this.#mutex.run(async () => {
      this.#isWriting = false;
      await this.#writeQueue();
    });
  }

  /** Runs `work` while nothing is written; all that was queued before is. The log may have failed by then. */
  async exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return await this.#mutex.run(async () => {
      await this.#writeQueue();
      return await work();
    });
  }

  requestFlush(): void {
    this.#syncWanted = this.#state.endOffset;
    this.#kickSync();
  }

  /** Resolves when all that is appended now has come so far. */
  wait(kind: WaitKind): Promise<void> {
    const { failure, durableOffset, writtenOffset, endOffset } = this.#state;
    if (failure !== null) return Promise.reject(failure);
    if ((kind === "durable" ? durableOffset : writtenOffset) >= endOffset) return Promise.resolve();
    if (kind === "durable") this.#syncWanted = endOffset;
    const waited = this.#waiters.wait(kind, endOffset);
    this.#kickSync();
    return waited;
  }

  /** Everyone who waits for something at or above `offset` hears that it was taken away. */
  refuseFrom(offset: Offset, error: SentinelError): void {
    this.#syncWanted = Math.min(this.#syncWanted, offset);
    this.#waiters.refuseFrom(offset, error);
  }

  /** Takes no more writes. Everyone who waits hears of it. */
  fail(thrown: unknown): SentinelError {
    const state = this.#state;
    if (state.failure !== null) return state.failure;
    state.failure = writesEnded(state.place.name, thrown);
    this.#takeBack();
    this.#waiters.refuseFrom(-1, state.failure);
    this.listener?.onFailure(state.failure);
    return state.failure;
  }

  /** Tells everyone who waits how far the log is now. */
  settle(): void {
    const { writtenOffset, durableOffset } = this.#state;
    this.#waiters.settle({ written: writtenOffset, durable: durableOffset });
    this.listener?.onProgress();
  }

  async #writeQueue(): Promise<void> {
    const { store } = this.#state.place;
    while (this.#queue.length > 0 && this.#state.failure === null) {
      try {
        await this.#writeGroup(this.#takeGroup());
      } catch (thrown) {
        if (store.failure !== null) this.fail(store.failure);
        else this.#cutBack(thrown);
      }
    }
  }

  #takeGroup(): RecordBatch[] {
    let count = 1;
    let bytes = this.#queue[0]!.sizeBytes;
    while (count < this.#queue.length) {
      bytes += this.#queue[count]!.sizeBytes;
      if (bytes > LIMITS.logWriteBytesMax) break;
      count += 1;
    }
    return this.#queue.slice(0, count);
  }

  /** The batches and the state that they make, together or not at all. */
  async #writeGroup(group: readonly RecordBatch[]): Promise<void> {
    const state = this.#state;
    const endOffset = group.at(-1)!.endOffset;
    const write = new WriteBatch();
    const growth = new SegmentGrowth(state.segments, state.settings, state.keys);
    let bytes = 0;
    for (const batch of group) {
      write.put(state.keys.batch(batch.lastOffset), batch.bytes);
      growth.add(batch, write);
      bytes += batch.sizeBytes;
    }
    write.put(state.keys.state, state.encode({ endOffset, active: growth.active }));
    await state.place.store.write(write);
    // A sync that failed meanwhile has emptied the queue.
    if (state.failure !== null) return;
    this.#queue.splice(0, group.length);
    // The store has copied them.
    for (const batch of group) batch.lease?.release();
    this.#queuedBytes -= bytes;
    state.segments.adopt(growth);
    state.bytesAboveSnapshot += bytes;
    state.writtenOffset = endOffset;
    state.producers.noteWritten(endOffset);
    this.settle();
    this.#kickSync();
    await this.#maybeStoreProducers();
  }

  /** A start after a crash reads what is above the snapshot. */
  async #maybeStoreProducers(): Promise<void> {
    const { settings, bytesAboveSnapshot, place } = this.#state;
    if (bytesAboveSnapshot < Math.min(settings.segmentBytes, LIMITS.producerSnapshotBytesMax)) return;
    try {
      await storeProducers(this.#state);
    } catch (thrown) {
      // Where there was no room for it, the next group tries again.
      if (place.store.failure !== null) throw thrown;
      if (!(thrown instanceof SentinelError)) throw thrown;
    }
  }

  /** What could not be stored is taken back; it goes on when there is room. */
  #cutBack(thrown: unknown): void {
    const state = this.#state;
    const error = thrown instanceof SentinelError ? thrown : notStored(state.place.name, thrown);
    this.#takeBack();
    state.generation += 1;
    this.#waiters.refuseFrom(state.endOffset, error);
    this.listener?.onCutBack(state.endOffset, error);
  }

  #takeBack(): void {
    const state = this.#state;
    state.endOffset = state.writtenOffset;
    state.epochs.truncateFrom(state.endOffset);
    state.tailCache.truncateFrom(state.endOffset);
    state.producers.cutBackTo(state.endOffset);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#syncWanted = Math.min(this.#syncWanted, state.endOffset);
  }

  #kickSync(): void {
    const { failure, durableOffset, writtenOffset } = this.#state;
    if (this.#isSyncing || failure !== null) return;
    if (this.#syncWanted > durableOffset && writtenOffset > durableOffset) void this.#sync();
  }

  async #sync(): Promise<void> {
    const state = this.#state;
    this.#isSyncing = true;
    const { writtenOffset, truncations } = state;
    try {
      await state.place.store.sync();
      // What a truncation has left meanwhile is durable by its own syncs.
      if (truncations === state.truncations) state.durableOffset = Math.max(state.durableOffset, writtenOffset);
      this.settle();
    } catch (thrown) {
      // What the store holds in memory may never be durable: this log must not go on as if it were.
      this.fail(thrown);
    }
    this.#isSyncing = false;
    this.#kickSync();
  }
}
