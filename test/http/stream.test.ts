import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { decodeCbor } from "../../src/cbor/decode_cbor.ts";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { expectProblem, type Json, settle, type TestApp, testApp } from "./test_app.ts";

const FIRST = "/v1/topics/orders/partitions/0/records";
const ALL = "/v1/topics/orders/records";
const EVENTS = { accept: "text/event-stream" };

const batchOf = (...values: string[]) =>
  buildRecordBatch(
    values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] })),
    { nowMs: 1_000 },
  );

async function filled(values: readonly string[], options: Parameters<typeof testApp>[0] = {}): Promise<TestApp> {
  const app = testApp(options);
  await app.broker.createTopic("orders", { partitions: 1 });
  for (const value of values) app.broker.append("orders", 0, batchOf(value));
  return app;
}

interface ServerEvent {
  readonly event: string;
  readonly id?: string;
  readonly data: Json;
}

/** Reads the events of a stream one by one; each is one chunk of ours. */
function eventsOf(response: Response): { next(): Promise<ServerEvent | null>; cancel(): Promise<void> } {
  const reader = response.body!.getReader();
  return {
    cancel: () => reader.cancel(),
    async next() {
      const { value, done } = await reader.read();
      if (done) return null;
      const text = new TextDecoder().decode(value);
      assert.ok(text.endsWith("\n\n"));
      const fields = new Map(
        text.trimEnd().split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      const event = { event: fields.get("event")!, data: JSON.parse(fields.get("data")!) };
      return fields.has("id") ? { ...event, id: fields.get("id")! } : event;
    },
  };
}

test("an event stream gives what is there, then what comes, each with its cursor", async () => {
  const { broker, call, keptOpen } = await filled(["a", "b"]);
  const response = await call(FIRST, { headers: EVENTS });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(keptOpen(), 1);
  const events = eventsOf(response);
  const first = (await events.next())!;
  assert.equal(first.event, "records");
  assert.deepEqual(first.data.records.map((stored: Json) => stored.value), ["a", "b"]);
  assert.equal(first.data.next, 2);
  assert.equal(first.data.tail, 2);
  assert.equal(first.id, first.data.cursor);
  const coming = events.next();
  await settle();
  assert.equal(broker.waits, 1);
  broker.append("orders", 0, batchOf("c\nd\r\u2028"));
  assert.equal((await coming)!.data.records[0].value, "c\nd\r\u2028");
  await events.cancel();
});

test("Last-Event-ID resumes, and is newer than the cursor in the URL", async () => {
  const { call, json } = await filled(["a", "b", "c"]);
  const { cursor: old } = await json(`${FIRST}?limit=1`);
  const { cursor } = await json(`${FIRST}?limit=2`);
  const response = await call(`${FIRST}?cursor=${old}`, { headers: { ...EVENTS, "last-event-id": cursor } });
  const events = eventsOf(response);
  assert.equal((await events.next())!.data.records[0].value, "c");
  await events.cancel();
  await expectProblem(call(FIRST, { headers: { ...EVENTS, "last-event-id": "x" } }), 422, "invalid_parameter");
});

test("an idle event stream sends a ping with the tail every 15 seconds", async () => {
  const { clock, broker, call } = await filled(["a"]);
  const events = eventsOf(await call(`${FIRST}?from=latest`, { headers: EVENTS }));
  assert.equal((await events.next())!.event, "ping");
  for (let round = 0; round < 3; round++) {
    const ping = events.next();
    await settle();
    clock.advance(14_999);
    await settle();
    assert.equal(broker.waits, 1);
    clock.advance(1);
    const event = (await ping)!;
    assert.equal(event.event, "ping");
    assert.equal(event.data.tail, 1);
    assert.equal(event.id, undefined);
  }
  await events.cancel();
  assert.equal(clock.pendingCalls, 0);
});

test("stop() ends streams with event end, and the cursor to go on", async () => {
  const { app, broker, call } = await filled(["a"]);
  const events = eventsOf(await call(FIRST, { headers: EVENTS }));
  const { id } = (await events.next())!;
  const last = events.next();
  await settle();
  app.stop();
  assert.deepEqual(await last, { event: "end", id, data: { reason: "stopping", cursor: id } });
  assert.equal(await events.next(), null);
  assert.equal(broker.waits, 0);
});

test("a caller who goes away frees its place", async () => {
  const { broker, call, app } = await filled([], { limits: { httpWaitsMax: 1 } });
  const events = eventsOf(await call(FIRST, { headers: EVENTS }));
  assert.equal((await events.next())!.event, "ping");
  const never = events.next();
  await settle();
  await expectProblem(call(FIRST, { headers: EVENTS }), 429, "overloaded");
  await events.cancel();
  assert.equal(await never, null);
  assert.equal(broker.waits, 0);
  const again = await call(FIRST, { headers: EVENTS });
  assert.equal(again.status, 200);
  app.stop();
  assert.match(await again.text(), /\n\nevent: end\n/);
});

test("a slow reader costs no memory: nothing is read before it is asked for", async () => {
  const { broker, call } = await filled(Array.from({ length: 2_500 }, (_, at) => String(at)));
  const response = await call(FIRST, { headers: EVENTS });
  await settle();
  const fetches = broker.fetches.length;
  await settle();
  assert.equal(broker.fetches.length, fetches);
  assert.equal(fetches, 1);
  const events = eventsOf(response);
  for (const count of [1_000, 1_000, 500]) assert.equal((await events.next())!.data.records.length, count);
  await events.cancel();
});

test("a stream ends after limit records, at to, and after wait idle seconds", async () => {
  const { clock, call } = await filled(["a", "b", "c", "d"]);
  const namesOf = async (query: string) =>
    (await (await call(FIRST + query, { headers: EVENTS })).text()).match(/^(event|data).*$/gm)!;
  const limited = await namesOf("?limit=2");
  assert.equal(limited.length, 4);
  assert.equal(JSON.parse(limited[1]!.slice(6)).records.length, 2);
  assert.equal(JSON.parse(limited[3]!.slice(6)).reason, "complete");
  assert.equal(JSON.parse((await namesOf("?to=3"))[1]!.slice(6)).next, 3);
  assert.equal(JSON.parse((await namesOf("?wait=0"))[3]!.slice(6)).reason, "idle");
  const idle = eventsOf(await call(`${FIRST}?from=latest&wait=5`, { headers: EVENTS }));
  assert.equal((await idle.next())!.event, "ping");
  const end = idle.next();
  await settle();
  clock.advance(5_000);
  assert.equal((await end)!.data.reason, "idle");
});

test("what is wrong from the beginning has its own status, what goes wrong later is event problem", async () => {
  const { broker, call } = await filled(["a"]);
  await expectProblem(call("/v1/topics/nope/records", { headers: EVENTS }), 404, "unknown_topic");
  await expectProblem(call(`${FIRST}?from=7`, { headers: EVENTS }), 416, "offset_out_of_range");
  const events = eventsOf(await call(FIRST, { headers: EVENTS }));
  await events.next();
  broker.faults.set(0, new SentinelError("storage_error", "orders-0 is offline"));
  broker.append("orders", 0, batchOf("b"));
  const problem = (await events.next())!;
  assert.equal(problem.event, "problem");
  assert.equal(problem.data.code, "storage_error");
  assert.equal(await events.next(), null);
});

test("NDJSON has one record a line", async () => {
  const { call, broker } = await filled(["a", "b\n"]);
  const response = await call(`${FIRST}?wait=0`, { headers: { accept: "application/x-ndjson" } });
  assert.equal(response.headers.get("content-type"), "application/x-ndjson");
  const lines = (await response.text()).split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(lines.map((line) => JSON.parse(line).value), ["a", "b\n"]);
  const stream = await call(FIRST, { headers: { accept: "application/x-ndjson" } });
  broker.faults.set(0, new SentinelError("storage_error", "orders-0 is offline"));
  const last = (await stream.text()).trimEnd().split("\n").at(-1)!;
  assert.equal(JSON.parse(last).problem.code, "storage_error");
});

test("an idle NDJSON stream waits without a byte and without spinning", async () => {
  const { clock, broker, call } = await filled([]);
  const reader = (await call(FIRST, { headers: { accept: "application/x-ndjson" } })).body!.getReader();
  const chunk = reader.read();
  for (let round = 0; round < 3; round++) {
    await settle();
    clock.advance(15_000);
  }
  await settle();
  assert.ok(broker.fetches.length <= 6, String(broker.fetches.length));
  broker.append("orders", 0, batchOf("a"));
  assert.equal(JSON.parse(new TextDecoder().decode((await chunk).value)).value, "a");
  await reader.cancel();
});

test("a CBOR sequence has one item a record, over all partitions too", async () => {
  const { call } = await filled(["a", "b"]);
  const response = await call(`${ALL}?wait=0`, { headers: { accept: "application/cbor-seq" } });
  assert.equal(response.headers.get("content-type"), "application/cbor-seq");
  const bytes = new Uint8Array(await response.arrayBuffer());
  const expected = ["a", "b"].map((value, offset) =>
    encodeCbor({ partition: 0, offset, timestamp: 1_000, value: new TextEncoder().encode(value), headers: [] })
  );
  assert.deepEqual(bytes.length, expected[0]!.length + expected[1]!.length);
  const decoded = decodeCbor(bytes.subarray(0, expected[0]!.length), { depthMax: 64 });
  assert.ok("value" in decoded && (decoded.value as Json).offset === 0);
});

test("Accept chooses by quality, and problems of a cbor-seq request are CBOR", async () => {
  const { call } = await filled(["a"]);
  const typeOf = async (accept: string, path = `${FIRST}?wait=0`) => {
    const response = await call(path, { headers: { accept } });
    await response.body?.cancel();
    return response.headers.get("content-type");
  };
  assert.equal(await typeOf("text/html, */*;q=0.1"), "application/json");
  assert.equal(await typeOf("application/json;q=0.5, application/cbor"), "application/cbor");
  assert.equal(await typeOf("application/cbor;q=0, application/json;q=0.1"), "application/json");
  assert.equal(await typeOf("text/event-stream;q=0.9, application/x-ndjson;q=1.0"), "application/x-ndjson");
  assert.equal(await typeOf("image/png"), "application/json");
  assert.equal(await typeOf("application/cbor;q=nonsense"), "application/json");
  assert.equal(await typeOf("application/cbor-seq", "/v1/topics/nope/records"), "application/problem+cbor");
  assert.equal(await typeOf("text/event-stream", "/v1/topics"), "application/json");
});
