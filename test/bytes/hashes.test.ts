import assert from "node:assert/strict";
import { test } from "node:test";
import { fnv1a } from "../../src/bytes/fnv1a.ts";
import { murmur2, toPositive } from "../../src/bytes/murmur2.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("murmur2() gives what Kafka's Java client gives (UtilsTest.testMurmur2)", () => {
  const vectors: readonly (readonly [string, number])[] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [text, hash] of vectors) assert.equal(murmur2(bytesOf(text)), hash, text);
});

test("murmur2() takes bytes above 127 as unsigned and every length of the rest", () => {
  const bytes = Uint8Array.of(0xff, 0x80, 0xfe, 0x81, 0xfd, 0x82, 0xfc);
  const hashes = Array.from({ length: 8 }, (_, length) => murmur2(bytes.subarray(0, length)));
  assert.equal(new Set(hashes).size, 8);
  for (const hash of hashes) assert.equal(hash, hash | 0);
});

test("toPositive() drops the sign bit and is not the absolute value", () => {
  assert.equal(toPositive(-973932308), 1173551340);
  assert.equal(toPositive(-1), 2147483647);
  assert.equal(toPositive(-2147483648), 0);
  assert.equal(toPositive(5), 5);
});

test("fnv1a() gives the vectors of facts B5", () => {
  const vectors: readonly (readonly [string, number])[] = [
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["user-123", 0x8c93cc93],
    ["user-1", 0xf5537974],
    ["order", 0x732c1097],
    ["key1", 0x374a6a67],
  ];
  for (const [text, hash] of vectors) assert.equal(fnv1a(bytesOf(text)), hash, text);
  assert.deepEqual([3, 7, 16].map((partitions) => fnv1a(bytesOf("user-123")) % partitions), [2, 4, 3]);
});
