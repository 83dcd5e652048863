import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, encodeBase64, encodeBase64Url } from "../../src/bytes/base64.ts";
import { concatBytes } from "../../src/bytes/concat.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import {
  decodeUtf8,
  decodeUtf8Leniently,
  encodeUtf8,
  isValidUtf8,
  utf8Bytes,
  writeUtf8,
} from "../../src/bytes/utf8.ts";
import { SeededRandom } from "../seeded_random.ts";

const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function runtimeDecodes(bytes: Uint8Array): string | null {
  try {
    return FATAL.decode(bytes);
  } catch {
    return null;
  }
}

test("decodeBase64() takes both alphabets, padded or not", () => {
  assert.deepEqual(decodeBase64(""), new Uint8Array(0));
  assert.deepEqual(decodeBase64("3q2+7w=="), Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
  assert.deepEqual(decodeBase64("3q2+7w"), Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
  assert.deepEqual(decodeBase64("3q2-7w"), Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
  assert.deepEqual(decodeBase64("AAE="), Uint8Array.of(0, 1));
  assert.deepEqual(decodeBase64("_-8="), Uint8Array.of(0xff, 0xef));
});

test("decodeBase64() refuses what is not exactly one byte string", () => {
  const bad = [
    "A",
    "AAAAA",
    "=",
    "==",
    "AA=",
    "A===",
    "AAE==",
    "AAA=AAAA",
    "AA E",
    "AAE\n",
    "AB==",
    "AAB=",
    "+/-_",
    "é===",
    "AAA\u0141",
    "A*==",
    "AAAÿ",
  ];
  for (const text of bad) assert.equal(decodeBase64(text), null, JSON.stringify(text));
});

test("base64 round-trips bytes of every small length", () => {
  const random = new SeededRandom(5);
  for (let length = 0; length < 70; length++) {
    const bytes = random.bytes(length);
    assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes);
    assert.deepEqual(decodeBase64(encodeBase64Url(bytes)), bytes);
    assert.match(encodeBase64Url(bytes), /^[\w-]*$/);
  }
});

test("decodeBase64() accepts only texts that it would write itself", () => {
  const random = new SeededRandom(6);
  const characters = "AQgwZ+/-_= é";
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: random.below(9) }, () => characters[random.below(characters.length)]).join("");
    const bytes = decodeBase64(text);
    if (bytes === null) continue;
    const standard = encodeBase64(bytes);
    const url = standard.replaceAll("+", "-").replaceAll("/", "_");
    assert.ok([standard, url].some((form) => form === text || form.replaceAll("=", "") === text), text);
  }
});

test("hex round-trips and refuses other texts", () => {
  const bytes = Uint8Array.of(0, 1, 0x7f, 0x80, 0xff);
  assert.equal(encodeHex(bytes), "00017f80ff");
  assert.deepEqual(decodeHex("00017F80ff"), bytes);
  assert.deepEqual(decodeHex(""), new Uint8Array(0));
  for (const text of ["0", "0g", "0x", " 00", "00 ", "００"]) assert.equal(decodeHex(text), null, text);
});

test("decodeUtf8() keeps a byte order mark and refuses what is not UTF-8", () => {
  assert.equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
  assert.equal(decodeUtf8(new Uint8Array(0)), "");
  assert.equal(decodeUtf8(Uint8Array.of(0x61, 0xff)), null);
  assert.equal(decodeUtf8(new Uint8Array(40).fill(0xc3)), null);
  assert.equal(decodeUtf8(Uint8Array.of(0x78, 0x61, 0x62, 0x79), 1, 3), "ab");
  assert.equal(decodeUtf8Leniently(Uint8Array.of(0x61, 0xff)), "a\ufffd");
});

test("encodeUtf8() refuses lone surrogates", () => {
  assert.deepEqual(encodeUtf8("é😀"), Uint8Array.of(0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80));
  assert.equal(encodeUtf8("a\ud800"), null);
  assert.equal(encodeUtf8("\udc00a"), null);
});

test("isValidUtf8() and decodeUtf8() agree with the runtime's strict decoder", () => {
  const random = new SeededRandom(7);
  const edges = [
    0x00,
    0x41,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
  ];
  let valid = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = Uint8Array.from({ length: random.below(6) }, () => random.pick(edges));
    const expected = runtimeDecodes(bytes);
    assert.equal(isValidUtf8(bytes), expected !== null, String(bytes));
    assert.equal(decodeUtf8(bytes), expected, String(bytes));
    if (expected !== null && bytes.length > 2) valid++;
  }
  assert.ok(valid > 200, `only ${valid} valid texts were tried`);
});

test("utf8Bytes() and writeUtf8() agree with the runtime's encoder", () => {
  const random = new SeededRandom(8);
  const units = [0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff];
  for (let round = 0; round < 20_000; round++) {
    const text = String.fromCharCode(...Array.from({ length: random.below(40) }, () => random.pick(units)));
    const expected = new TextEncoder().encode(text);
    assert.equal(utf8Bytes(text), expected.length);
    const into = new Uint8Array(expected.length + 3);
    assert.equal(writeUtf8(into, 2, text), 2 + expected.length);
    assert.deepEqual(into.subarray(2, 2 + expected.length), expected);
  }
});

test("concatBytes() puts pieces one after another", () => {
  const piece = Uint8Array.of(1, 2);
  assert.deepEqual(concatBytes([piece, new Uint8Array(0), Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
  assert.equal(concatBytes([piece]), piece);
  assert.deepEqual(concatBytes([]), new Uint8Array(0));
});
