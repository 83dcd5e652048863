import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "../../src/bytes/byte_reader.ts";
import { ByteWriter } from "../../src/bytes/byte_writer.ts";
import { readInt64, writeInt64 } from "../../src/bytes/int64.ts";
import { unsignedVarintBytes, varintBytes, varlongBytes } from "../../src/bytes/varint.ts";
import { SeededRandom } from "../seeded_random.ts";

const SAFE = Number.MAX_SAFE_INTEGER;

/** Numbers around every power of two within ±2^53, and some by chance. */
function integers(random: SeededRandom, bits: number): number[] {
  const numbers = [0, -1, 1];
  for (let bit = 1; bit <= bits; bit++) {
    for (const delta of [-1, 0, 1]) numbers.push(2 ** bit + delta, -(2 ** bit) + delta);
  }
  for (let round = 0; round < 500; round++) {
    const magnitude = random.uint32() * 2 ** random.below(22) + random.below(1024);
    numbers.push(magnitude, -magnitude);
  }
  return numbers;
}

/** Zig-zag LEB128 by its definition, with BigInt. */
function slowVarlong(value: bigint): number[] {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

test("writeInt64() and readInt64() agree with BigInt for both signs", () => {
  const view = new DataView(new ArrayBuffer(8));
  for (const value of integers(new SeededRandom(9), 53)) {
    if (!Number.isSafeInteger(value)) continue;
    writeInt64(view, 0, value);
    assert.equal(view.getBigInt64(0), BigInt(value));
    assert.equal(readInt64(view, 0), value);
  }
  view.setBigInt64(0, -(2n ** 63n));
  assert.equal(readInt64(view, 0), -(2 ** 63));
});

test("varint() round-trips every int32 edge in the bytes of the definition", () => {
  for (const value of integers(new SeededRandom(10), 31)) {
    if (value !== (value | 0)) continue;
    const writer = new ByteWriter();
    writer.varint(value);
    assert.deepEqual([...writer.written], slowVarlong(BigInt(value)), String(value));
    assert.equal(varintBytes(value), writer.at);
    const reader = new ByteReader(writer.written);
    assert.equal(reader.varint(), value);
    reader.finish();
    assert.equal(reader.fault, null);
  }
});

test("varlong() round-trips every safe integer edge in the bytes of the definition", () => {
  for (const value of integers(new SeededRandom(11), 53)) {
    if (!Number.isSafeInteger(value)) continue;
    const writer = new ByteWriter();
    writer.varlong(value);
    assert.deepEqual([...writer.written], slowVarlong(BigInt(value)), String(value));
    assert.equal(varlongBytes(value), writer.at, String(value));
    assert.equal(new ByteReader(writer.written).varlong(), value);
  }
});

test("varlong() reads 64-bit values as the nearest double", () => {
  for (const value of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 60n, -(2n ** 60n) - 1n]) {
    const reader = new ByteReader(Uint8Array.from(slowVarlong(value)));
    assert.equal(reader.varlong(), Number(value));
    assert.equal(reader.fault, null);
  }
});

test("unsignedVarint() has the right size at every bit length", () => {
  for (let bit = 0; bit < 32; bit++) {
    for (const value of [2 ** bit - 1, 2 ** bit, 2 ** (bit + 1) - 1]) {
      const writer = new ByteWriter();
      writer.unsignedVarint(value);
      assert.equal(unsignedVarintBytes(value), writer.at, String(value));
      assert.equal(new ByteReader(writer.written).unsignedVarint(), value);
    }
  }
});

