/** The HTTP face over the real broker and this runtime's own HTTP server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { TEST_ENGINE } from "../broker/broker_fixture.ts";
import { currentPlatform } from "../adapters/current.ts";
import type { Json } from "./test_app.ts";

interface Live extends AsyncDisposable {
  readonly url: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  json(path: string): Promise<Json>;
  metric(name: string): Promise<number>;
}

async function live(): Promise<Live> {
  const broker = await startTestBroker(currentPlatform({ memory: true }), {
    partitions: 1,
    storageEngine: TEST_ENGINE,
  });
  const url = broker.http;
  return {
    url,
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json", ...headers },
      }),
    json: async (path) => await (await fetch(url + path)).json(),
    metric: async (name) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
    },
    [Symbol.asyncDispose]: () => broker.stop(),
  };
}

/** Waits until a condition that must come true is true; the test's own time limit ends it otherwise. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const RECORDS = "/v1/topics/orders/records";
const FIRST = "/v1/topics/orders/partitions/0/records";

test("records go in and come out, with every field that they had", async () => {
  await using broker = await live();
  const sent = {
    key: "u1",
    value: { total: 9 },
    headers: [["trace", "abc"], ["trace", { b64: "/w==" }]],
    timestamp: 5,
  };
  const answer = await broker.post(RECORDS, { records: [sent, { value: null }] });
  assert.equal(answer.status, 200);
  assert.deepEqual((await answer.json()).offsets, [[0, 0], [0, 1]]);
  const { records } = await broker.json(FIRST);
  const { value, ...rest } = sent;
  assert.deepEqual(records[0], { partition: 0, offset: 0, ...rest, value: JSON.stringify(value) });
  assert.equal(records[1].value, null);
});

test("a request with an idempotency key is stored once, whatever is sent in between", async () => {
  await using broker = await live();
  const key = { "idempotency-key": '"order-1"' };
  const first = await broker.post(RECORDS, { value: "a" }, key);
  await broker.post(RECORDS, { value: "b" });
  const second = await broker.post(RECORDS, { value: "a" }, key);
  assert.deepEqual([first.headers.get("idempotency-replayed"), second.headers.get("idempotency-replayed")], [
    null,
    "true",
  ]);
  assert.deepEqual(await second.json(), await first.json());
  const other = await broker.post(RECORDS, { value: "c" }, key);
  assert.deepEqual([other.status, (await other.json()).code], [422, "idempotency_mismatch"]);
  assert.deepEqual((await broker.json(FIRST)).records.map((record: Json) => record.value), ["a", "b"]);
  assert.deepEqual((await broker.json("/v1/topics")).topics.map((topic: Json) => topic.name ?? topic), ["orders"]);
});

test("seed-P3: a produce that fails leaves no topic behind", async () => {
  await using broker = await live();
  assert.equal((await broker.post(`${RECORDS}?partition=7`, { value: "a" })).status, 404);
  assert.equal((await broker.post(RECORDS, [{ value: "a" }, { value: "a".repeat(1_100_000) }])).status, 413);
  assert.equal((await broker.post(RECORDS, [{ value: "a" }, {}])).status, 422);
  assert.deepEqual((await broker.json("/v1/topics")).topics, []);
});

test("If-Match is a compare-and-append: of many at once exactly one wins", async () => {
  await using broker = await live();
  await broker.post(RECORDS, { value: "first" });
  const attempts = Array.from(
    { length: 20 },
    (_, at) => broker.post(`${RECORDS}?partition=0`, { value: String(at) }, { "if-match": '"1"' }),
  );
  const answers = await Promise.all(attempts);
  assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
  for (const answer of answers) {
    const body = await answer.json();
    if (answer.status !== 200) assert.deepEqual([answer.status, body.code, body.tail], [412, "offset_mismatch", 2]);
  }
  assert.equal((await broker.json(FIRST)).tail, 2);
});

test("a topic is made, changed, found equal and removed", async () => {
  await using broker = await live();
  const send = (method: string, body?: unknown) =>
    fetch(`${broker.url}/v1/topics/t`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  assert.equal((await send("PUT", { partitions: 2, config: { "retention.ms": "1000" } })).status, 201);
  assert.equal((await send("PUT", { partitions: 2, config: { "retention.ms": "1000" } })).status, 200);
  assert.equal((await send("PUT", { partitions: 3 })).status, 409);
  assert.equal((await send("PATCH", { partitions: 3, config: { "retention.ms": null } })).status, 200);
  const topic = await broker.json("/v1/topics/t");
  assert.equal(topic.partitions.length, 3);
  assert.deepEqual(topic.config, {});
  assert.equal((await send("DELETE")).status, 204);
  assert.equal((await send("GET")).status, 404);
});

test("a long poll over the network answers when a record comes", async () => {
  await using broker = await live();
  await broker.post(RECORDS, { value: "before" });
  const answer = broker.json(`${FIRST}?from=latest&wait=25`);
  await until(async () => await broker.metric("sentinel_http_waits") === 1);
  await broker.post(RECORDS, { value: "after" });
  assert.deepEqual((await answer).records.map((record: Json) => record.value), ["after"]);
  await until(async () => await broker.metric("sentinel_http_waits") === 0);
});

test("a caller who goes away from its long poll frees its place", async () => {
  await using broker = await live();
  await broker.post(RECORDS, { value: "before" });
  const stop = new AbortController();
  const answer = fetch(`${broker.url}${FIRST}?from=latest&wait=25`, { signal: stop.signal });
  await until(async () => await broker.metric("sentinel_http_waits") === 1);
  stop.abort();
  await assert.rejects(answer);
  await until(async () => await broker.metric("sentinel_http_waits") === 0);
});

test("an event stream says at once that it is there, and is freed when its reader goes", async () => {
  await using broker = await live();
  await broker.post(RECORDS, { value: "before" });
  const stop = new AbortController();
  const response = await fetch(`${broker.url}${RECORDS}?from=latest`, {
    headers: { accept: "text/event-stream" },
    signal: stop.signal,
  });
  const reader = response.body!.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /^event: ping\n/);
  await broker.post(RECORDS, { value: "after" });
  assert.match(new TextDecoder().decode((await reader.read()).value), /"value":"after"/);
  stop.abort();
  await until(async () => await broker.metric("sentinel_http_waits") === 0);
});

test("a reader that takes nothing makes the broker read no further", async () => {
  await using broker = await live();
  const value = "x".repeat(900_000);
  for (let count = 0; count < 60; count++) assert.equal((await broker.post(RECORDS, { value })).status, 200);
  const produced = await broker.metric("sentinel_bytes_produced_total");
  const stop = new AbortController();
  const response = await fetch(broker.url + RECORDS, { headers: { accept: "text/event-stream" }, signal: stop.signal });
  const reader = response.body!.getReader();
  await reader.read();
  let before = -1;
  await until(async () => {
    const consumed = await broker.metric("sentinel_bytes_consumed_total");
    const isStill = consumed === before;
    before = consumed;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return isStill;
  });
  assert.ok(before < produced / 2, `${before} of ${produced} bytes were read for a reader that takes nothing`);
  stop.abort();
});

test("a stop ends long polls and streams with an answer", async () => {
  const broker = await live();
  await broker.post(RECORDS, { value: "before" });
  const poll = broker.json(`${FIRST}?from=latest&wait=25`);
  const stream = fetch(`${broker.url}${RECORDS}?from=latest`, { headers: { accept: "text/event-stream" } });
  await until(async () => await broker.metric("sentinel_http_waits") === 2);
  const text = stream.then((response) => response.text());
  await broker[Symbol.asyncDispose]();
  assert.deepEqual((await poll).records, []);
  assert.match(await text, /event: end\n/);
});

test("a body above the limit is a problem that the caller can read", async () => {
  await using broker = await live();
  const response = await fetch(broker.url + RECORDS, {
    method: "POST",
    body: `{"value":"${"x".repeat(5_000_000)}"}`,
    headers: { "content-type": "application/json" },
  });
  assert.equal(response.status, 413);
  const problem = await response.json();
  assert.equal(problem.code, "too_large");
  assert.equal(problem.limit, 4_194_304);
});
