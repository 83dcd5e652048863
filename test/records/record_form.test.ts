import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/base/limits.ts";
import { decodeCbor, isCborFault } from "../../src/cbor/decode_cbor.ts";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import {
  type FormedRecord,
  isFieldFault,
  recordFromCbor,
  recordFromJson,
  recordToCbor,
  recordToJson,
} from "../../src/records/record_form.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import { SeededRandom } from "../seeded_random.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function fromJson(json: string): FormedRecord {
  const read = recordFromJson(JSON.parse(json), "/records/3");
  if (isFieldFault(read)) throw new Error(`${read.pointer}: ${read.detail}`);
  return read;
}

/** The fault's pointer below the record, or null. */
function jsonFault(json: string): string | null {
  const read = recordFromJson(JSON.parse(json), "/records/3");
  return isFieldFault(read) ? read.pointer.slice("/records/3".length) : null;
}

function cborFault(value: unknown): string | null {
  const read = recordFromCbor(value, "/records/3");
  return isFieldFault(read) ? read.pointer.slice("/records/3".length) : null;
}

const valueOf = (json: string) => new TextDecoder().decode(fromJson(json).record.value!);

test("recordFromJson() reads every member", () => {
  assert.deepEqual(
    fromJson(
      '{"key":"u1","value":"é","headers":[["t","abc"],["t",{"b64":"/w"}],["n",null]],"timestamp":5,"partition":7,"offset":9,"other":[]}',
    ),
    {
      record: {
        key: bytesOf("u1"),
        value: bytesOf("é"),
        headers: [
          { key: "t", value: bytesOf("abc") },
          { key: "t", value: Uint8Array.of(0xff) },
          { key: "n", value: null },
        ],
        timestamp: 5,
      },
      partition: 7,
    },
  );
  assert.deepEqual(fromJson('{"value":null}'), { record: { key: null, value: null, headers: [] } });
  assert.deepEqual(fromJson('{"key":null,"value":""}').record, { key: null, value: new Uint8Array(0), headers: [] });
  assert.deepEqual(fromJson('{"keyB64":"AAE=","valueB64":"3q2-7w"}').record, {
    key: Uint8Array.of(0, 1),
    value: Uint8Array.of(0xde, 0xad, 0xbe, 0xef),
    headers: [],
  });
});

test("recordFromJson() turns what is no text into compact JSON", () => {
  assert.equal(valueOf('{"value": {"b": [1, 2.5, -0.1e-7], "a": "é"} }'), '{"b":[1,2.5,-1e-8],"a":"é"}');
  assert.equal(valueOf('{"value": [ ] }'), "[]");
  assert.equal(valueOf('{"value": 9007199254740991}'), "9007199254740991");
  assert.equal(valueOf('{"value": false}'), "false");
  assert.equal(valueOf('{"value": {"a":1,"a":2}}'), '{"a":2}');
  assert.equal(valueOf('{"value": {"__proto__":{"x":1},"toJSON":2}}'), '{"__proto__":{"x":1},"toJSON":2}');
});

test("recordFromJson() refuses numbers that the parser has changed, wherever they are", () => {
  assert.equal(jsonFault('{"value":9007199254740992}'), "/value");
  assert.equal(jsonFault('{"value":-9007199254740993}'), "/value");
  assert.equal(jsonFault('{"value":1e400}'), "/value");
  assert.equal(jsonFault('{"value":{"a":[0,12345678901234567890]}}'), "/value/a/1");
  assert.equal(jsonFault('{"value":{"x/y~":[1e300]}}'), "/value/x~1y~0/0");
});

test("recordFromJson() refuses lone surrogates in every text", () => {
  assert.equal(jsonFault('{"value":"\\ud800"}'), "/value");
  assert.equal(jsonFault('{"value":{"a":"\\udc00"}}'), "/value/a");
  assert.equal(jsonFault('{"value":{"\\ud800":1}}'), "/value");
  assert.equal(jsonFault('{"key":"\\ud800","value":""}'), "/key");
  assert.equal(jsonFault('{"value":"","headers":[["\\ud800",""]]}'), "/headers/0/0");
  assert.equal(jsonFault('{"value":"","headers":[["a","\\ud800"]]}'), "/headers/0/1");
  assert.equal(jsonFault('{"value":"\\ud83d\\ude00"}'), null);
});

