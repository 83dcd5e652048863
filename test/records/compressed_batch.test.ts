import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import type { Codec, Compression } from "../../src/platform/compression.ts";
import { compressBatch, decompressedBatch, openBatch } from "../../src/records/compressed_batch.ts";
import { readRecords } from "../../src/records/read_records.ts";
import { isBatchFault, parseRecordBatch, RecordBatch } from "../../src/records/record_batch.ts";
import { GOLDEN_RECORDS, goldenBatchBytes } from "./golden_batch.ts";

/** Stands in for the platform's codecs: a block is a mark of its codec and the bytes as they are. */
const MARKING: Compression = {
  compress: (codec, bytes) => Promise.resolve(Uint8Array.of(codec.length, ...bytes)),
  decompress(codec, bytes, outputBytesMax) {
    if (bytes[0] !== codec.length) throw new SentinelError("corrupt_batch", "Another codec's block");
    if (bytes.length - 1 > outputBytesMax) throw new SentinelError("too_large", "Too large");
    return Promise.resolve(bytes.subarray(1));
  },
};

const CODECS: readonly (readonly [Codec, number])[] = [["gzip", 1], ["snappy", 2], ["lz4", 3], ["zstd", 4]];

test("compressBatch() keeps the header but for codec, length and checksum, and openBatch() gives the records back", async () => {
  for (const [codec, number] of CODECS) {
    const plain = new RecordBatch(goldenBatchBytes());
    plain.stamp(1_000, 5);
    plain.stampMaxTimestamp(1_760_000_000_100, true);
    const before = plain.bytes.slice();
    const batch = await compressBatch(plain, codec, MARKING);
    assert.equal(batch.attributes, number | 8);
    assert.equal(batch.codec, codec);
    assert.equal(batch.sizeBytes, before.length + 1);
    const parsed = parseRecordBatch(batch.bytes, 0, { verifyCrc: true, batchBytesMax: 1e6 });
    assert.ok(!isBatchFault(parsed));
    assert.deepEqual([batch.baseOffset, batch.leaderEpoch, batch.recordCount], [1_000, 5, 3]);
    const opened = await openBatch(batch, MARKING, 1e6);
    assert.deepEqual(opened, before.subarray(61));
    assert.deepEqual(decompressedBatch(batch, opened).bytes, before);
    assert.deepEqual(plain.bytes, before, "the plain batch is not changed");
    assert.equal((readRecords(batch, { plain: opened }) as unknown[]).length, GOLDEN_RECORDS.length);
  }
});

test("openBatch() gives a plain batch's records as they are", async () => {
  const batch = new RecordBatch(goldenBatchBytes());
  assert.deepEqual(await openBatch(batch, MARKING, 0), batch.payload);
});

test("openBatch() fails with corrupt_batch for a codec that does not exist", async () => {
  for (const number of [5, 6, 7]) {
    const batch = new RecordBatch(goldenBatchBytes());
    new DataView(batch.bytes.buffer).setInt16(21, number);
    assert.equal(batch.codec, null);
    await assert.rejects(openBatch(batch, MARKING, 1e6), { code: "corrupt_batch" });
  }
});

test("openBatch() hands its limit to the codec", async () => {
  const batch = await compressBatch(new RecordBatch(goldenBatchBytes()), "zstd", MARKING);
  const sizeBytes = goldenBatchBytes().length - 61;
  assert.equal((await openBatch(batch, MARKING, sizeBytes)).length, sizeBytes);
  await assert.rejects(async () => await openBatch(batch, MARKING, sizeBytes - 1), { code: "too_large" });
});

test("compressBatch() refuses to compress twice", async () => {
  const batch = await compressBatch(new RecordBatch(goldenBatchBytes()), "gzip", MARKING);
  await assert.rejects(compressBatch(batch, "gzip", MARKING), { name: "AssertionError" });
});
