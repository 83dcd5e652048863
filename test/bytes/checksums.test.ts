import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "../../src/bytes/crc32.ts";
import { crc32c, crc32cByTables } from "../../src/bytes/crc32c.ts";
import { FOLDING_DISTANCES, makeFold } from "../../src/bytes/crc32c_folding.ts";
import { SeededRandom } from "../seeded_random.ts";

const CHECK = new TextEncoder().encode("123456789");

/** The definition, one bit at a time. */
function slowCrc(polynomial: number, bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("crc32c() has the check value and the vectors of RFC 3720 B.4", () => {
  assert.equal(crc32c(CHECK), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c);
});

test("crc32c() agrees with the definition at every length and start", () => {
  const bytes = new SeededRandom(1).bytes(100);
  for (let start = 0; start < 20; start++) {
    for (let end = start; end <= 100; end++) {
      assert.equal(crc32c(bytes, start, end), slowCrc(0x82f63b78, bytes.subarray(start, end)), `${start}-${end}`);
    }
  }
});

test("crc32c() goes on from the checksum of a prefix", () => {
  const bytes = new SeededRandom(2).bytes(200);
  for (let cut = 0; cut <= 200; cut++) {
    assert.equal(crc32c(bytes, cut, 200, crc32c(bytes, 0, cut)), crc32c(bytes));
  }
});

test("crc32c() respects a view's own start in its buffer", () => {
  const bytes = new SeededRandom(3).bytes(64);
  assert.equal(crc32c(bytes.subarray(7, 50)), crc32c(bytes.slice(7, 50)));
});

test("crc32c() of long inputs agrees with the tables at every seam of its pieces", () => {
  const bytes = new SeededRandom(5).bytes(140_000);
  const seams = [768, 5_275, 12 * 1024, 32 * 1024, 64 * 1024, 96 * 1024 + 32, 128 * 1024];
  const random = new SeededRandom(6);
  for (const seam of seams) {
    for (let length = seam - 70; length <= seam + 70; length++) {
      const start = random.below(65);
      const seed = random.uint32();
      const end = start + length;
      assert.equal(crc32c(bytes, start, end, seed), crc32cByTables(bytes, start, end, seed), `${start}-${end} ${seed}`);
    }
  }
  // What an input leaves behind in the memory of the folds must not reach the next one.
  for (let count = 0; count < 300; count++) {
    const end = 700 + random.below(count % 10 === 0 ? 130_000 : 15_000);
    assert.equal(crc32c(bytes, 0, end), crc32cByTables(bytes, 0, end), `${end}`);
  }
});

test("crc32c() finds each flipped bit of a long input", () => {
  const bytes = new SeededRandom(7).bytes(40_000);
  const before = crc32c(bytes);
  for (let at = 0; at < bytes.length; at += 97) {
    bytes[at]! ^= 1 << (at & 7);
    assert.notEqual(crc32c(bytes), before, `byte ${at}`);
    bytes[at]! ^= 1 << (at & 7);
  }
});

test("the distances of the folding are those of multiples of the polynomial", () => {
  // x^n mod P, with the bits of P in their natural order.
  const power = (n: number): number => {
    let rest = 1;
    for (let step = 0; step < n; step++) rest = rest < 0 ? (rest << 1) ^ 0x1edc6f41 : rest << 1;
    return rest;
  };
  for (const distances of Object.values(FOLDING_DISTANCES)) {
    const n = distances.at(-1)!;
    assert.equal(distances.reduce((sum, distance) => sum ^ power(n - distance), power(n)), 0);
    assert.ok(distances.every((distance) => distance >= 16), "a vector must not reach into itself");
  }
});

test("both runtimes have the WebAssembly that the folding needs", () => {
  assert.notEqual(makeFold(), null);
});

test("crc32() has the check value, agrees with the definition and goes on from a prefix", () => {
  assert.equal(crc32(CHECK), 0xcbf43926);
  assert.equal(crc32(new Uint8Array(0)), 0);
  const bytes = new SeededRandom(4).bytes(99);
  assert.equal(crc32(bytes), slowCrc(0xedb88320, bytes));
  assert.equal(crc32(bytes.subarray(40), crc32(bytes.subarray(0, 40))), crc32(bytes));
});
