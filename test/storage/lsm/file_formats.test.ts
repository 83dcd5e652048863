/** The bytes of the tree's files, as every later build must read them, and the seed's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeHex } from "../../../src/bytes/hex.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { BlockBuilder, decodeBlock, openBlock } from "../../../src/storage/lsm/block.ts";
import { decodeBloomFilter, encodeBloomFilter, filterHash } from "../../../src/storage/lsm/bloom_filter.ts";
import { logFileName, parseNumberedFile, tableFileName } from "../../../src/storage/lsm/file_names.ts";
import { fileSeed, seedAt } from "../../../src/storage/lsm/file_seed.ts";
import { decodeLogHeader, encodeLogHeader, encodeRecordHeader } from "../../../src/storage/lsm/log_record.ts";
import { decodeManifestEdit, encodeManifestEdit } from "../../../src/storage/lsm/manifest_edit.ts";
import { MemoryStore } from "../../../src/storage/lsm/memory_store.ts";
import { decodeTableFooter, encodeTableFooter, footerBytesOf } from "../../../src/storage/lsm/table_footer.ts";
import {
  decodeVersionZeroLog,
  decodeVersionZeroTable,
  importVersionZero,
} from "../../../src/storage/lsm/version_zero.ts";
import { WriteBatch } from "../../../src/storage/write_batch.ts";
import { FaultyDisk } from "../faulty_disk.ts";
import { bytesOf, pairsOf, textOfBytes } from "../tree_fixture.ts";
import { VERSION_ZERO_LOG, VERSION_ZERO_TABLE } from "../version_zero_bytes.ts";

/** What this build writes: fixed for good by the first release. */
const SEED = 0x32f1a915;
const LOG_HEADER = "5357414c01000000030000000000000008000000000000000000000000000000000000002b3e38fc";
const LOG_RECORD =
  "82ba03f61e00000009000000000000000068e5cf8b0100000200000004000000060000006b65793176616c75653104000000" +
  "ffffffff6b657933";
const TABLE_BLOCK =
  "b1955a094a0000000500000003000000010000000000000002000000000000006170706c6572656406000000ffffffff0200" +
  "000000000000030000000000000062616e616e61000000002000000002000000";
const TABLE_FOOTER =
  "c8000000000000003c000000000000000200000000000000050000006170706c650600000062616e616e6178000000000000" +
  "005000000000000000030000000000000053000000010000002a7da16d42545353";
const MANIFEST_EDIT =
  "4544495425e3ce596b0000000300000000000000040000000000000005000000000000000600000000000000010000000100" +
  "0000010000000000000001000000050000000400000000000000840300000000000002000000000000000300000000000000" +
  "050000006170706c650600000062616e616e61";

test("version 0: the seed's log is read, up to a torn end", () => {
  const entries = [["key1", "value1", 1n], ["key3", null, 3n], ["k", "", 258n]];
  const seen = (bytes: Uint8Array): unknown[] =>
    decodeVersionZeroLog(bytes).entries.map((entry) => [
      textOfBytes(entry.key),
      textOfBytes(entry.value),
      entry.timestampNs,
    ]);
  assert.deepEqual(seen(VERSION_ZERO_LOG), entries);
  assert.equal(decodeVersionZeroLog(VERSION_ZERO_LOG).fault, null);
  for (let cut = 1; cut < 25; cut++) {
    assert.deepEqual(seen(VERSION_ZERO_LOG.subarray(0, VERSION_ZERO_LOG.length - cut)), entries.slice(0, 2));
  }
  const flipped = VERSION_ZERO_LOG.slice();
  flipped[20]! ^= 1;
  assert.deepEqual(seen(flipped), []);
  assert.match(decodeVersionZeroLog(flipped).fault!, /checksum/);
});

test("version 0: the seed's table is read, and any flipped bit of its blocks and footer is told", () => {
  const entries = decodeVersionZeroTable(VERSION_ZERO_TABLE);
  assert.ok(typeof entries !== "string");
  assert.deepEqual(entries.map(({ key, value, timestampNs }) => [textOfBytes(key), textOfBytes(value), timestampNs]), [
    ["apple", "red", 1n],
    ["banana", null, 2n],
  ]);
  assert.equal(VERSION_ZERO_TABLE.length, 130);
  // The index, bytes 54 to 78, is not needed to read all of it.
  for (let at = 0; at < VERSION_ZERO_TABLE.length; at++) {
    if (at >= 54 && at < 79) continue;
    const flipped = VERSION_ZERO_TABLE.slice();
    flipped[at]! ^= 8;
    assert.equal(typeof decodeVersionZeroTable(flipped), "string", `byte ${at}`);
  }
});

test("version 0: a directory is imported, tables by number and the log last", async () => {
  const disk = new FaultyDisk();
  await disk.makeDirectory("/seed");
  disk.put("/seed/L0_1.sst", VERSION_ZERO_TABLE);
  disk.put("/seed/wal.log", VERSION_ZERO_LOG.subarray(0, VERSION_ZERO_LOG.length - 1));
  const store = new MemoryStore(() => 1);
  assert.equal(await importVersionZero(disk, "/seed", store), 4);
  assert.deepEqual(await pairsOf(store), ["apple=red", "key1=value1"]);
  disk.put("/seed/L0_1.sst", VERSION_ZERO_TABLE.subarray(1));
  await assert.rejects(
    importVersionZero(disk, "/seed", store),
    (thrown) => thrown instanceof SentinelError && /L0_1\.sst/.test(thrown.message),
  );
});

