/**
 * The newest batches of a log, kept in memory: readers that follow the end touch no file and wait for no promise
 * (design D11). A batch's memory is held while it is here, and once for each read that gave it out: a reader that can
 * tell when it is done releases it, any other one never does.
 */
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import { RecordBatch } from "../../records/record_batch.ts";

/** A batch that is a smaller part of its buffer is copied: a view would keep the whole buffer for it. */
const SHARE_MIN = 0.2;

/**
 * A batch with the memory that goes with it. A buffer counts whole, once for batches of it that follow each other (those
 * of frames that came in one read), and goes with the last of them.
 */
interface CachedBatch {
  readonly batch: RecordBatch;
  heldBytes: number;
}

/** All tail caches of a broker together. The log that was not appended to for the longest time gives way first. */
export class TailCacheBudget {
  readonly bytesMax: number;
  usedBytes = 0;
  /** In the order of their last append. */
  readonly #caches = new Set<TailCache>();

  constructor(bytesMax: number = LIMITS.brokerTailCacheBytesMax) {
    this.bytesMax = bytesMax;
  }

  noteAppend(cache: TailCache, bytes: number): void {
    this.usedBytes += bytes;
    this.#caches.delete(cache);
    this.#caches.add(cache);
    for (const oldest of this.#caches) {
      if (this.usedBytes <= this.bytesMax) break;
      oldest.evict(this.usedBytes - this.bytesMax);
      if (oldest.isEmpty) this.#caches.delete(oldest);
    }
  }

  forget(cache: TailCache): void {
    this.#caches.delete(cache);
  }
}

export class TailCache {
  readonly #budget: TailCacheBudget;
  readonly #bytesMax: number;
  /** Contiguous; a ring would save the shifts, which cost less than one map entry per batch. */
  #batches: CachedBatch[] = [];
  /** Index of the first batch that still counts: evicting one by one must not move the rest each time. */
  #first = 0;
  #bytes = 0;

  constructor(budget: TailCacheBudget, bytesMax: number = LIMITS.tailCacheBytesMax) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#first === this.#batches.length;
  }

  /** The first offset that is here, or null. */
  get startOffset(): Offset | null {
    return this.#batches[this.#first]?.batch.baseOffset ?? null;
  }

  append(batch: RecordBatch): void {
    const { bytes } = batch;
    const before = this.isEmpty ? undefined : this.#batches.at(-1);
    let heldBytes = bytes.buffer.byteLength;
    let addedBytes = heldBytes;
    let kept = batch;
    if (before !== undefined && before.batch.bytes.buffer === bytes.buffer) {
      before.heldBytes = addedBytes = 0;
    } else if (bytes.length < heldBytes * SHARE_MIN) {
      kept = new RecordBatch(bytes.slice());
      heldBytes = addedBytes = bytes.length;
    }
    kept.lease?.hold();
    this.#batches.push({ batch: kept, heldBytes });
    this.#bytes += addedBytes;
    this.#budget.noteAppend(this, addedBytes);
    if (this.#bytes > this.#bytesMax) this.evict(this.#bytes - this.#bytesMax);
  }

  /**
   * Whole batches from the one that contains `from` up to `maxBytes` and below `upTo`; null when `from` is not here. Their
   * leases are held for the caller.
   */
  read(from: Offset, maxBytes: number, upTo: Offset): RecordBatch[] | null {
    const startOffset = this.startOffset;
    if (startOffset === null || from < startOffset) return null;
    let low = this.#first;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#batches[middle]!.batch.lastOffset < from) low = middle + 1;
      else high = middle;
    }
    const found: RecordBatch[] = [];
    let bytes = 0;
    for (let at = low; at < this.#batches.length; at += 1) {
      const { batch } = this.#batches[at]!;
      if (batch.endOffset > upTo || (bytes > 0 && bytes + batch.sizeBytes > maxBytes)) break;
      bytes += batch.sizeBytes;
      batch.lease?.hold();
      found.push(batch);
    }
    return found;
  }

  /** Drops the oldest batches until at least `bytes` of memory are free, or all. */
  evict(bytes: number): void {
    let freed = 0;
    let first = this.#first;
    for (; freed < bytes && first < this.#batches.length; first += 1) freed += this.#batches[first]!.heldBytes;
    this.#dropTo(first, freed);
  }

  /** Drops the batches that end at or before `offset`: compaction has written them anew. */
  dropBefore(offset: Offset): void {
    let freed = 0;
    let first = this.#first;
    for (; first < this.#batches.length && this.#batches[first]!.batch.endOffset <= offset; first += 1) {
      freed += this.#batches[first]!.heldBytes;
    }
    this.#dropTo(first, freed);
  }

  #dropTo(first: number, freed: number): void {
    for (let at = this.#first; at < first; at += 1) this.#batches[at]!.batch.lease?.release();
    this.#first = first;
    this.#release(freed);
    if (this.#first === this.#batches.length) {
      this.#batches = [];
      this.#first = 0;
    } else if (this.#first > 64 && this.#first * 2 > this.#batches.length) {
      this.#batches.splice(0, this.#first);
      this.#first = 0;
    } else {
      // The dropped batches' slots must not keep their bytes alive.
      for (let at = this.#first - 1; at >= 0 && this.#batches[at] !== EVICTED; at -= 1) this.#batches[at] = EVICTED;
    }
  }

  truncateFrom(offset: Offset): void {
    let freed = 0;
    while (!this.isEmpty && this.#batches.at(-1)!.batch.endOffset > offset) {
      const { batch, heldBytes } = this.#batches.pop()!;
      batch.lease?.release();
      const before = this.isEmpty ? undefined : this.#batches.at(-1)!;
      if (before !== undefined && before.batch.bytes.buffer === batch.bytes.buffer) before.heldBytes = heldBytes;
      else freed += heldBytes;
    }
    this.#release(freed);
  }

  clear(): void {
    this.#dropTo(this.#batches.length, this.#bytes);
    this.#budget.forget(this);
  }

  #release(bytes: number): void {
    this.#bytes -= bytes;
    this.#budget.usedBytes -= bytes;
  }
}

const EVICTED: CachedBatch = { batch: new RecordBatch(new Uint8Array(61)), heldBytes: 0 };
