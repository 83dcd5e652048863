import assert from "node:assert/strict";
import { test } from "node:test";
import { decode as decodeWithCborg, encode as encodeWithCborg } from "cborg";
import { Decoder as CborX } from "cbor-x";
import { LIMITS } from "../../src/base/limits.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { type CborValue, decodeCbor, isCborFault } from "../../src/cbor/decode_cbor.ts";
import { type CborInput, encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { SeededRandom } from "../seeded_random.ts";

const DEPTH = { depthMax: 64 };

function decodeHexText(hex: string, options: { depthMax: number; itemsMax?: number } = DEPTH): CborValue {
  const answer = decodeCbor(decodeHex(hex)!, options);
  if (isCborFault(answer)) throw new Error(answer.fault);
  return answer.value;
}

function faultOf(hex: string, options: { depthMax: number; itemsMax?: number } = DEPTH): string | null {
  const answer = decodeCbor(decodeHex(hex)!, options);
  return isCborFault(answer) ? answer.fault : null;
}

/** A value by chance: every kind, integers at the edges of their widths. */
function randomValue(random: SeededRandom, depth: number): CborInput {
  const integers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
  switch (random.below(depth === 0 ? 6 : 8)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
      return random.pick(integers);
    case 2:
      return -1 - random.pick(integers.slice(0, -1));
    case 3:
      return random.pick([1.5, -0.25, 1e300, 2 ** 60]);
    case 4:
      return random.bytes(random.pick([0, 1, 23, 24, 255, 256, 300]));
    case 5:
      return random.pick(["", "a", "é", "日本語", "😀", "x".repeat(24), "y".repeat(300), "\ufeffbom", "a\0b"]);
    case 6:
      return Array.from({ length: random.below(30) }, () => randomValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from(
          { length: random.below(6) },
          () => [random.pick(["a", "b", "key", "value", "ключ", "toString"]), randomValue(random, depth - 1)],
        ),
      );
  }
}

test("encodeCbor() writes the bytes that cborg writes, and decodeCbor() reads them back", () => {
  const random = new SeededRandom(30);
  for (let round = 0; round < 2_000; round++) {
    const value = randomValue(random, 3);
    const bytes = encodeCbor(value);
    // cborg sorts members unless it is told not to; both write the shortest forms, floats here in 64 bits.
    assert.equal(encodeHex(bytes), encodeHex(encodeWithCborg(value, { float64: true, mapSorter: () => 0 })));
    assert.deepEqual(decodeCbor(bytes, DEPTH), { value });
  }
});

test("decodeCbor() reads what cborg and cbor-x read from RFC 8949's own examples", () => {
  const examples: readonly (readonly [string, CborValue])[] = [
    ["00", 0],
    ["1818", 24],
    ["1903e8", 1000],
    ["1a000f4240", 1_000_000],
    ["1b000000e8d4a51000", 1_000_000_000_000],
    ["20", -1],
    ["3903e7", -1000],
    ["f90000", 0],
    ["f93c00", 1],
    ["fb3ff199999999999a", 1.1],
    ["f97bff", 65_504],
    ["fa47c35000", 100_000],
    ["f90001", 5.960464477539063e-8],
    ["f90400", 0.00006103515625],
    ["f9c400", -4],
    ["f4", false],
    ["f6", null],
    ["40", new Uint8Array(0)],
    ["4401020304", Uint8Array.of(1, 2, 3, 4)],
    ["6449455446", "IETF"],
    ["62c3bc", "ü"],
    ["64f0908591", "𐅑"],
    ["8301820203820405", [1, [2, 3], [4, 5]]],
    ["a26161016162820203", { a: 1, b: [2, 3] }],
  ];
  for (const [hex, value] of examples) {
    assert.deepEqual(decodeHexText(hex), value, hex);
    assert.deepEqual(decodeWithCborg(decodeHex(hex)!), value, hex);
  }
  const cborX = new CborX({ useRecords: false, mapsAsObjects: true });
  assert.deepEqual(cborX.decode(decodeHex("a26161016162820203")!), { a: 1, b: [2, 3] });
});

test("decodeCbor() takes indefinite lengths, which other encoders send", () => {
  assert.deepEqual(decodeHexText("5f42010243030405ff"), Uint8Array.of(1, 2, 3, 4, 5));
  assert.equal(decodeHexText("7f657374726561646d696e67ff"), "streaming");
  assert.deepEqual(decodeHexText("9fff"), []);
  assert.deepEqual(decodeHexText("9f018202039f0405ffff"), [1, [2, 3], [4, 5]]);
  assert.deepEqual(decodeHexText("bf61610161629f0203ffff"), { a: 1, b: [2, 3] });
  assert.deepEqual(decodeHexText("5fff"), new Uint8Array(0));
  for (
    const hex of [
      "5f",
      "5f6161ff",
      "5f5f4101ffff",
      "7f4161ff",
      "7f61c361bcff",
      "9f01",
      "bf6161ff",
      "bf6161",
      "1fff",
      "3f",
      "ff",
      "81ff",
    ]
  ) {
    assert.notEqual(faultOf(hex), null, hex);
  }
});

test("decodeCbor() refuses what has no one meaning for us", () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ["", /ends early/],
    ["0000", /left over/],
    ["c11a514b67b0", /Tags/],
    ["d84043010203", /Tags/],
    ["c249010000000000000000", /Tags/],
    ["f7", /Undefined/],
    ["f0", /Simple/],
    ["f818", /Simple/],
    ["1c", /reserved/],
    ["fc", /Simple/],
    ["61ff", /UTF-8/],
    ["62c328", /UTF-8/],
    ["63eda080", /UTF-8/],
    ["a200000101", /not a text string/],
    ["a1410001", /not a text string/],
    ["a2616101616102", /twice/],
    ["a2687661726961626c6500687661726961626c6501", /twice/],
    ["a1695f5f70726f746f5f5f80", /__proto__/],
    ["f97e00", /not finite/],
    ["f97c00", /not finite/],
    ["fb7ff0000000000000", /not finite/],
    ["faff800000", /not finite/],
    ["1b0020000000000000", /2\^53/],
    ["3b001fffffffffffff", /2\^53/],
    ["1bffffffffffffffff", /2\^53/],
    ["5a7fffffff00", /does not fit/],
    ["5bffffffffffffffff00", /does not fit/],
    ["7affffffff61", /does not fit/],
    ["9affffffff00", /does not fit/],
    ["9bffffffffffffffff00", /does not fit/],
    ["ba7fffffff00", /does not fit/],
    ["a1", /does not fit/],
    ["1903", /ends early/],
    ["fb00", /ends early/],
  ];
  for (const [hex, fault] of refused) assert.match(faultOf(hex) ?? "none", fault, hex);
});

