/**
 * A partition with one replica: it commits what has reached its durability level here (design D6). It never exposes an
 * offset before the record is stored (seed-K2), and an append that fails leaves no hole (seed-K3).
 */
import type { Epoch, Offset, PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import { assert } from "../base/assert.ts";
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { LogListener, PartitionLog } from "../storage/partition_log.ts";
import type { ProducerBatch, ProducerState } from "../storage/producer_states.ts";
import type { Scrubbing } from "../storage/scrubbing.ts";
import type { CleaningBounds } from "../storage/log_cleaning.ts";
import type { Replica, ReplicaAppend, ReplicaCleaning, ReplicaSettings } from "./replica.ts";

/** The only epoch of a partition that never had another leader. */
const FIRST_EPOCH: Epoch = 0;

interface Waiter {
  readonly first: Offset;
  readonly endOffset: Offset;
  readonly resolve: () => void;
  readonly reject: (error: SentinelError) => void;
}

export interface LocalReplicaOptions {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly clock: Clock;
  readonly settings: ReplicaSettings;
  /** For durability `interval`: how long appended records may stay unsynced. */
  readonly flushIntervalMs: number;
}

export class LocalReplica implements Replica, LogListener {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly onAdvance = new Set<() => void>();
  readonly cleaning: ReplicaCleaning | null;
  readonly scrubbing: Scrubbing | null;
  readonly #log: PartitionLog;
  readonly #clock: Clock;
  readonly #flushIntervalMs: number;
  #settings: ReplicaSettings;
  #highWatermark: Offset;
  /** Unacknowledged appends in offset order; the first ones are settled first. */
  #waiters: Waiter[] = [];
  #roomWaiters: Waiter[] = [];
  #flushTimer: Cancel | null = null;
  /** Why the log was closed, which is what everyone hears from then on. */
  #closed: SentinelError | null = null;

  constructor(log: PartitionLog, options: LocalReplicaOptions) {
    this.#log = log;
    this.topic = options.topic;
    this.partition = options.partition;
    this.#clock = options.clock;
    this.#flushIntervalMs = options.flushIntervalMs;
    this.#settings = options.settings;
    // What recovery kept is synced, so it is committed whatever the level.
    this.#highWatermark = log.durableOffset;
    log.listener = this;
    this.scrubbing = log.scrubbing ?? null;
    const { cleaning } = log;
    this.cleaning = cleaning === undefined ? null : {
      need: (nowMs) => cleaning.need(this.#cleaningBounds(nowMs)),
      clean: (nowMs, tools) => cleaning.clean(this.#cleaningBounds(nowMs), tools),
    };
  }

  get highWatermark(): Offset {
    return this.#highWatermark;
  }

  get startOffset(): Offset {
    return this.#log.startOffset;
  }

  get endOffset(): Offset {
    return this.#log.endOffset;
  }

  get epoch(): Epoch {
    return FIRST_EPOCH;
  }

  get sizeBytes(): number {
    return this.#log.sizeBytes;
  }

  get failure(): SentinelError | null {
    return this.#log.failure;
  }

  waitForRoom(): Promise<void> | null {
    if (this.#roomWaiters.length === 0 && this.#log.pendingBytes <= LIMITS.logPendingBytesMax) return null;
    if (this.#roomWaiters.length >= LIMITS.produceWaitsMax) {
      return Promise.reject(
        new SentinelError(
          "overloaded",
          `${this.#roomWaiters.length} produce requests wait for ${this.topic}-${this.partition}, which is the limit`,
        ),
      );
    }
    return new Promise((resolve, reject) => this.#roomWaiters.push({ first: 0, endOffset: 0, resolve, reject }));
  }

  append(batches: readonly RecordBatch[]): ReplicaAppend {
    if (this.#closed !== null) throw this.#closed;
    const original = this.#originalOf(batches);
    if (original !== null) return { first: original.baseOffset, acknowledged: this.#settled(original), original };
    const first = this.#log.endOffset;
    let endOffset = first;
    for (const batch of batches) endOffset = this.#log.appendAsLeader(batch, FIRST_EPOCH).endOffset;
    const acknowledged = new Promise<void>((resolve, reject) =>
      this.#waiters.push({ first, endOffset, resolve, reject })
    );
    if (this.#settings.durability === "fsync") this.#log.requestFlush();
    else if (this.#settings.durability === "interval") this.#flushLater();
    return { first, acknowledged };
  }

  endOfEpoch(epoch: Epoch): { readonly epoch: Epoch; readonly endOffset: Offset } | null {
    if (this.#closed !== null) throw this.#closed;
    const { endOffset, startOffset } = this.#log;
    // A log in which nothing is written knows no epoch yet, but its leader does.
    const latest = Math.max(this.#log.epochAt(endOffset), FIRST_EPOCH);
    if (epoch >= latest) return epoch === latest ? { epoch, endOffset } : null;
    for (let known = epoch; known >= 0; known -= 1) {
      const end = this.#log.endOffsetForEpoch(known);
      if (end !== null) return { epoch: known, endOffset: end };
    }
    return { epoch, endOffset: startOffset };
  }

  epochAt(offset: Offset): Epoch {
    return this.#log.epochAt(offset);
  }

  producer(producerId: ProducerId): ProducerState | null {
    return this.#log.producers.get(producerId, this.#clock.monotonicMs());
  }

  producers(): readonly ProducerState[] {
    return this.#log.producers.active(this.#clock.monotonicMs());
  }

  read(from: Offset, maxBytes: number): RecordBatch[] | Promise<RecordBatch[]> {
    if (this.#closed !== null) throw this.#closed;
    return this.#log.read(from, { maxBytes, upTo: this.#highWatermark });
  }

  async batchForTimestamp(timestamp: TimestampMs, from?: Offset): Promise<RecordBatch | null> {
    if (this.#closed !== null) throw this.#closed;
    return await this.#log.batchForTimestamp(timestamp, this.#highWatermark, from);
  }

  trimBefore(offset: Offset): Promise<void> {
    return this.#log.trimBefore(offset);
  }

  applyRetention(nowMs: TimestampMs): Promise<number> {
    return this.#log.applyRetention(nowMs);
  }

  configure(settings: ReplicaSettings): void {
    this.#settings = settings;
    this.#log.configure(settings.log);
    // A stricter level counts for what is under way too, and a laxer one settles what waited for a sync.
    this.#log.requestFlush();
    this.onProgress();
  }

  async close(reason: SentinelError): Promise<void> {
    this.#closed ??= reason;
    this.#flushTimer?.();
    this.#flushTimer = null;
    // What is appended is still stored and acknowledged: a stop loses nothing that the log can keep.
    try {
      await this.#log.close();
    } finally {
      this.#rejectAll(reason);
      this.#notify();
    }
  }

  // -- What the log tells -------------------------------------------------------------------------------------------

  onProgress(): void {
    const reached = this.#reached;
    if (this.#roomWaiters.length > 0 && this.#log.pendingBytes <= LIMITS.logPendingBytesMax / 2) {
      for (const waiter of this.#roomWaiters.splice(0)) waiter.resolve();
    }
    let settled = 0;
    while (settled < this.#waiters.length && this.#waiters[settled]!.endOffset <= reached) {
      this.#waiters[settled]!.resolve();
      settled += 1;
    }
    this.#waiters.splice(0, settled);
    if (reached <= this.#highWatermark) return;
    this.#highWatermark = reached;
    this.#notify();
  }

  onCutBack(endOffset: Offset, error: SentinelError): void {
    const refused = this.#waiters.filter((waiter) => waiter.endOffset > endOffset);
    this.#waiters = this.#waiters.filter((waiter) => waiter.endOffset <= endOffset);
    for (const waiter of refused) {
      waiter.reject(waiter.first < endOffset ? storedInPart(waiter, endOffset, error) : error);
    }
    for (const waiter of this.#roomWaiters.splice(0)) waiter.resolve();
  }

  onFailure(error: SentinelError): void {
    this.#rejectAll(this.#closed ?? error);
    this.#notify();
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** Without transactions everything that is committed is stable. */
  #cleaningBounds(nowMs: TimestampMs): CleaningBounds {
    return { nowMs, upTo: this.#highWatermark, abortedTransactions: [] };
  }

  /** Up to where an acknowledgement may be given at the level that is asked for now. */
  get #reached(): Offset {
    return this.#settings.durability === "fsync" ? this.#log.durableOffset : this.#log.writtenOffset;
  }

  /** The batch in the log that this one is a retry of, or null: append it. */
  #originalOf(batches: readonly RecordBatch[]): ProducerBatch | null {
    const batch = batches[0]!;
    if (!batch.hasProducerId) return null;
    assert(batches.length === 1, () => `${batches.length} batches of producer ${batch.producerId} at once`);
    // A log that has failed does not know which of its batches are there.
    if (this.#log.failure !== null) throw this.#log.failure;
    const verdict = this.#log.producers.check(batch, this.#clock.monotonicMs());
    if (verdict.kind === "duplicate") return verdict.original;
    if (verdict.kind === "append") return null;
    throw new SentinelError(verdict.code, `${this.topic}-${this.partition}: ${verdict.detail}`);
  }

  /** A retry is acknowledged when its original is, and fails with it: that may be appended, and still be taken back. */
  #settled({ baseOffset: first, lastOffset }: ProducerBatch): Promise<void> {
    const endOffset = lastOffset + 1;
    if (endOffset <= this.#reached) return Promise.resolve();
    return new Promise((resolve, reject) => {
      // Waiters stand in the order of their ends: the first ones are settled first.
      let at = this.#waiters.length;
      while (at > 0 && this.#waiters[at - 1]!.endOffset > endOffset) at -= 1;
      this.#waiters.splice(at, 0, { first, endOffset, resolve, reject });
    });
  }

  #flushLater(): void {
    this.#flushTimer ??= this.#clock.after(this.#flushIntervalMs, () => {
      this.#flushTimer = null;
      this.#log.requestFlush();
    });
  }

  #rejectAll(error: SentinelError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
    for (const waiter of this.#roomWaiters.splice(0)) waiter.reject(error);
  }

  #notify(): void {
    for (const advanced of [...this.onAdvance]) advanced();
  }
}

/** A run of several batches of which the first are stored and will be seen: "not stored" would be wrong. */
function storedInPart({ first, endOffset }: Waiter, cutOffset: Offset, error: SentinelError): SentinelError {
  const stored = cutOffset - first;
  const detail = `The first ${stored} of ${
    endOffset - first
  } records are stored, at offset ${first}; for the others: ${error.message}`;
  return new SentinelError(error.code, detail, { facts: { first, stored }, cause: error });
}