test("ByteReader refuses varints that are cut off or too long", () => {
  const faults: readonly (readonly ["varint" | "unsignedVarint" | "varlong", number[]])[] = [
    ["varint", []],
    ["varint", [0x80]],
    ["varint", [0x80, 0x80, 0x80, 0x80]],
    ["varint", [0xff, 0xff, 0xff, 0xff, 0x10]],
    ["unsignedVarint", [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["varlong", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ["varlong", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]],
    ["varlong", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
  ];
  for (const [kind, bytes] of faults) {
    const reader = new ByteReader(Uint8Array.from(bytes));
    assert.equal(reader[kind](), 0);
    assert.notEqual(reader.fault, null, `${kind} ${bytes}`);
    assert.equal(reader.at, 0);
  }
  assert.equal(new ByteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)).unsignedVarint(), 2 ** 32 - 1);
});

test("ByteWriter grows and ByteReader reads back every kind", () => {
  const writer = new ByteWriter(1);
  writer.uint8(200);
  writer.int8(-3);
  writer.uint16(65_535);
  writer.int16(-2);
  writer.uint32(4_000_000_000);
  const patched = writer.at;
  writer.int32(0);
  writer.int64(-SAFE);
  writer.bigInt64(-(2n ** 63n));
  writer.float64(-1.5);
  writer.bytes(Uint8Array.of(1, 2, 3));
  writer.text("é");
  writer.patchInt32(patched, -7);
  const reader = new ByteReader(writer.written);
  assert.equal(reader.uint8(), 200);
  assert.equal(reader.int8(), -3);
  assert.equal(reader.uint16(), 65_535);
  assert.equal(reader.int16(), -2);
  assert.equal(reader.uint32(), 4_000_000_000);
  assert.equal(reader.int32(), -7);
  assert.equal(reader.int64(), -SAFE);
  assert.equal(reader.bigInt64(), -(2n ** 63n));
  assert.equal(reader.float64(), -1.5);
  assert.deepEqual(reader.take(3), Uint8Array.of(1, 2, 3));
  assert.equal(reader.text(2), "é");
  reader.finish();
  assert.equal(reader.fault, null);
});

test("ByteReader keeps its first fault and then gives zeros without moving", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  assert.equal(reader.uint8(), 1);
  assert.equal(reader.int32(), 0);
  const fault = reader.fault;
  assert.match(fault ?? "", /4 bytes do not fit into 2 at byte 1/);
  assert.equal(reader.uint8(), 0);
  assert.equal(reader.varint(), 0);
  assert.equal(reader.varlong(), 0);
  assert.equal(reader.take(1).length, 0);
  assert.equal(reader.left, 0);
  reader.fail("Another");
  assert.equal(reader.fault, fault);
  assert.equal(reader.at, 1);
});

test("ByteReader stays in its range and takes views", () => {
  const bytes = Uint8Array.of(9, 1, 2, 9);
  const reader = new ByteReader(bytes, 1, 3);
  const view = reader.take(2);
  assert.equal(view.buffer, bytes.buffer);
  assert.deepEqual(view, Uint8Array.of(1, 2));
  reader.uint8();
  assert.notEqual(reader.fault, null);
  assert.equal(new ByteReader(bytes, 0, 100).end, 4);
  const negative = new ByteReader(bytes);
  negative.take(-1);
  assert.match(negative.fault ?? "", /length of -1/);
});

test("checkCount() lets no count through that the bytes cannot hold", () => {
  const three = new Uint8Array(3);
  assert.equal(new ByteReader(three).checkCount(3, 1), 3);
  assert.equal(new ByteReader(three).checkCount(1, 2), 1);
  for (const [count, itemBytes] of [[4, 1], [2, 2], [-1, 1], [2 ** 31 - 1, 1]] as const) {
    const reader = new ByteReader(three);
    assert.equal(reader.checkCount(count, itemBytes), 0);
    assert.notEqual(reader.fault, null);
  }
});

test("ByteReader never throws, whatever it is asked of whatever bytes", () => {
  const random = new SeededRandom(12);
  const kinds = [
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "int64",
    "bigInt64",
    "float64",
    "varint",
    "varlong",
    "unsignedVarint",
  ] as const;
  for (let round = 0; round < 20_000; round++) {
    const reader = new ByteReader(random.bytes(random.below(24)));
    for (let step = 0; step < 8; step++) {
      const before = reader.at;
      reader[random.pick(kinds)]();
      reader.text(reader.varint());
      assert.ok(reader.at >= before && reader.at <= reader.end);
    }
  }
});
