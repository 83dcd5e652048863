/** What every `Random` must do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../src/platform/random.ts";

export function describeRandom(name: string, random: Random): void {
  test(`${name}: fill() fills all of a view and nothing beside it`, () => {
    for (const length of [0, 1, 16, 65_535, 65_536, 65_537, 200_000]) {
      const buffer = new Uint8Array(length + 20);
      random.fill(buffer.subarray(10, 10 + length));
      assert.deepEqual([...buffer.subarray(0, 10), ...buffer.subarray(10 + length)], new Array(20).fill(0));
      // 32 zeros in a row come once in 2^256 fills.
      for (let at = 10; at + 32 <= 10 + length; at += 1024) {
        assert.ok(buffer.subarray(at, at + 32).some((byte) => byte !== 0));
      }
    }
  });

  test(`${name}: uint32() gives integers over the whole range`, () => {
    const seen = new Set<number>();
    const buckets = new Array<number>(16).fill(0);
    for (let round = 0; round < 16_000; round++) {
      const value = random.uint32();
      assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 32);
      seen.add(value);
      buckets[value >>> 28]!++;
    }
    // About 0.03 doubles are expected, and 1,000 in each bucket with a deviation of 31.
    assert.ok(seen.size > 15_990);
    for (const count of buckets) assert.ok(count > 700 && count < 1300, String(buckets));
  });
}