test("recordFromJson() wants one of value and valueB64, and at most one of key and keyB64", () => {
  assert.equal(jsonFault("{}"), "");
  assert.equal(jsonFault('{"value":"a","valueB64":"YQ"}'), "");
  assert.equal(jsonFault('{"value":null,"valueB64":"YQ"}'), "");
  assert.equal(jsonFault('{"key":"a","keyB64":"YQ","value":""}'), "");
  assert.equal(jsonFault('{"valueB64":null}'), "/valueB64");
  assert.equal(jsonFault('{"valueB64":"Y Q"}'), "/valueB64");
  assert.equal(jsonFault('{"keyB64":7,"value":""}'), "/keyB64");
});

test("recordFromJson() names the place of every other fault", () => {
  for (const json of ["null", "[]", '"a"', "7"]) assert.equal(jsonFault(json), "", json);
  assert.equal(jsonFault('{"key":7,"value":""}'), "/key");
  assert.equal(jsonFault('{"value":"","headers":{}}'), "/headers");
  assert.equal(jsonFault('{"value":"","headers":[["a"]]}'), "/headers/0");
  assert.equal(jsonFault('{"value":"","headers":[["a","b","c"]]}'), "/headers/0");
  assert.equal(jsonFault('{"value":"","headers":[["a","b"],[7,"b"]]}'), "/headers/1/0");
  assert.equal(jsonFault('{"value":"","headers":[["a",7]]}'), "/headers/0/1");
  assert.equal(jsonFault('{"value":"","headers":[["a",{"b64":"*"}]]}'), "/headers/0/1/b64");
});

test("timestamps and partitions are integers in their range: at the edges and beyond", () => {
  for (const bad of ["-1", "1.5", "9007199254740992", '"5"', "null"]) {
    assert.equal(jsonFault(`{"value":"","timestamp":${bad}}`), "/timestamp", bad);
    assert.equal(jsonFault(`{"value":"","partition":${bad}}`), "/partition", bad);
  }
  assert.equal(jsonFault('{"value":"","partition":2147483648}'), "/partition");
  assert.equal(fromJson('{"value":"","partition":2147483647}').partition, 2147483647);
  assert.equal(fromJson('{"value":"","timestamp":9007199254740991}').record.timestamp, Number.MAX_SAFE_INTEGER);
  assert.equal(fromJson('{"value":"","timestamp":0}').record.timestamp, 0);
});