test("version 1 of the log, the table and the manifest keeps its bytes", () => {
  const seed = fileSeed(bytesOf("tree"), "log", 3);
  assert.equal(seed, SEED);
  const header = encodeLogHeader({ number: 3, previousSequence: 8 }, seed);
  assert.equal(encodeHex(header), LOG_HEADER);
  assert.deepEqual(decodeLogHeader(header, seed), { number: 3, previousSequence: 8 });
  const batch = new WriteBatch().put(bytesOf("key1"), bytesOf("value1")).delete(bytesOf("key3"));
  const record = new Uint8Array(28 + batch.sizeBytes);
  record.set(batch.bytes, 28);
  encodeRecordHeader(record, new DataView(record.buffer), 0, {
    operationsBytes: batch.sizeBytes,
    firstSequence: 9,
    timestamp: 1_700_000_000_000,
    count: 2,
  }, seedAt(seed, 40));
  assert.equal(encodeHex(record), LOG_RECORD);
  const builder = new BlockBuilder();
  builder.add(bytesOf("apple"), bytesOf("red"), 1, 2);
  builder.add(bytesOf("banana"), null, 2, 3);
  const block = builder.finish(seedAt(seed, 0));
  assert.equal(encodeHex(block), TABLE_BLOCK);
  const opened = openBlock(block, seedAt(seed, 0));
  assert.ok(typeof opened !== "string" && typeof decodeBlock(opened) !== "string");
  const footer = {
    indexPosition: 200,
    indexBytes: 60,
    entryCount: 2,
    minKey: bytesOf("apple"),
    maxKey: bytesOf("banana"),
    filterPosition: 120,
    filterBytes: 80,
    lastSequence: 3,
  };
  const footerBytes = encodeTableFooter(footer, seed, 260);
  assert.equal(encodeHex(footerBytes), TABLE_FOOTER);
  assert.equal(footerBytesOf(footerBytes.subarray(footerBytes.length - 16), 1_000), footerBytes.length);
  assert.deepEqual(decodeTableFooter(footerBytes, seed, 260), footer);
  const meta = { number: 4, writtenLevel: 0, sizeBytes: 900, entryCount: 2, lastSequence: 3, footerCrc: 5 };
  const edit = {
    flushedSequence: 3,
    lastSequence: 4,
    logNumber: 5,
    nextFileNumber: 6,
    removed: [1],
    added: [{ level: 1, meta: { ...meta, minKey: bytesOf("apple"), maxKey: bytesOf("banana") } }],
  };
  const editBytes = encodeManifestEdit(edit, seed, 0);
  assert.equal(encodeHex(editBytes), MANIFEST_EDIT);
  assert.deepEqual(decodeManifestEdit(editBytes, seed, 0), { edit, end: editBytes.length });
});

test("checksums tell a file from another and a place from another", () => {
  const identity = bytesOf("tree");
  const seeds = [
    fileSeed(identity, "log", 3),
    fileSeed(identity, "log", 4),
    fileSeed(identity, "table", 3),
    fileSeed(bytesOf("other"), "log", 3),
  ];
  assert.equal(new Set(seeds).size, seeds.length);
  const places = [0, 1, 40, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40].map((position) => seedAt(seeds[0]!, position));
  assert.equal(new Set(places).size, places.length);
});

test("a Bloom filter lets every key through that it holds, and about one in a hundred others", () => {
  const count = 20_000;
  const hashes = Int32Array.from({ length: count }, (_, at) => filterHash(bytesOf(`key ${at}`)));
  const filter = decodeBloomFilter(encodeBloomFilter(hashes, count))!;
  let wrong = 0;
  for (let at = 0; at < count; at++) {
    assert.ok(filter.mayHold(filterHash(bytesOf(`key ${at}`))));
    if (filter.mayHold(filterHash(bytesOf(`other ${at}`)))) wrong += 1;
  }
  assert.ok(wrong < count * 0.015, `${wrong} of ${count} went through`);
  assert.equal(decodeBloomFilter(new Uint8Array(4)), null);
  assert.equal(decodeBloomFilter(new Uint8Array(40)), null);
});

test("names of files say what they are, and no other name does", () => {
  assert.equal(logFileName(7), "wal_0000000007.log");
  assert.equal(tableFileName(0, 12), "L0_0000000012.sst");
  assert.deepEqual(parseNumberedFile("wal_0000000007.log"), { kind: "log", number: 7 });
  assert.deepEqual(parseNumberedFile("L6_0000000012.sst"), { kind: "table", number: 12, writtenLevel: 6 });
  for (
    const name of ["wal.log", "L0_1.sst", "wal_0000000007.sst", "L0_0000000012.log", "L0_00000000012.sst", "MANIFEST"]
  ) {
    assert.equal(parseNumberedFile(name), null, name);
  }
});
