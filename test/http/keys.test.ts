/** `GET /v1/topics/{topic}/keys/{key}`: how keys are written, what is answered, and what a caller may keep. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import type { KeyLookup } from "../../src/broker/key_index/keys_api.ts";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { currentPlatform } from "../adapters/current.ts";
import { cborOf, expectProblem, settle, testApp } from "./test_app.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const KEYS = "/v1/topics/tables/keys";

function found(key: string | Uint8Array, value: string, more: Partial<KeyLookup> = {}): KeyLookup {
  const record = {
    offset: 7,
    timestamp: 5,
    key: typeof key === "string" ? bytes(key) : key,
    value: bytes(value),
    headers: [],
  };
  return { topicId: "id", partition: 2, highWatermark: 9, record, ...more };
}

test("a record is one document, in JSON and in CBOR", async () => {
  const { call, broker } = testApp();
  broker.lookUp = ({ key }) => found(key, '{"total":9}');
  const answer = await call(`${KEYS}/u1`);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    partition: 2,
    offset: 7,
    timestamp: 5,
    key: "u1",
    value: '{"total":9}',
    headers: [],
  });
  assert.deepEqual(
    ["log-tail", "cache-control", "vary", "content-type"].map((name) => answer.headers.get(name)),
    ["9", "no-cache", "accept", "application/json"],
  );
  const cbor = await call(`${KEYS}/u1`, { headers: { accept: "application/cbor" } });
  const { offset, key } = await cborOf(cbor);
  assert.deepEqual([offset, key], [7, bytes("u1")]);
  assert.notEqual(cbor.headers.get("etag"), answer.headers.get("etag"));
  const { topic, waitMs, partition } = broker.lookups[0]!;
  assert.deepEqual([topic, waitMs, partition], ["tables", LIMITS.keyLookupWaitMsDefault, undefined]);
});

test("a key is what its path segment says, decoded once", async () => {
  const { call, broker } = testApp();
  broker.lookUp = ({ key }) => found(key, "1");
  const asked = async (path: string): Promise<Uint8Array> => {
    const answer = await call(path);
    assert.equal(answer.status, 200, await answer.text());
    return broker.lookups.at(-1)!.key;
  };
  assert.deepEqual(await asked(`${KEYS}/a%2Fb`), bytes("a/b"));
  assert.deepEqual(await asked(`${KEYS}/a%252Fb`), bytes("a%2Fb"));
  assert.deepEqual(await asked(`${KEYS}/a+b%20c`), bytes("a+b c"));
  assert.deepEqual(await asked(`${KEYS}/%EF%BB%BFx`), bytes("\ufeffx"));
  assert.deepEqual(await asked(`${KEYS}/%F0%9F%98%80%00`), bytes("😀\0"));
  assert.deepEqual(await asked(`${KEYS}/keys`), bytes("keys"));
  assert.deepEqual(await asked("/v1/topics/keys/keys/x"), bytes("x"));
  assert.deepEqual(await asked(`${KEYS}/`), new Uint8Array(0));
  assert.deepEqual(await asked(`${KEYS}/AP-_?keyEncoding=base64url`), Uint8Array.of(0, 0xff, 0xbf));
  assert.deepEqual(await asked(`${KEYS}/?keyEncoding=base64url`), new Uint8Array(0));
  assert.deepEqual(await asked(`${KEYS}/Lg?keyEncoding=base64url`), bytes("."));
  assert.deepEqual(await asked(`${KEYS}/AP-_?keyEncoding=text`), bytes("AP-_"));
});

test("what is no key is refused before anybody looks for it", async () => {
  const { call, broker } = testApp();
  for (const key of ["%ff", "%C0%80", "%", "%4", "a%zz", "%ED%A0%80"]) {
    const { detail } = await expectProblem(call(`${KEYS}/${key}`), 422, "invalid_parameter");
    assert.match(detail, /is not percent-encoded UTF-8/);
  }
  for (const key of ["A", "AB", "AA==", "A+8_", "a.b", "AA%3D%3D"]) {
    await expectProblem(call(`${KEYS}/${key}?keyEncoding=base64url`), 422, "invalid_parameter");
  }
  for (const query of ["keyEncoding=base64", "partition=-1", "wait=26", "wait=1.5", "from=0"]) {
    await expectProblem(call(`${KEYS}/a?${query}`), 422, "invalid_parameter");
  }
  await expectProblem(call("/v1/topics/a%2fb/keys/a"), 422, "invalid_topic");
  await expectProblem(call(`${KEYS}/a/b`), 404, "unknown_route");
  await expectProblem(call(`${KEYS}/a`, { method: "PUT" }), 405, "method_not_allowed");
  assert.equal(broker.lookups.length, 0);
});

test("keys at the limit and above it", async () => {
  const { call, broker } = testApp();
  broker.lookUp = ({ key }) => found(key, "1");
  const max = LIMITS.httpKeyBytesMax;
  for (const length of [max - 1, max]) {
    assert.equal((await call(`${KEYS}/${"%C3%A4".repeat(length / 2)}`)).status, 200);
    assert.equal((await call(`${KEYS}/${"a".repeat(length)}`)).status, 200);
    assert.equal(broker.lookups.at(-1)!.key.length, length);
  }
  const problem = await expectProblem(call(`${KEYS}/${"a".repeat(max + 1)}`), 422, "invalid_parameter");
  assert.equal(problem["limit"], max);
  const limits = await (await call("/v1/limits")).json();
  assert.equal(limits.keyBytesMax, max);
});

test("a key that is not there is 404 with the high watermark, which nobody may keep", async () => {
  const { call, broker } = testApp();
  broker.lookUp = () => ({ topicId: "id", partition: 1, highWatermark: 12, record: null });
  const answer = await call(`${KEYS}/a`);
  assert.deepEqual([answer.headers.get("log-tail"), answer.headers.get("cache-control")], ["12", "no-store"]);
  const { partition, highWatermark, retryable } = await expectProblem(answer, 404, "key_not_found");
  assert.deepEqual([partition, highWatermark, retryable], [1, 12, false]);
  const head = await call(`${KEYS}/a`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text(), head.headers.get("log-tail")], [404, "", "12"]);
  const cbor = await call(`${KEYS}/a`, { headers: { accept: "application/cbor" } });
  assert.equal((await cborOf(cbor)).highWatermark, 12);
});

test("a caller that has the record is told so; the tag is of the record and its form alone", async () => {
  const { call, broker } = testApp();
  let highWatermark = 9;
  let value = "1";
  broker.lookUp = ({ key }) => found(key, value, { highWatermark });
  const first = await call(`${KEYS}/a`);
  const etag = first.headers.get("etag")!;
  assert.match(etag, /^"id-2-7-j[0-9a-f]{8}"$/);
  highWatermark = 20;
  for (const match of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const unchanged = await call(`${KEYS}/a`, { headers: { "if-none-match": match } });
    assert.deepEqual([unchanged.status, await unchanged.text()], [304, ""]);
    assert.deepEqual(
      ["etag", "log-tail", "cache-control"].map((name) => unchanged.headers.get(name)),
      [etag, "20", "no-cache"],
    );
  }
  assert.equal((await call(`${KEYS}/a`, { headers: { "if-none-match": '"other"' } })).status, 200);
  const head = await call(`${KEYS}/a`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text(), head.headers.get("etag")], [200, "", etag]);
  // Below fsync a crash may give the offset to another record.
  value = "2";
  assert.equal((await call(`${KEYS}/a`, { headers: { "if-none-match": etag } })).status, 200);
});

test("an index that is behind is 503 with how far it has come", async () => {
  const { call, broker } = testApp();
  broker.lookUp = () => {
    const facts = { partition: 0, appliedOffset: 40, highWatermark: 100 };
    throw new SentinelError("key_index_behind", "The index has come to offset 40 of 100", { facts });
  };
  const answer = await call(`${KEYS}/a?wait=0`);
  assert.equal(answer.headers.get("retry-after"), "1");
  const { appliedOffset, highWatermark, retryable } = await expectProblem(answer, 503, "key_index_behind");
  assert.deepEqual([appliedOffset, highWatermark, retryable], [40, 100, true]);
  assert.equal(broker.lookups[0]!.waitMs, 0);
});

test("a lookup that waits counts as a wait, and ends with its caller or with the stop", async () => {
  const { call, broker, app, keptOpen } = testApp({ limits: { httpWaitsMax: 2 } });
  broker.lookUp = ({ onWait }) =>
    new Promise((_, reject) => {
      onWait!(() => reject(new SentinelError("key_index_behind", "ended")));
    });
  const gone = new AbortController();
  const first = call(`${KEYS}/a?wait=25`, { signal: gone.signal });
  const second = call(`${KEYS}/b`);
  await settle();
  assert.deepEqual([keptOpen(), broker.lookups[0]!.waitMs], [2, 25_000]);
  await expectProblem(call(`${KEYS}/c`), 429, "overloaded");
  gone.abort();
  await expectProblem(first, 503, "key_index_behind");
  app.stop();
  await expectProblem(second, 503, "key_index_behind");
  await expectProblem(call(`${KEYS}/d`), 503, "shutting_down");
});

test("a compacted topic is a table over HTTP", async () => {
  await using broker = await startTestBroker(currentPlatform({ memory: true }), { partitions: 3 });
  const url = broker.http;
  const json = { "content-type": "application/json" };
  const send = (method: string, path: string, body: unknown) =>
    fetch(url + path, { method, headers: json, body: JSON.stringify(body) });
  const config = { "cleanup.policy": "compact" };
  assert.equal((await send("PUT", "/v1/topics/tables", { config })).status, 201);
  const put = async (key: string, value: unknown): Promise<void> => {
    assert.equal((await send("POST", "/v1/topics/tables/records", { key, value })).status, 200);
  };
  await put("u/1", { total: 1 });
  await put("u/1", { total: 2 });
  const first = await fetch(`${url}${KEYS}/u%2F1`);
  assert.equal((await first.json()).value, '{"total":2}');
  const etag = first.headers.get("etag")!;
  assert.equal((await fetch(`${url}${KEYS}/u%2F1`, { headers: { "if-none-match": etag } })).status, 304);
  assert.equal((await fetch(`${url}${KEYS}/dS8x?keyEncoding=base64url`, { method: "HEAD" })).headers.get("etag"), etag);
  await put("u/1", { total: 3 });
  const third = await fetch(`${url}${KEYS}/u%2F1`, { headers: { "if-none-match": etag } });
  assert.equal((await third.json()).value, '{"total":3}');
  await put("u/1", null);
  assert.equal((await fetch(`${url}${KEYS}/u%2F1`)).status, 404);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^sentinel_key_lookups_total 5$/m);
  assert.match(metrics, /^sentinel_key_lookups_found_total 4$/m);
  assert.match(metrics, /^sentinel_key_index_lag\{topic="tables",partition="\d"\} 0$/m);
  const other = await send("PUT", "/v1/topics/events", {});
  assert.equal(other.status, 201);
  const refused = await fetch(`${url}/v1/topics/events/keys/a`);
  assert.deepEqual([refused.status, (await refused.json()).code], [409, "topic_not_compacted"]);
});
