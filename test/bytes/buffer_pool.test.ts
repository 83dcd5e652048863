import { equal, notEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { BufferPool, SPOILED } from "../../src/bytes/buffer_pool.ts";

const KIB = 1024;

test("a pool gives a buffer again when its lease has ended, and not before", () => {
  const pool = new BufferPool();
  const first = pool.take(100 * KIB, 100 * KIB)!;
  ok(first.bytes.length >= 100 * KIB);
  const second = pool.take(100 * KIB, 100 * KIB)!;
  notEqual(second.bytes, first.bytes);
  first.lease.release();
  equal(pool.take(120 * KIB, 120 * KIB)!.bytes, first.bytes);
});

test("a pool makes a buffer for what has come, and gives a free one for what is announced", () => {
  const pool = new BufferPool();
  const small = pool.take(50 * KIB, 1_000 * KIB)!;
  equal(small.bytes.length, 64 * KIB);
  const large = pool.take(1_000 * KIB, 1_000 * KIB)!;
  equal(large.bytes.length, 1_088 * KIB);
  large.lease.release();
  equal(pool.take(50 * KIB, 1_000 * KIB)!.bytes, large.bytes);
});

test("a pool has nothing for frames that are very small or larger than its largest buffer", () => {
  const pool = new BufferPool();
  equal(pool.take(1_000, 1_000), null);
  equal(pool.take(64 * KIB, 1_089 * KIB), null);
});

test("what lies in a pool unused is bounded", () => {
  const pool = new BufferPool({ freeBytesMax: 300 * KIB });
  const taken = Array.from({ length: 4 }, () => pool.take(128 * KIB, 128 * KIB)!);
  for (const { lease } of taken) lease.release();
  equal(pool.freeBytes, 256 * KIB);
  pool.take(128 * KIB, 128 * KIB);
  equal(pool.freeBytes, 128 * KIB);
});

test("a pool that spoils overwrites what comes back", () => {
  const pool = new BufferPool({ spoils: true });
  const { bytes, lease } = pool.take(64 * KIB, 64 * KIB)!;
  bytes.fill(1);
  lease.release();
  ok(bytes.every((byte) => byte === SPOILED));
});