test("decodeCbor() takes integers up to 2^53 - 1 of both signs", () => {
  assert.equal(decodeHexText("1b001fffffffffffff"), Number.MAX_SAFE_INTEGER);
  assert.equal(decodeHexText("3b001ffffffffffffe"), -Number.MAX_SAFE_INTEGER);
});

test("decodeCbor() cannot be made to change a prototype", () => {
  const value = decodeHexText(encodeHex(encodeCbor({ constructor: { prototype: { polluted: true } }, toString: 1 })));
  assert.deepEqual(Object.keys(value as object), ["constructor", "toString"]);
  assert.equal("polluted" in {}, false);
});

test("decodeCbor() has limits for depth and items: below, at and above", () => {
  const nested = (depth: number) => "81".repeat(depth) + "00";
  assert.equal(faultOf(nested(63)), null);
  assert.equal(faultOf(nested(64)), null);
  assert.match(faultOf(nested(65)) ?? "", /too deep/);
  assert.match(faultOf("a16161".repeat(65) + "00") ?? "", /too deep/);
  assert.match(faultOf("9f".repeat(1_000_000)) ?? "", /too deep/);
  assert.equal(faultOf("00", { depthMax: 0 }), null);
  assert.match(faultOf("80", { depthMax: 0 }) ?? "", /too deep/);
  assert.equal(faultOf("83f6f6f6", { depthMax: 64, itemsMax: 4 }), null);
  assert.match(faultOf("83f6f6f6", { depthMax: 64, itemsMax: 3 }) ?? "", /too many/);
  assert.equal(faultOf("a16161f6", { depthMax: 64, itemsMax: 3 }), null);
  assert.match(faultOf("a16161f6", { depthMax: 64, itemsMax: 2 }) ?? "", /too many/);
  assert.match(faultOf(`5f${"40".repeat(100)}ff`, { depthMax: 64, itemsMax: 50 }) ?? "", /too many/);
  assert.throws(() => decodeCbor(Uint8Array.of(0), { depthMax: 65 }), { name: "AssertionError" });
  assert.equal(LIMITS.bodyDepthMax, 64);
});

