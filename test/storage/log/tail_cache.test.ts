import assert from "node:assert/strict";
import { test } from "node:test";
import { Lease } from "../../../src/bytes/lease.ts";
import { RecordBatch } from "../../../src/records/record_batch.ts";
import { TailCache, TailCacheBudget } from "../../../src/storage/log/tail_cache.ts";
import { batchOf } from "../log_fixture.ts";

const at = (offset: number, valueBytes = 20): RecordBatch => {
  const batch = batchOf(offset, { valueBytes });
  batch.stamp(offset, 0);
  return batch;
};

test("a cache holds the newest batches up to its bound and answers only for what it holds", () => {
  const sizeBytes = at(0).sizeBytes;
  const budget = new TailCacheBudget(1_000_000);
  const cache = new TailCache(budget, 5 * sizeBytes);
  for (let offset = 0; offset < 300; offset++) {
    cache.append(at(offset));
    assert.equal(cache.startOffset, Math.max(0, offset - 4));
    assert.ok(budget.usedBytes <= 5 * sizeBytes);
  }
  assert.equal(cache.read(294, 1, 300), null);
  assert.deepEqual(cache.read(295, 2 * sizeBytes, 300)!.map((batch) => batch.baseOffset), [295, 296]);
  assert.deepEqual(cache.read(298, 1_000, 299)!.map((batch) => batch.baseOffset), [298]);
  cache.truncateFrom(297);
  assert.deepEqual(cache.read(295, 1_000, 300)!.length, 2);
  cache.clear();
  assert.equal(budget.usedBytes, 0);
  assert.equal(cache.read(299, 1, 300), null);
});

test("all caches together stay within the broker's budget; the one that was idle longest gives way", () => {
  const sizeBytes = at(0).sizeBytes;
  const budget = new TailCacheBudget(10 * sizeBytes);
  const caches = Array.from({ length: 4 }, () => new TailCache(budget, 5 * sizeBytes));
  for (let offset = 0; offset < 5; offset++) {
    for (const cache of caches) cache.append(at(offset));
    assert.ok(budget.usedBytes <= 10 * sizeBytes);
  }
  for (let offset = 5; offset < 15; offset++) caches[0]!.append(at(offset));
  assert.equal(caches[0]!.startOffset, 10);
  caches[0]!.append(at(15, 2_000));
  assert.ok(budget.usedBytes <= 10 * sizeBytes);
});

test("a batch that is a small part of its buffer is copied, so that the buffer can go", () => {
  const budget = new TailCacheBudget();
  const cache = new TailCache(budget);
  const frame = new Uint8Array(100_000);
  const batch = at(0);
  frame.set(batch.bytes, 500);
  cache.append(new RecordBatch(frame.subarray(500, 500 + batch.sizeBytes)));
  assert.equal(cache.read(0, 1, 1)![0]!.bytes.buffer.byteLength, batch.sizeBytes);
});

test("batches of one buffer are views of it, and it counts once and whole until the last of them goes", () => {
  const sizeBytes = at(0, 1_000).sizeBytes;
  const bufferBytes = 4 * sizeBytes;
  const budget = new TailCacheBudget(1_000_000);
  const cache = new TailCache(budget, 2 * bufferBytes);
  let chunk = new Uint8Array(bufferBytes);
  const appendView = (offset: number) => {
    const start = (offset % 4) * sizeBytes;
    if (start === 0) chunk = new Uint8Array(bufferBytes);
    chunk.set(at(offset, 1_000).bytes, start);
    cache.append(new RecordBatch(chunk.subarray(start, start + sizeBytes)));
  };
  for (let offset = 0; offset < 40; offset++) {
    appendView(offset);
    // What is held, by the buffers themselves.
    const kept = cache.read(cache.startOffset!, Infinity, offset + 1)!;
    assert.equal(kept.at(-1)!.bytes.buffer, chunk.buffer);
    const buffers = new Set(kept.map((batch) => batch.bytes.buffer));
    assert.equal(budget.usedBytes, buffers.size * bufferBytes, `${offset}`);
    assert.ok(buffers.size <= 2);
    assert.equal(cache.startOffset, Math.max(0, offset - offset % 4 - 4));
  }
  cache.truncateFrom(38);
  assert.equal(budget.usedBytes, 2 * bufferBytes);
  cache.truncateFrom(36);
  assert.equal(budget.usedBytes, bufferBytes);
  cache.append(at(36));
  cache.evict(1);
  assert.equal(cache.startOffset, 36);
  assert.equal(budget.usedBytes, at(36).sizeBytes);
  cache.evict(1);
  assert.equal(budget.usedBytes, 0);
});

interface Lent {
  readonly batch: RecordBatch;
  /** Releases what others hold, and says whether the memory may be used again now. Once. */
  readonly isOver: () => boolean;
  readonly hasEnded: () => boolean;
}

/** A batch in memory that is used again. */
function lent(offset: number): Lent {
  const batch = at(offset, 1_000);
  let isOver = false;
  const lease = new Lease(() => isOver = true);
  batch.lieIn(lease);
  // Two holds are of others here: the frame's, and the writer's, which takes the batch's own.
  const append = (): void => {
    lease.release();
    lease.release();
  };
  return { batch, isOver: () => (append(), isOver), hasEnded: () => isOver };
}

test("a cache holds its batches' memory until they go, in every way in which they may go", () => {
  const ways: Readonly<Record<string, (cache: TailCache) => void>> = {
    evict: (cache) => cache.evict(1),
    dropBefore: (cache) => cache.dropBefore(1),
    truncateFrom: (cache) => cache.truncateFrom(0),
    clear: (cache) => cache.clear(),
  };
  for (const [way, remove] of Object.entries(ways)) {
    const cache = new TailCache(new TailCacheBudget());
    const held = lent(0);
    cache.append(held.batch);
    assert.equal(held.isOver(), false, way);
    const gone = lent(0);
    const other = new TailCache(new TailCacheBudget());
    other.append(gone.batch);
    remove(other);
    assert.equal(gone.isOver(), true, way);
  }
});

test("memory of a batch that a reader has seen is not used again before he releases it", () => {
  const cache = new TailCache(new TailCacheBudget());
  const seen = lent(0);
  const unseen = lent(1);
  cache.append(seen.batch);
  cache.append(unseen.batch);
  const read = cache.read(0, 1, 1)!;
  cache.clear();
  assert.equal(seen.isOver(), false);
  read[0]!.lease!.release();
  assert.equal(seen.hasEnded(), true);
  assert.equal(unseen.isOver(), true);
});
