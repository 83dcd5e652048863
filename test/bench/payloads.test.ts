import assert from "node:assert/strict";
import { test } from "node:test";
import { makeBatch, makeBatchOfSize, textValue } from "../../bench/payloads.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { isBatchFault, parseRecordBatch } from "../../src/records/record_batch.ts";

test("makeBatchOfSize() gives a good batch of exactly that size", () => {
  for (const sizeBytes of [4_000, 64_000, 1_000_000]) {
    const batch = makeBatchOfSize(sizeBytes);
    assert.equal(batch.sizeBytes, sizeBytes);
    const options = { verifyCrc: true, batchBytesMax: LIMITS.batchBytesMax };
    assert.ok(!isBatchFault(parseRecordBatch(batch.bytes, 0, options)));
  }
});

test("makeBatch() gives the same bytes each time", () => {
  assert.deepEqual(makeBatch(10, 100).bytes, makeBatch(10, 100).bytes);
  assert.equal(makeBatch(10, 100).recordCount, 10);
});

test("textValue() is text that JSON leaves as it is", () => {
  const text = new TextDecoder().decode(textValue(1_000, 7));
  assert.equal(JSON.stringify(text).length, 1_002);
  assert.notDeepEqual(textValue(100, 1), textValue(100, 2));
});