test("recordFromJson() has limits for nesting and headers: below, at and above", () => {
  const nested = (depth: number) => `{"value":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assert.equal(jsonFault(nested(LIMITS.bodyDepthMax - 1)), null);
  assert.equal(jsonFault(nested(LIMITS.bodyDepthMax)), null);
  assert.notEqual(jsonFault(nested(LIMITS.bodyDepthMax + 1)), null);
  const withHeaders = (count: number) => JSON.stringify({ value: "", headers: Array(count).fill(["a", "b"]) });
  assert.equal(jsonFault(withHeaders(LIMITS.recordHeadersMax - 1)), null);
  assert.equal(jsonFault(withHeaders(LIMITS.recordHeadersMax)), null);
  assert.equal(jsonFault(withHeaders(LIMITS.recordHeadersMax + 1)), "/headers");
});

test("recordFromCbor() takes bytes and texts, null and nothing, and ignores other members", () => {
  const value = Uint8Array.of(0xff);
  const read = recordFromCbor({
    key: "é",
    value,
    headers: [["a", "b"], ["c", value], ["d", null]],
    timestamp: 1,
    partition: 0,
    offset: 4,
  }, "");
  assert.ok(!isFieldFault(read));
  assert.deepEqual(read, {
    record: {
      key: bytesOf("é"),
      value,
      headers: [{ key: "a", value: bytesOf("b") }, { key: "c", value }, { key: "d", value: null }],
      timestamp: 1,
    },
    partition: 0,
  });
  assert.equal(read.record.value, value, "a byte string is not copied");
  assert.deepEqual(recordFromCbor({ value: null }, ""), { record: { key: null, value: null, headers: [] } });
});

test("recordFromCbor() names the place of every fault", () => {
  for (const bad of [null, 7, "a", [], new Uint8Array(1)]) assert.equal(cborFault(bad), "");
  assert.equal(cborFault({}), "");
  assert.equal(cborFault({ value: 7 }), "/value");
  assert.equal(cborFault({ value: {} }), "/value");
  assert.equal(cborFault({ value: "\ud800" }), "/value");
  assert.equal(cborFault({ value: null, key: true }), "/key");
  assert.equal(cborFault({ value: null, headers: [["a", 7]] }), "/headers/0/1");
  assert.equal(cborFault({ value: null, headers: [[new Uint8Array(1), "b"]] }), "/headers/0/0");
  assert.equal(cborFault({ value: null, timestamp: 1.5 }), "/timestamp");
  assert.equal(cborFault({ value: null, partition: -1 }), "/partition");
});

test("recordToJson() writes texts where the bytes are UTF-8, and base64 where they are not", () => {
  const stored: StoredRecord = {
    offset: 7,
    timestamp: 8,
    key: Uint8Array.of(0xff),
    value: bytesOf("\ufeffé"),
    headers: [{ key: "t", value: bytesOf("x") }, { key: "t", value: Uint8Array.of(0xc3) }, { key: "n", value: null }],
  };
  assert.equal(
    JSON.stringify(recordToJson(stored, 2)),
    '{"partition":2,"offset":7,"timestamp":8,"headers":[["t","x"],["t",{"b64":"ww=="}],["n",null]],"keyB64":"/w==","value":"\ufeffé"}',
  );
  assert.deepEqual(recordToJson({ offset: 0, timestamp: -1, key: null, value: null, headers: [] }), {
    offset: 0,
    timestamp: -1,
    value: null,
    headers: [],
  });
  assert.equal(recordToJson({ ...stored, value: Uint8Array.of(0xfe) }).valueB64, "/g==");
});

test("what a reader got can be sent again, in JSON and in CBOR", () => {
  const random = new SeededRandom(40);
  const bytesOrNull = () => random.pick([null, random.bytes(random.below(40)), bytesOf("text é"), new Uint8Array(0)]);
  for (let round = 0; round < 2_000; round++) {
    const stored: StoredRecord = {
      offset: random.uint32(),
      timestamp: random.uint32(),
      key: bytesOrNull(),
      value: bytesOrNull(),
      headers: Array.from({ length: random.below(3) }, () => ({ key: random.pick(["a", "é"]), value: bytesOrNull() })),
    };
    const { offset: _, ...record } = stored;
    const partition = random.below(5);
    const expected = { record, partition };
    assert.deepEqual(recordFromJson(JSON.parse(JSON.stringify(recordToJson(stored, partition))), ""), expected);
    const decoded = decodeCbor(encodeCbor(recordToCbor(stored, partition)), { depthMax: 64 });
    assert.ok(!isCborFault(decoded));
    assert.deepEqual(recordFromCbor(decoded.value, ""), expected);
  }
});

test("the record forms answer for 50,000 damaged bodies", () => {
  const random = new SeededRandom(41);
  const form = { key: "k", valueB64: "AAE=", headers: [["a", "b"], ["c", { b64: "AA" }]], timestamp: 9, partition: 1 };
  const json = bytesOf(JSON.stringify(form));
  const cbor = encodeCbor({ ...form, value: Uint8Array.of(1, 2) });
  let records = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = random.mutate(round % 2 === 0 ? json : cbor);
    if (round % 2 === 0) {
      let parsed: unknown;
      try {
        parsed = JSON.parse(new TextDecoder().decode(bytes));
      } catch {
        continue;
      }
      if (!isFieldFault(recordFromJson(parsed, ""))) records++;
    } else {
      const decoded = decodeCbor(bytes, { depthMax: 64 });
      if (!isCborFault(decoded) && !isFieldFault(recordFromCbor(decoded.value, ""))) records++;
    }
  }
  assert.ok(records > 500, `only ${records} bodies held a record`);
});
