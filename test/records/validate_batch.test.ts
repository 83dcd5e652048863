import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { isBatchFault, parseRecordBatch, RecordBatch } from "../../src/records/record_batch.ts";
import { isBatchRefusal, type ValidateBatchOptions, validateProducedBatch } from "../../src/records/validate_batch.ts";
import { SeededRandom } from "../seeded_random.ts";
import { GOLDEN_RECORDS, goldenBatchBytes } from "./golden_batch.ts";

const NOW = 1_760_000_000_000;
const HOUR = 3_600_000;
const OPTIONS: ValidateBatchOptions = {
  nowMs: NOW,
  timestampType: "CreateTime",
  batchBytesMax: 1_048_588,
  timestampAfterMsMax: HOUR,
  timestampBeforeMsMax: Infinity,
  requireKeys: false,
};

function answerOf(bytes: Uint8Array | RecordBatch, options: Partial<ValidateBatchOptions> = {}): string | number {
  const batch = bytes instanceof RecordBatch ? bytes : new RecordBatch(bytes);
  const answer = validateProducedBatch(batch, { ...OPTIONS, ...options });
  if (!isBatchRefusal(answer)) return answer.maxTimestamp;
  return answer.recordIndex === undefined ? answer.code : `${answer.code} ${answer.recordIndex}`;
}

/** The golden batch after a change of one field; the records start at 61, 79 and 86. */
function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = goldenBatchBytes();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

const at = (timestamp: number): RecordInput => ({ key: null, value: null, headers: [], timestamp });

test("validateProducedBatch() finds the largest timestamp whatever the header says (kafkajs writes another)", () => {
  assert.equal(answerOf(goldenBatchBytes()), NOW + 100);
  assert.equal(answerOf(changed((view) => view.setBigInt64(35, 5n))), NOW + 100);
});

test("validateProducedBatch() refuses header fields that no producer may send", () => {
  assert.equal(answerOf(changed((view) => view.setBigInt64(0, 1n))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt32(57, 0))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt32(57, -3))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt32(57, 4))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt32(23, 1))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt16(21, 1 << 5))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt16(21, 1 << 4))), "invalid_record");
  assert.equal(answerOf(changed((view) => view.setInt16(21, 1 << 6))), "invalid_record");
  for (const codec of [5, 6, 7]) assert.equal(answerOf(changed((view) => view.setInt16(21, codec))), "invalid_record");
});

test("validateProducedBatch() wants an epoch and a sequence from an idempotent producer", () => {
  const withProducer = (epoch: number, sequence: number) =>
    answerOf(changed((view) => {
      view.setBigInt64(43, 0n);
      view.setInt16(51, epoch);
      view.setInt32(53, sequence);
      view.setInt16(21, 1 << 4);
    }));
  assert.equal(withProducer(0, -1), "invalid_record");
  assert.equal(withProducer(-1, 0), "invalid_record");
  assert.equal(withProducer(0, 0), NOW + 100);
});

test("validateProducedBatch() has max.message.bytes as its limit: below, at and above", () => {
  const sizeBytes = goldenBatchBytes().length;
  assert.equal(answerOf(goldenBatchBytes(), { batchBytesMax: sizeBytes + 1 }), NOW + 100);
  assert.equal(answerOf(goldenBatchBytes(), { batchBytesMax: sizeBytes }), NOW + 100);
  assert.equal(answerOf(goldenBatchBytes(), { batchBytesMax: sizeBytes - 1 }), "too_large");
});

test("validateProducedBatch() names the record whose bytes are wrong", () => {
  assert.equal(answerOf(changed((_, bytes) => bytes[61] = 0x20)), "invalid_record 0"); // its length
  assert.equal(answerOf(changed((_, bytes) => bytes[64] = 0x02)), "invalid_record 0"); // its offset delta
  assert.equal(answerOf(changed((_, bytes) => bytes[82] = 0x06)), "invalid_record 1"); // its offset delta
  assert.equal(answerOf(changed((_, bytes) => bytes[83] = 0x7e)), "invalid_record 1"); // its key's length
  assert.equal(answerOf(changed((_, bytes) => bytes[85] = 0x02)), "invalid_record 1"); // a header that is not there
  assert.equal(answerOf(changed((_, bytes) => bytes[85] = 0x01)), "invalid_record 1"); // −1 headers
  assert.equal(answerOf(changed((_, bytes) => bytes[83] = 0x03)), "invalid_record 1"); // a key of −2 bytes
});

