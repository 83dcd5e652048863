import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/base/limits.ts";
import { requestHash } from "../../src/broker/idempotency_key.ts";
import { decodeIdempotencyRecord, encodeIdempotencyRecord } from "../../src/broker/idempotency_records.ts";
import type { IdempotencyRecord, IdempotencyValue, Intent, KeyedAnswer } from "../../src/broker/idempotency_records.ts";
import { IdempotencyTable } from "../../src/broker/idempotency_table.ts";
import type { RoutedRecord } from "../../src/broker/broker_api.ts";
import { SeededRandom } from "../seeded_random.ts";

const answer = (hash: string): KeyedAnswer => (
  { type: "answer", hash, route: [[0, 2], [3, 1]], pieces: [[0, 7, 2], [3, 1, 1]], durability: "fsync" }
);
const intent = (hash: string): Intent => (
  { type: "intent", hash, producerId: 12n, route: [[0, 2]], runs: [[0, 5, 2]], landed: [] }
);
const answered = (hash: string) => ({ state: "answered", answer: answer(hash) }) as const;

test("IdempotencyTable leads a key from a first request to its answer", () => {
  const table = new IdempotencyTable();
  equal(table.find("k", "h", 0), null);
  table.begin("k", "h", 2, 0);
  throws(() => table.find("k", "h", 0), { code: "request_in_flight" });
  throws(() => table.begin("k", "h", 2, 0), { code: "request_in_flight" });
  throws(() => table.find("k", "other", 0), { code: "idempotency_mismatch" });
  table.end("k", answered("h"), 1);
  deepEqual(table.find("k", "h", 1), answered("h"));
  throws(() => table.find("k", "other", 1), { code: "idempotency_mismatch" });
  table.giveUp("k");
  equal(table.find("k", "other", 1), null);
});

test("IdempotencyTable is full at its bounds, forgets no key for a new one, and lets known ones go on", () => {
  const rows = 2 * 5;
  const bytesOfTwo = 2 * (400 + 2 * 2 + 80 * rows);
  for (const options of [{ keysMax: 2 }, { bytesMax: bytesOfTwo }]) {
    const table = new IdempotencyTable(options);
    table.begin("k1", "h", rows, 0);
    table.begin("k2", "h", rows, 0);
    throws(() => table.begin("k3", "h", rows, 0), { code: "overloaded" });
    table.end("k1", { state: "interrupted", intent: intent("h"), landed: [] }, 0);
    table.begin("k1", "h", rows, 0);
    table.giveUp("k2");
    table.begin("k3", "h", rows, 0);
    equal(table.size, 2);
  }
});

test("IdempotencyTable keeps an answer for its time, and what is in work for as long as it takes", () => {
  const table = new IdempotencyTable({ keysMax: 2 });
  table.begin("k1", "h", 1, 0);
  table.begin("k2", "h", 1, 0);
  table.end("k2", answered("h"), 5);
  ok(table.find("k2", "h", 4 + LIMITS.idempotencyKeepMs) !== null);
  throws(() => table.begin("k3", "h", 1, 4 + LIMITS.idempotencyKeepMs), { code: "overloaded" });
  equal(table.find("k2", "other", 5 + LIMITS.idempotencyKeepMs), null);
  table.begin("k3", "h", 1, 5 + LIMITS.idempotencyKeepMs);
  throws(() => table.find("k1", "h", 9 * LIMITS.idempotencyKeepMs), { code: "request_in_flight" });
});

test("IdempotencyTable is built again from its records, the last one of a key counts", () => {
  const table = new IdempotencyTable();
  const replay = (scopedKey: string, timestamp: number, value: IdempotencyValue | null) =>
    table.replay({ scopedKey, timestamp, value });
  replay("k1", 0, intent("h"));
  replay("k2", 0, intent("h"));
  replay("k3", 0, intent("h"));
  replay("k1", 1, answer("h"));
  replay("k2", 1, null);
  deepEqual(table.find("k1", "h", 2), answered("h"));
  equal(table.find("k2", "h", 2), null);
  deepEqual([...table.interrupted()].map(({ scopedKey }) => scopedKey), ["k3"]);
  table.settle("k3", [[0, 9, 1]]);
  deepEqual(table.find("k3", "h", 2), { state: "interrupted", intent: intent("h"), landed: [[0, 9, 1]] });
});

test("decodeIdempotencyRecord() takes what encodeIdempotencyRecord() wrote, or says that it is none", () => {
  const random = new SeededRandom(1);
  for (const value of [intent("hash"), answer("hash"), null]) {
    const record: IdempotencyRecord = { scopedKey: "id key", timestamp: 5, value };
    const encoded = encodeIdempotencyRecord(record);
    deepEqual(decodeIdempotencyRecord({ ...encoded, timestamp: 5, offset: 0 }), record);
    for (let count = 0; count < 5_000 && encoded.value !== null; count++) {
      const decoded = decodeIdempotencyRecord({
        ...encoded,
        value: random.mutate(encoded.value),
        timestamp: 5,
        offset: 0,
      });
      // Whatever was taken can be written and read again.
      if (decoded === null) continue;
      const again = encodeIdempotencyRecord(decoded);
      deepEqual(decodeIdempotencyRecord({ ...again, timestamp: 5, offset: 0 }), decoded);
    }
  }
});

test("requestHash() tells requests apart by everything that they say", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const base: RoutedRecord = {
    record: { key: bytes("k"), value: bytes("v"), headers: [{ key: "h", value: bytes("x") }] },
  };
  const requests: RoutedRecord[][] = [
    [],
    [base],
    [base, base],
    [{ ...base, partition: 0 }],
    [{ ...base, partition: 1 }],
    [{ record: { ...base.record, key: null } }],
    [{ record: { ...base.record, key: bytes("") } }],
    [{ record: { ...base.record, key: bytes("kv"), value: bytes("") } }],
    [{ record: { ...base.record, value: null } }],
    [{ record: { ...base.record, headers: [] } }],
    [{ record: { ...base.record, headers: [{ key: "h", value: null }] } }],
    [{ record: { ...base.record, headers: [{ key: "hx", value: bytes("") }] } }],
    [{ record: { ...base.record, timestamp: 5 } }],
  ];
  const hashes = requests.flatMap((records) => [requestHash(records, undefined), requestHash(records, 3)]);
  equal(new Set(hashes).size, hashes.length);
  equal(requestHash([base], undefined), requestHash([structuredClone(base)], undefined));
  // SHA-256 of the bytes of −1 alone: no offset is expected, and there are no records.
  equal(requestHash([], undefined), "EqOuRFZhzl3ueNBlDTM2LewpxPgq8F5+V/tZW7us8Mo=");
});
