import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "../../src/bytes/byte_reader.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { BATCH_HEADER_BYTES } from "../../src/records/record_batch.ts";
import {
  makeRecordFront,
  readRecordFront,
  type RecordFront,
  skipRecordBody,
  walkPlainRecord,
} from "../../src/records/walk_records.ts";
import { SeededRandom } from "../seeded_random.ts";

const SIZES = [0, 1, 63, 64, 8_191, 8_192];

/** What the reader makes of the record at `start`, or null for a fault. */
function byReader(bytes: Uint8Array, start: number): RecordFront | null {
  const reader = new ByteReader(bytes, start);
  const front = makeRecordFront();
  readRecordFront(reader, front);
  skipRecordBody(reader, front);
  return reader.fault === null ? front : null;
}

/** The bytes of records of all sizes, and where each starts. */
function manyRecords(random: SeededRandom): { readonly bytes: Uint8Array; readonly starts: readonly number[] } {
  const records: RecordInput[] = [];
  for (let count = 0; count < 200; count++) {
    const key = random.below(3) === 0 ? null : random.bytes(random.pick(SIZES));
    const value = random.below(5) === 0 ? null : random.bytes(random.pick(SIZES));
    const headers = random.below(4) === 0 ? [{ key: "name", value: random.bytes(3) }] : [];
    records.push({ key, value, headers, timestamp: 1_000_000 + random.below(3) * random.below(3_000_000) });
  }
  const batch = buildRecordBatch(records, { nowMs: 0 });
  const starts: number[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.sizeBytes; at = byReader(batch.bytes, at)!.end) starts.push(at);
  assert.equal(starts.length, records.length);
  return { bytes: batch.bytes, starts };
}

test("walkPlainRecord() takes records without headers and says of them what the reader says", () => {
  const { bytes, starts } = manyRecords(new SeededRandom(1));
  let taken = 0;
  for (const start of starts) {
    const front = makeRecordFront();
    const expected = byReader(bytes, start)!;
    if (!walkPlainRecord(bytes, start, bytes.length, front)) continue;
    taken++;
    assert.deepEqual(front, expected);
  }
  assert.ok(taken > starts.length / 3 && taken < starts.length, `${taken}`);
});

test("walkPlainRecord() takes nothing that the reader refuses, and changes nothing that it leaves to it", () => {
  const random = new SeededRandom(2);
  const { bytes, starts } = manyRecords(random);
  let taken = 0;
  for (let count = 0; count < 40_000; count++) {
    const start = random.pick(starts);
    const end = Math.min(bytes.length, start + random.below(count % 2 === 0 ? 40 : 20_000));
    const record = bytes.slice(start, end);
    // The varints lie at the front; a flip behind them is in a value.
    for (let flips = random.below(3); flips > 0 && record.length > 0; flips--) {
      record[random.below(Math.min(record.length, 14))] = random.below(256);
    }
    const front = makeRecordFront();
    if (walkPlainRecord(record, 0, record.length, front)) {
      taken++;
      assert.deepEqual(front, byReader(record, 0));
    } else {
      assert.deepEqual(front, makeRecordFront());
    }
  }
  assert.ok(taken > 1_000, `${taken}`);
});

test("walkPlainRecord() does not pass its end", () => {
  const bytes = buildRecordBatch([{ key: null, value: new Uint8Array(100), headers: [] }], { nowMs: 0 }).bytes;
  const front = makeRecordFront();
  for (let end = BATCH_HEADER_BYTES; end < bytes.length; end++) {
    assert.equal(walkPlainRecord(bytes, BATCH_HEADER_BYTES, end, front), false);
  }
  assert.equal(walkPlainRecord(bytes, BATCH_HEADER_BYTES, bytes.length, front), true);
});