test("decodeCbor() gives byte strings as plain views into the input", () => {
  const input = encodeCbor({ value: Uint8Array.of(1, 2, 3) });
  const answer = decodeCbor(input, DEPTH);
  assert.ok(!isCborFault(answer));
  const value = (answer.value as { value: Uint8Array }).value;
  assert.equal(value.constructor, Uint8Array);
  assert.equal(value.buffer, input.buffer);
});

test("decodeCbor() does not take bytes for a short text that it has seen, unless they say it", () => {
  // "éé" has the character codes of the bytes E9 E9, which are no UTF-8.
  const seen = "64c3a9c3a9";
  for (let first = 0; first < 256; first += 3) {
    for (const bytes of [[0xe9, 0xe9], [first, 0xe9], [0xe9, first]]) {
      assert.match(faultOf(`82${seen}62${encodeHex(Uint8Array.from(bytes))}`) ?? "", /UTF-8/);
    }
  }
  const random = new SeededRandom(31);
  const texts = Array.from(
    { length: 3_000 },
    () => random.pick(["ab", "ba", "aab", "abb", "éé", "key", "kez", "value", "valve"]),
  );
  assert.deepEqual(decodeCbor(encodeCbor(texts), DEPTH), { value: texts });
});

test("encodeCbor() leaves undefined members out and writes bigints as integers", () => {
  assert.equal(encodeHex(encodeCbor({ a: undefined, b: 1 })), "a1616201");
  assert.equal(encodeHex(encodeCbor(2n ** 63n)), "1b8000000000000000");
  assert.equal(encodeHex(encodeCbor(-(2n ** 63n))), "3b7fffffffffffffff");
  assert.equal(encodeHex(encodeCbor(5n)), "05");
  assert.equal(encodeHex(encodeCbor(1_760_000_000_000)), "1b00000199c82cc000");
  assert.equal(encodeHex(encodeCbor("a\ud800")), "6461efbfbd");
});

test("decodeCbor() answers for 50,000 damaged inputs, and never takes what cborg refuses as malformed", () => {
  const random = new SeededRandom(32);
  const record = {
    key: random.bytes(3),
    value: "text",
    headers: [["a", Uint8Array.of(1)]],
    timestamp: 1_760_000_000_000,
  };
  const inputs = [
    encodeCbor({ topic: "orders", records: [record, record] }),
    encodeCbor(randomValue(random, 3)),
    decodeHex("bf61619f015f4101ffffff")!,
  ];
  let read = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = random.mutate(random.pick(inputs));
    const answer = decodeCbor(bytes, DEPTH);
    if (isCborFault(answer)) continue;
    read++;
    // What we accept, a second library reads as the same value (it has no strings of indefinite length).
    if (round % 10 === 0 && !bytes.includes(0x5f) && !bytes.includes(0x7f)) {
      assert.deepEqual(decodeWithCborg(bytes, { rejectDuplicateMapKeys: true }), answer.value, encodeHex(bytes));
    }
  }
  assert.ok(read > 500, `only ${read} inputs were read`);
});
