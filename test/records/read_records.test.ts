import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { isRecordsFault, readRecords, type ReadRecordsOptions } from "../../src/records/read_records.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import { RecordBatch } from "../../src/records/record_batch.ts";
import { SeededRandom } from "../seeded_random.ts";
import { GOLDEN_RECORDS, goldenBatchBytes } from "./golden_batch.ts";

function golden(change: (view: DataView, bytes: Uint8Array) => void = () => {}): RecordBatch {
  const bytes = goldenBatchBytes();
  change(new DataView(bytes.buffer), bytes);
  return new RecordBatch(bytes);
}

function mustRead(batch: RecordBatch, options: ReadRecordsOptions = {}): StoredRecord[] {
  const answer = readRecords(batch, options);
  if (isRecordsFault(answer)) throw new Error(answer.fault);
  return answer;
}

test("readRecords() reads the golden bytes, as views, with offsets from the base offset", () => {
  const batch = golden((view) => view.setBigInt64(0, 1000n));
  const records = mustRead(batch);
  assert.deepEqual(records, GOLDEN_RECORDS.map((record, index) => ({ ...record, offset: 1000 + index })));
  assert.equal(records[0]!.value!.buffer, batch.bytes.buffer);
});

test("readRecords() skips what is before `from` and stops at `recordsMax`", () => {
  const batch = golden((view) => view.setBigInt64(0, 10n));
  const offsets = (options: ReadRecordsOptions) => mustRead(batch, options).map((record) => record.offset);
  assert.deepEqual(offsets({ from: 0 }), [10, 11, 12]);
  assert.deepEqual(offsets({ from: 11 }), [11, 12]);
  assert.deepEqual(offsets({ from: 11, recordsMax: 1 }), [11]);
  assert.deepEqual(offsets({ recordsMax: 0 }), []);
  assert.deepEqual(offsets({ from: 13 }), []);
});

test("readRecords() gives every record the batch's timestamp under LogAppendTime", () => {
  const batch = golden();
  batch.stampMaxTimestamp(1_800_000_000_000, true);
  assert.deepEqual(mustRead(batch).map((record) => record.timestamp), Array(3).fill(1_800_000_000_000));
});

test("readRecords() shows nothing of a control batch", () => {
  assert.deepEqual(mustRead(golden((view) => view.setInt16(21, 1 << 5))), []);
});

test("readRecords() reads the opened records of a compressed batch", () => {
  const compressed = golden((view, bytes) => {
    view.setInt16(21, 4);
    bytes.fill(0xff, 61);
  });
  assert.equal(mustRead(compressed, { plain: goldenBatchBytes().subarray(61) }).length, 3);
  assert.throws(() => readRecords(compressed), { name: "AssertionError" });
});

test("readRecords() takes offsets with gaps, as compaction leaves them, and refuses others", () => {
  const gaps = golden((view, bytes) => {
    view.setInt32(23, 9);
    bytes[82] = 0x04;
    bytes[90] = 0x12;
  });
  assert.deepEqual(mustRead(gaps).map((record) => record.offset), [0, 2, 9]);
  const backwards = readRecords(golden((_, bytes) => bytes[82] = 0));
  assert.ok(isRecordsFault(backwards));
  const beyond = readRecords(golden((_, bytes) => bytes[90] = 0x06));
  assert.ok(isRecordsFault(beyond));
});

test("readRecords() answers a count that the bytes do not bear out with a fault", () => {
  const answer = readRecords(golden((view) => view.setInt32(57, 2 ** 31 - 1)));
  assert.ok(isRecordsFault(answer));
  assert.match(answer.fault, /Record 3/);
});

test("readRecords() puts U+FFFD into a header name that is not UTF-8", () => {
  const records = mustRead(golden((_, bytes) => bytes[76] = 0xff));
  assert.equal(records[0]!.headers[1]!.key, "\ufffd\ufffd");
});

test("readRecords() answers for 50,000 damaged batches", () => {
  const random = new SeededRandom(24);
  const large = buildRecordBatch(
    Array.from(
      { length: 5 },
      () => ({ key: random.bytes(3), value: random.bytes(9), headers: [{ key: "a", value: null }] }),
    ),
    { nowMs: 77 },
  ).bytes;
  let read = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = random.mutate(random.pick([goldenBatchBytes(), large]));
    if (bytes.length < 61) continue;
    const answer = readRecords(new RecordBatch(bytes), { plain: bytes.subarray(61), from: random.below(4) });
    if (!isRecordsFault(answer)) read++;
  }
  assert.ok(read > 1_000, `only ${read} batches were read`);
});
