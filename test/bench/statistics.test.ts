import assert from "node:assert/strict";
import { test } from "node:test";
import { median } from "../../bench/statistics.ts";

test("median() is the middle by size, the mean of two middles, NaN of nothing", () => {
  assert.equal(median([30, 4, 100]), 30);
  assert.equal(median([1, 10, 2, 100]), 6);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("median() leaves its input as it is", () => {
  const values = [3, 1, 2];
  median(values);
  assert.deepEqual(values, [3, 1, 2]);
});
