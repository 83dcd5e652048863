import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRecordBatch, cutIntoBatches } from "../../src/records/build_batch.ts";
import { isRecordsFault, readRecords } from "../../src/records/read_records.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { BATCH_HEADER_BYTES, isBatchFault, parseRecordBatch } from "../../src/records/record_batch.ts";
import { isBatchRefusal, validateProducedBatch } from "../../src/records/validate_batch.ts";
import { SeededRandom } from "../seeded_random.ts";
import { GOLDEN_RECORDS, goldenBatchBytes } from "./golden_batch.ts";

const NOW = 1_760_000_000_000;

function randomRecord(random: SeededRandom): RecordInput {
  const bytesOrNull = () => random.below(5) === 0 ? null : random.bytes(random.below(random.pick([3, 70, 300])));
  const headers = Array.from({ length: random.below(4) }, () => ({
    key: random.pick(["", "a", "trace-id", "é", "日本", "😀", "x".repeat(100)]),
    value: bytesOrNull(),
  }));
  const record = { key: bytesOrNull(), value: bytesOrNull(), headers };
  return random.below(2) === 0 ? record : { ...record, timestamp: random.pick([0, NOW, NOW + 1e6, 2 ** 40, NOW - 63]) };
}

test("buildRecordBatch() writes the golden bytes", () => {
  assert.deepEqual(buildRecordBatch(GOLDEN_RECORDS, { nowMs: 1 }).bytes, goldenBatchBytes());
});

test("buildRecordBatch() writes every header field it is given", () => {
  const batch = buildRecordBatch([{ key: null, value: null, headers: [] }], {
    nowMs: NOW,
    baseOffset: 2 ** 52 + 1,
    leaderEpoch: 7,
    producerId: 2n ** 60n,
    producerEpoch: 3,
    baseSequence: 9,
    isTransactional: true,
    isControl: true,
  });
  assert.equal(batch.baseOffset, 2 ** 52 + 1);
  assert.equal(batch.leaderEpoch, 7);
  assert.equal(batch.producerId, 2n ** 60n);
  assert.equal(batch.producerEpoch, 3);
  assert.equal(batch.baseSequence, 9);
  assert.equal(batch.isTransactional, true);
  assert.equal(batch.isControl, true);
  assert.equal(batch.baseTimestamp, NOW);
  assert.equal(batch.codec, "none");
  assert.equal(batch.hasValidCrc(), true);
});

test("buildRecordBatch() makes batches that parse, validate and read back as they were", () => {
  const random = new SeededRandom(20);
  for (let round = 0; round < 300; round++) {
    const records = Array.from({ length: 1 + random.below(80) }, () => randomRecord(random));
    const built = buildRecordBatch(records, { nowMs: NOW });
    const batch = parseRecordBatch(built.bytes, 0, { verifyCrc: true, batchBytesMax: 1e9 });
    if (isBatchFault(batch)) throw new Error(batch.detail);
    const timestamps = records.map((record) => record.timestamp ?? NOW);
    const validated = validateProducedBatch(batch, {
      nowMs: NOW,
      timestampType: "CreateTime",
      batchBytesMax: batch.sizeBytes,
      timestampAfterMsMax: 1e6,
      timestampBeforeMsMax: Infinity,
      requireKeys: false,
    });
    assert.ok(!isBatchRefusal(validated));
    assert.equal(validated.maxTimestamp, Math.max(...timestamps));
    assert.equal(batch.maxTimestamp, Math.max(...timestamps));
    const read = readRecords(batch);
    if (isRecordsFault(read)) throw new Error(read.fault);
    const expected = records.map((record, offset) => ({ ...record, offset, timestamp: timestamps[offset] }));
    assert.deepEqual(read, expected);
  }
});

test("buildRecordBatch() refuses to make a batch of no records", () => {
  assert.throws(() => buildRecordBatch([], { nowMs: NOW }), { name: "AssertionError" });
});

test("cutIntoBatches() computes exactly the sizes that buildRecordBatch() makes", () => {
  const random = new SeededRandom(21);
  for (let round = 0; round < 200; round++) {
    const records = Array.from({ length: 1 + random.below(40) }, () => randomRecord(random));
    const batchBytesMax = 400 + random.below(3_000);
    const cut = cutIntoBatches(records, { batchBytesMax, nowMs: NOW });
    const bytesOf = (run: readonly RecordInput[]) => buildRecordBatch(run, { nowMs: NOW }).sizeBytes;
    if ("tooLargeRecordIndex" in cut) {
      const alone = bytesOf([records[cut.tooLargeRecordIndex]!]);
      assert.equal(alone, cut.batchBytes);
      assert.ok(alone > batchBytesMax);
      continue;
    }
    assert.deepEqual(cut.batches.flat(), records);
    for (const [index, run] of cut.batches.entries()) {
      assert.ok(bytesOf(run) <= batchBytesMax);
      const next: readonly RecordInput[] | undefined = cut.batches[index + 1];
      if (next !== undefined) {
        assert.ok(bytesOf([...run, next[0]!]) > batchBytesMax, "the next record would have fitted");
      }
    }
  }
});

test("cutIntoBatches() takes a record at the limit, and names one that is a byte above it", () => {
  const records = [1, 10, 1].map((length) => ({ key: null, value: new Uint8Array(length), headers: [] }));
  const middleBytes = buildRecordBatch([records[1]!], { nowMs: NOW }).sizeBytes;
  const cut = cutIntoBatches(records, { batchBytesMax: middleBytes, nowMs: NOW });
  assert.ok("batches" in cut);
  assert.deepEqual(cut.batches.map((run) => run.length), [1, 1, 1]);
  assert.deepEqual(
    cutIntoBatches(records, { batchBytesMax: middleBytes - 1, nowMs: NOW }),
    { tooLargeRecordIndex: 1, batchBytes: middleBytes },
  );
  const whole = buildRecordBatch(records, { nowMs: NOW }).sizeBytes;
  const one = cutIntoBatches(records, { batchBytesMax: whole, nowMs: NOW });
  assert.ok("batches" in one && one.batches.length === 1);
  const two = cutIntoBatches(records, { batchBytesMax: whole - 1, nowMs: NOW });
  assert.ok("batches" in two && two.batches.length === 2);
  assert.deepEqual(cutIntoBatches([], { batchBytesMax: 100, nowMs: NOW }), { batches: [] });
  assert.equal(BATCH_HEADER_BYTES, 61);
});