test("validateProducedBatch() refuses bytes behind the last record", () => {
  const bytes = new Uint8Array(goldenBatchBytes().length + 1);
  bytes.set(goldenBatchBytes());
  new DataView(bytes.buffer).setInt32(8, bytes.length - 12);
  assert.equal(answerOf(bytes), "invalid_record");
});

test("validateProducedBatch() wants keys where the topic is compacted; an empty key is one", () => {
  assert.equal(answerOf(goldenBatchBytes(), { requireKeys: true }), "invalid_record 1");
  const keyed = buildRecordBatch([GOLDEN_RECORDS[0]!, GOLDEN_RECORDS[2]!], { nowMs: NOW });
  assert.equal(answerOf(keyed, { requireKeys: true }), NOW + 100);
});

test("validateProducedBatch() limits timestamps on both sides, at the millisecond", () => {
  const build = (timestamp: number) => buildRecordBatch([at(NOW), at(timestamp)], { nowMs: NOW });
  assert.equal(answerOf(build(NOW + HOUR)), NOW + HOUR);
  assert.equal(answerOf(build(NOW + HOUR + 1)), "invalid_timestamp 1");
  assert.equal(answerOf(build(NOW - 10), { timestampBeforeMsMax: 10 }), NOW);
  assert.equal(answerOf(build(NOW - 11), { timestampBeforeMsMax: 10 }), "invalid_timestamp 1");
  assert.equal(answerOf(build(0)), NOW);
  assert.equal(answerOf(build(-1)), NOW, "-1 is Kafka's 'no timestamp'");
  assert.equal(answerOf(build(-2)), "invalid_timestamp 1");
});

test("validateProducedBatch() does not look at timestamps where the log sets them", () => {
  const batch = buildRecordBatch([at(NOW + 2 * HOUR)], { nowMs: NOW });
  assert.equal(answerOf(batch, { timestampType: "LogAppendTime" }), NOW + 2 * HOUR);
  const marked = changed((view) => view.setInt16(21, 1 << 3));
  assert.equal(answerOf(marked), "invalid_timestamp");
  assert.equal(answerOf(marked, { timestampType: "LogAppendTime" }), NOW + 100);
});

test("validateProducedBatch() looks at a compressed batch's header only, unless it gets the opened records", () => {
  const compressed = changed((view, bytes) => {
    view.setInt16(21, 1);
    bytes.fill(0xff, 61);
  });
  assert.equal(answerOf(compressed), NOW + 100);
  const plain = goldenBatchBytes().subarray(61);
  assert.equal(answerOf(compressed, { plain }), NOW + 100);
  assert.equal(answerOf(compressed, { plain, requireKeys: true }), "invalid_record 1");
  assert.equal(answerOf(compressed, { plain: plain.subarray(1) }), "invalid_record 0");
  assert.throws(() => answerOf(compressed, { requireKeys: true }), { name: "AssertionError" });
  const late = changed((view) => {
    view.setInt16(21, 1);
    view.setBigInt64(35, BigInt(NOW + HOUR + 1));
  });
  assert.equal(answerOf(late), "invalid_timestamp");
});

test("validateProducedBatch() answers for 50,000 damaged batches whose checksum agrees", () => {
  const random = new SeededRandom(23);
  let accepted = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = random.mutate(goldenBatchBytes());
    if (bytes.length < 61) continue;
    const view = new DataView(bytes.buffer);
    view.setInt32(8, bytes.length - 12);
    view.setInt8(16, 2);
    view.setUint32(17, crc32c(bytes, 21));
    const batch = parseRecordBatch(bytes, 0, { verifyCrc: true, batchBytesMax: 1e6 });
    if (isBatchFault(batch)) continue;
    const answer = validateProducedBatch(batch, { ...OPTIONS, plain: batch.payload });
    if (!isBatchRefusal(answer)) accepted++;
  }
  assert.ok(accepted > 1_000, `only ${accepted} batches were accepted`);
});
