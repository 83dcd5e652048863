import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { isBatchFault, parseRecordBatch, RecordBatch } from "../../src/records/record_batch.ts";
import { SeededRandom } from "../seeded_random.ts";
import { goldenBatchBytes } from "./golden_batch.ts";

const OPTIONS = { verifyCrc: true, batchBytesMax: 1_048_588 };

function faultOf(bytes: Uint8Array, options: Partial<typeof OPTIONS> = {}): string {
  const parsed = parseRecordBatch(bytes, 0, { ...OPTIONS, ...options });
  return isBatchFault(parsed) ? parsed.fault : "none";
}

function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = goldenBatchBytes();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

test("parseRecordBatch() reads every field of the golden bytes", () => {
  const bytes = goldenBatchBytes();
  const batch = parseRecordBatch(bytes, 0, OPTIONS);
  assert.ok(!isBatchFault(batch));
  assert.equal(batch.sizeBytes, bytes.length);
  assert.equal(batch.baseOffset, 0);
  assert.equal(batch.lastOffset, 2);
  assert.equal(batch.endOffset, 3);
  assert.equal(batch.leaderEpoch, -1);
  assert.equal(batch.magic, 2);
  assert.equal(batch.attributes, 0);
  assert.equal(batch.codec, "none");
  assert.equal(batch.hasLogAppendTime, false);
  assert.equal(batch.isTransactional, false);
  assert.equal(batch.isControl, false);
  assert.equal(batch.lastOffsetDelta, 2);
  assert.equal(batch.baseTimestamp, 1_760_000_000_000);
  assert.equal(batch.maxTimestamp, 1_760_000_000_100);
  assert.equal(batch.producerId, -1n);
  assert.equal(batch.producerEpoch, -1);
  assert.equal(batch.baseSequence, -1);
  assert.equal(batch.recordCount, 3);
  assert.equal(batch.payload.length, bytes.length - 61);
});

test("parseRecordBatch() takes a batch in the middle of other bytes as a view", () => {
  const golden = goldenBatchBytes();
  const bytes = new Uint8Array(golden.length + 20).fill(0xee);
  bytes.set(golden, 7);
  const batch = parseRecordBatch(bytes.subarray(2), 5, OPTIONS);
  assert.ok(!isBatchFault(batch));
  assert.equal(batch.bytes.buffer, bytes.buffer);
  assert.deepEqual(batch.bytes, golden);
});

test("parseRecordBatch() calls every proper prefix short", () => {
  const golden = goldenBatchBytes();
  for (let length = 0; length < golden.length; length++) assert.equal(faultOf(golden.subarray(0, length)), "short");
});

test("parseRecordBatch() has a limit for the size: at it, above it and below the header's size", () => {
  const golden = goldenBatchBytes();
  assert.equal(faultOf(golden, { batchBytesMax: golden.length }), "none");
  assert.equal(faultOf(golden, { batchBytesMax: golden.length - 1 }), "length");
  assert.equal(faultOf(changed((view) => view.setInt32(8, 48))), "length");
  assert.equal(faultOf(changed((view) => view.setInt32(8, -1))), "length");
  assert.equal(faultOf(changed((view) => view.setInt32(8, 0x7fffffff))), "length");
});

test("parseRecordBatch() refuses another magic, a changed byte and offsets out of range", () => {
  assert.equal(faultOf(changed((view) => view.setInt8(16, 1))), "magic");
  for (let at = 17; at < goldenBatchBytes().length; at++) {
    const bytes = changed((_, all) => all[at]! ^= 0x10);
    assert.notEqual(faultOf(bytes), "none", `byte ${at}`);
  }
  assert.equal(faultOf(changed((view) => view.setBigInt64(0, -1n))), "offset");
  assert.equal(faultOf(changed((view) => view.setInt32(23, -1)), { verifyCrc: false }), "offset");
  const largest = BigInt(Number.MAX_SAFE_INTEGER) - 3n;
  assert.equal(faultOf(changed((view) => view.setBigInt64(0, largest))), "none");
  assert.equal(faultOf(changed((view) => view.setBigInt64(0, largest + 1n))), "offset");
});

test("stamp() writes offset and epoch outside the checksum, of both signs and up to 2^53", () => {
  const batch = new RecordBatch(goldenBatchBytes());
  for (const [offset, epoch] of [[0, 0], [5, -1], [2 ** 32, 1], [2 ** 52 + 12_345, 2 ** 31 - 1], [-1, 3]] as const) {
    batch.stamp(offset, epoch);
    assert.equal(batch.baseOffset, offset);
    assert.equal(batch.leaderEpoch, epoch);
    assert.equal(batch.hasValidCrc(), true);
  }
});

test("stampMaxTimestamp() sets the timestamp type and keeps the checksum right", () => {
  const batch = new RecordBatch(goldenBatchBytes());
  batch.stampMaxTimestamp(1_800_000_000_000, true);
  assert.equal(batch.hasLogAppendTime, true);
  assert.equal(batch.maxTimestamp, 1_800_000_000_000);
  assert.equal(batch.hasValidCrc(), true);
  batch.stampMaxTimestamp(-1, false);
  assert.equal(batch.hasLogAppendTime, false);
  assert.equal(batch.maxTimestamp, -1);
  assert.equal(batch.hasValidCrc(), true);
});

test("parseRecordBatch() gives a batch or a fault for 50,000 damaged inputs", () => {
  const random = new SeededRandom(22);
  const seeds = [
    goldenBatchBytes(),
    buildRecordBatch([{ key: null, value: random.bytes(40), headers: [] }], { nowMs: 5 }).bytes,
  ];
  let parsed = 0;
  for (let round = 0; round < 50_000; round++) {
    const answer = parseRecordBatch(random.mutate(random.pick(seeds)), 0, { ...OPTIONS, verifyCrc: round % 2 === 0 });
    if (!isBatchFault(answer)) parsed++;
  }
  assert.ok(parsed > 1_000, `only ${parsed} inputs were batches`);
});
