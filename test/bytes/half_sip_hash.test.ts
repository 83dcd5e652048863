import assert from "node:assert/strict";
import { test } from "node:test";
import { halfSipHash } from "../../src/bytes/half_sip_hash.ts";

test("halfSipHash() gives the reference's vectors for key 00…07 and input 00, 00 01, …", () => {
  // vectors_hsip32 of the reference implementation, as little-endian words.
  const vectors = [0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a, 0x89466e2a];
  const input = Uint8Array.from({ length: 10 }, (_, index) => index);
  for (const [length, hash] of vectors.entries()) {
    assert.equal(halfSipHash(input, 0, length, [0x03020100, 0x07060504]), hash, `${length} bytes`);
  }
});

test("halfSipHash() goes by the range and the seed", () => {
  const inside = Uint8Array.of(9, 9, 0, 1, 2, 9);
  assert.equal(halfSipHash(inside, 2, 5, [0x03020100, 0x07060504]), 0x04e7fe8a);
  assert.notEqual(halfSipHash(inside, 2, 5, [0x03020101, 0x07060504]), 0x04e7fe8a);
});
