import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { compressBatch } from "../../src/records/compressed_batch.ts";
import type { Codec } from "../../src/platform/compression.ts";
import { currentPlatform } from "../adapters/current.ts";
import { cborOf, expectProblem, type Json, settle, type TestApp, testApp } from "./test_app.ts";

const FIRST = "/v1/topics/orders/partitions/0/records";
const ALL = "/v1/topics/orders/records";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const record = (value: string) => ({ key: null, value: encode(value), headers: [] });
const batchOf = (...values: string[]) => buildRecordBatch(values.map(record), { nowMs: 1_000 });

/** A topic of one partition with `count` records, ten in a batch, whose values are their offsets. */
async function filled(count: number, options: Parameters<typeof testApp>[0] = {}): Promise<TestApp> {
  const app = testApp(options);
  await app.broker.createTopic("orders", { partitions: 1 });
  for (let at = 0; at < count; at += 10) {
    const values = Array.from({ length: Math.min(10, count - at) }, (_, index) => String(at + index));
    app.broker.append("orders", 0, batchOf(...values));
  }
  return app;
}

const valuesOf = (page: Json): string[] => page.records.map((stored: Json) => stored.value);

test("GET records gives records, cursor, next and tail", async () => {
  const { post, json } = testApp();
  await post(ALL, { key: "u1", value: "x", headers: [["a", "b"], ["a", { b64: "/w==" }]], timestamp: 5 });
  const page = await json(FIRST);
  assert.deepEqual(page.records, [
    { partition: 0, offset: 0, timestamp: 5, key: "u1", value: "x", headers: [["a", "b"], ["a", { b64: "/w==" }]] },
  ]);
  assert.equal(page.next, 1);
  assert.equal(page.tail, 1);
  assert.match(page.cursor, /^[A-Za-z0-9._~-]+$/);
});

test("GET records starts at an offset inside a batch, and ends at limit and at to", async () => {
  const { json } = await filled(25);
  assert.deepEqual(valuesOf(await json(`${FIRST}?from=7&limit=5`)), ["7", "8", "9", "10", "11"]);
  assert.equal((await json(`${FIRST}?from=7&limit=5`)).next, 12);
  const closed = await json(`${FIRST}?from=18&to=22`);
  assert.deepEqual(valuesOf(closed), ["18", "19", "20", "21"]);
  assert.equal(closed.next, 22);
  assert.equal((await json(`${FIRST}?from=25`)).records.length, 0);
  assert.equal((await json(`${FIRST}?from=3&to=3`)).records.length, 0);
});

test("limit: 1 and 1,000 pass, 0 and 1,001 do not; the default is 100", async () => {
  const { json, call } = await filled(1_010);
  assert.equal((await json(FIRST)).records.length, 100);
  assert.equal((await json(`${FIRST}?limit=1`)).records.length, 1);
  for (const limit of [999, 1_000]) assert.equal((await json(`${FIRST}?limit=${limit}`)).records.length, limit);
  for (const limit of [0, 1_001]) await expectProblem(call(`${FIRST}?limit=${limit}`), 422, "invalid_parameter");
});

test("maxBytes bounds the records, but the first one always comes", async () => {
  const { broker, json, call } = testApp();
  await broker.createTopic("orders", { partitions: 1 });
  broker.append("orders", 0, batchOf("a".repeat(100), "b".repeat(100), "c".repeat(100)));
  for (const [maxBytes, count] of [[1, 1], [199, 1], [200, 2], [201, 2], [300, 3]] as const) {
    const page = await json(`${FIRST}?maxBytes=${maxBytes}`);
    assert.equal(page.records.length, count, String(maxBytes));
    assert.equal(page.next, count);
  }
  assert.equal((await call(`${FIRST}?maxBytes=52428800`)).status, 200);
  for (const maxBytes of [0, 52428801]) {
    await expectProblem(call(`${FIRST}?maxBytes=${maxBytes}`), 422, "invalid_parameter");
  }
});

test("seed-W5: latest reads from the end, earliest from the start, and @ms from a time", async () => {
  const { broker, json } = await filled(10);
  assert.equal((await json(`${FIRST}?from=latest`)).next, 10);
  assert.deepEqual(valuesOf(await json(`${FIRST}?from=earliest&limit=1`)), ["0"]);
  broker.append("orders", 0, buildRecordBatch([record("late")], { nowMs: 9_000 }));
  assert.deepEqual(valuesOf(await json(`${FIRST}?from=@2000`)), ["late"]);
  assert.deepEqual(valuesOf(await json(`${FIRST}?from=%402000`)), ["late"]);
  assert.equal((await json(`${FIRST}?from=@99999`)).next, 11);
});

test("seed-K6: an offset or a partition that is not there is an answer that helps, never silence", async () => {
  const { broker, call, json } = await filled(20);
  await broker.deleteRecordsBefore("orders", 0, 10);
  for (const from of [5, 21]) {
    const problem = await expectProblem(call(`${FIRST}?from=${from}`), 416, "offset_out_of_range");
    assert.equal(problem["earliest"], 10);
    assert.equal(problem["tail"], 20);
  }
  assert.equal((await json(`${FIRST}?from=5&clamp=true`)).records[0].offset, 10);
  assert.equal((await json(`${FIRST}?from=21&clamp=true`)).next, 20);
  assert.equal((await json(`${FIRST}?from=20`)).next, 20);
  await expectProblem(call("/v1/topics/orders/partitions/9/records"), 404, "unknown_partition");
  for (const partition of ["-1", "x", "1e0", "00", "%2B1", "9007199254740993"]) {
    await expectProblem(call(`/v1/topics/orders/partitions/${partition}/records`), 404, "unknown_partition");
  }
  await expectProblem(call("/v1/topics/nope/partitions/0/records"), 404, "unknown_topic");
  await expectProblem(call("/v1/topics/nope/records"), 404, "unknown_topic");
});

test("parameters are parsed strictly, and unknown ones are refused by name", async () => {
  const { call } = await filled(1);
  const bad = [
    "from=-5",
    "from=1e3",
    "from=%2B5",
    "from=+5",
    "from=5%20",
    "from=05",
    "from=0x5",
    "from=",
    "from=9007199254740992",
    "from=1.0",
    "from=@",
    "from=@-1",
    "from=@x",
    "from=@9007199254740992",
    "to=-1",
    "to=9007199254740992",
    "limit=",
    "limit=1e1",
    "wait=26",
    "wait=-1",
    "wait=0.5",
    "isolation=dirty",
    "clamp=1",
    "cursor=",
    "cursor=x",
    "limt=5",
    "limit=1&limit=1",
    "from=%FF",
    "__proto__=1",
  ];
  for (const query of bad) {
    const problem = await expectProblem(call(`${FIRST}?${query}`), 422, "invalid_parameter");
    const name = query.split("=")[0]!;
    if (query !== "from=%FF") assert.ok(problem["detail"].toLowerCase().includes(name), problem["detail"]);
  }
  for (
    const good of [
      "",
      "from=0",
      "isolation=uncommitted",
      "isolation=committed",
      "clamp=false",
      "to=9007199254740991",
      "wait=0",
    ]
  ) {
    assert.equal((await call(`${FIRST}?${good}`)).status, 200, good);
  }
  await expectProblem(call(`${ALL}?to=5`), 422, "invalid_parameter");
});

test("a cursor goes on where the page ended, on both URLs", async () => {
  const { json } = await filled(25);
  let page = await json(`${FIRST}?limit=10`);
  const seen = valuesOf(page);
  while (page.records.length > 0) {
    page = await json(`${FIRST}?limit=10&from=0&cursor=${page.cursor}`);
    seen.push(...valuesOf(page));
  }
  assert.deepEqual(seen, Array.from({ length: 25 }, (_, at) => String(at)));
  const first = await json(`${FIRST}?limit=10`);
  assert.equal((await json(`${ALL}?limit=1&cursor=${first.cursor}`)).records[0].offset, 10);
  const all = await json(`${ALL}?limit=7`);
  assert.equal((await json(`${FIRST}?limit=1&cursor=${all.cursor}`)).records[0].offset, 7);
});

test("GET records of a topic gives every record once, in order by partition, and starves none", async () => {
  const { broker, json } = testApp();
  await broker.createTopic("orders", { partitions: 3 });
  for (let at = 0; at < 200; at++) broker.append("orders", 0, batchOf(`0-${at}`));
  for (let at = 0; at < 3; at++) broker.append("orders", 2, batchOf(`2-${at}`));
  let page = await json(`${ALL}?limit=10`);
  assert.ok(page.records.some((stored: Json) => stored.partition === 2), "partition 2 is on the first page");
  assert.equal(page.records.length, 10);
  assert.deepEqual(page.tails, { "0": 200, "1": 0, "2": 3 });
  assert.equal("next" in page, false);
  const seen: string[] = [];
  while (page.records.length > 0) {
    seen.push(...valuesOf(page));
    page = await json(`${ALL}?limit=10&cursor=${page.cursor}`);
  }
  const of = (partition: number) => seen.filter((value) => value.startsWith(`${partition}-`));
  assert.deepEqual(of(0), Array.from({ length: 200 }, (_, at) => `0-${at}`));
  assert.deepEqual(of(2), ["2-0", "2-1", "2-2"]);
  const single = [await json(`${ALL}?limit=1`)];
  single.push(await json(`${ALL}?limit=1&cursor=${single[0].cursor}`));
  assert.deepEqual(single.map((one) => one.records[0].partition).sort(), [0, 2]);
});

test("a partition that was added after the cursor is read from its start", async () => {
  const { broker, json } = await filled(1);
  const { cursor } = await json(ALL);
  await broker.alterTopic("orders", { partitions: 2 });
  broker.append("orders", 1, batchOf("new"));
  assert.deepEqual(valuesOf(await json(`${ALL}?cursor=${cursor}`)), ["new"]);
});

test("a partition that is offline is a problem beside the others' records, and alone the answer", async () => {
  const { broker, json, call } = testApp();
  await broker.createTopic("orders", { partitions: 2 });
  broker.append("orders", 0, batchOf("a"));
  broker.faults.set(1, new SentinelError("storage_error", "orders-1 is offline"));
  const page = await json(ALL);
  assert.deepEqual(valuesOf(page), ["a"]);
  assert.equal(page.problems[0].code, "storage_error");
  assert.equal(page.problems[0].partition, 1);
  await expectProblem(call(`${ALL}?cursor=${page.cursor}`), 503, "storage_error");
});

test("more partitions than httpReadPartitionsMax are read one by one", async () => {
  const { broker, call } = testApp({ limits: { httpReadPartitionsMax: 2 } });
  for (const [count, status] of [[1, 200], [2, 200], [3, 422]] as const) {
    await broker.createTopic(`t${count}`, { partitions: count });
    assert.equal((await call(`/v1/topics/t${count}/records`)).status, status);
  }
  assert.equal((await call("/v1/topics/t3/partitions/2/records")).status, 200);
});

test("cursor and topicId of another incarnation are 409", async () => {
  const { broker, call, json } = await filled(5);
  const { cursor } = await json(FIRST);
  const { topicId } = await json("/v1/topics/orders");
  assert.equal((await call(`${FIRST}?topicId=${topicId}`)).status, 200);
  await broker.deleteTopic("orders");
  await broker.createTopic("orders", { partitions: 1 });
  await expectProblem(call(`${FIRST}?cursor=${cursor}`), 409, "topic_id_mismatch");
  await expectProblem(call(`${FIRST}?topicId=${topicId}`), 409, "topic_id_mismatch");
  await expectProblem(call(`${ALL}?topicId=x`), 409, "topic_id_mismatch");
});

test("control batches are never shown, and the reader gets past them", async () => {
  const { broker, json } = testApp();
  await broker.createTopic("orders", { partitions: 1 });
  broker.append("orders", 0, buildRecordBatch([record("marker")], { nowMs: 1, isControl: true }));
  assert.deepEqual((await json(FIRST)).records, []);
  assert.equal((await json(FIRST)).next, 1);
  broker.append("orders", 0, batchOf("a"));
  assert.deepEqual(valuesOf(await json(FIRST)), ["a"]);
});

test("compressed batches are opened, up to decompressedBytesMax", async () => {
  const { compression } = currentPlatform({ memory: true });
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] satisfies Codec[]) {
    const plain = batchOf("a", "b".repeat(1_000), "c");
    for (const [limit, status] of [[plain.payload.length, 200], [plain.payload.length - 1, 413]] as const) {
      const { broker, call } = testApp({ limits: { decompressedBytesMax: limit } });
      await broker.createTopic("orders", { partitions: 1 });
      broker.append("orders", 0, await compressBatch(batchOf("a", "b".repeat(1_000), "c"), codec, compression));
      const response = await call(`${FIRST}?from=1`);
      assert.equal(response.status, status, codec);
      if (status === 200) assert.deepEqual(valuesOf(await response.json()), ["b".repeat(1_000), "c"]);
    }
  }
});

test("a long poll answers when a record comes", async () => {
  const { broker, call, keptOpen } = await filled(0);
  const answer = call(`${FIRST}?wait=25`);
  await settle();
  assert.equal(broker.waits, 1);
  assert.equal(keptOpen(), 1);
  assert.equal(broker.fetches.at(-1)!.waitMs, 25_000);
  broker.append("orders", 0, batchOf("now"));
  assert.deepEqual(valuesOf(await (await answer).json()), ["now"]);
  assert.equal(broker.waits, 0);
});

test("a long poll that has data does not wait, and one over a control batch waits on", async () => {
  const { broker, call, json } = await filled(1);
  assert.deepEqual(valuesOf(await json(`${FIRST}?wait=25`)), ["0"]);
  assert.equal(broker.waits, 0);
  const answer = call(`${FIRST}?from=latest&wait=25`);
  await settle();
  broker.append("orders", 0, buildRecordBatch([record("marker")], { nowMs: 1, isControl: true }));
  await settle();
  assert.equal(broker.waits, 1);
  broker.append("orders", 0, batchOf("seen"));
  assert.deepEqual(valuesOf(await (await answer).json()), ["seen"]);
});

test("a long poll that times out is 200 with no records and a cursor", async () => {
  const { broker, call } = await filled(3);
  broker.fetch = ((fetch) => (request) => {
    const pending = fetch(request);
    if (request.waitMs > 0) pending.cancel();
    return pending;
  })(broker.fetch.bind(broker));
  const response = await call(`${FIRST}?from=latest&wait=1`);
  assert.equal(response.status, 200);
  const page = await response.json();
  assert.deepEqual(page.records, []);
  assert.equal(page.next, 3);
  assert.equal(typeof page.cursor, "string");
});

test("stop() ends long polls at once with what there is", async () => {
  const { app, broker, call } = await filled(0);
  const answer = call(`${FIRST}?wait=25`);
  await settle();
  app.stop();
  assert.deepEqual((await (await answer).json()).records, []);
  assert.equal(broker.waits, 0);
  assert.equal((await call(`${FIRST}?wait=25`)).status, 200);
  await expectProblem(call("/readyz"), 503, "shutting_down");
});

test("a caller who goes away ends its long poll", async () => {
  const { broker, call } = await filled(0);
  const controller = new AbortController();
  const answer = call(`${FIRST}?wait=25`, { signal: controller.signal });
  await settle();
  assert.equal(broker.waits, 1);
  controller.abort();
  await answer;
  assert.equal(broker.waits, 0);
});

test("httpWaitsMax: above it 429 with Retry-After, and room comes back", async () => {
  const { broker, call } = await filled(0, { limits: { httpWaitsMax: 2 } });
  const held = [call(`${FIRST}?wait=25`), call(`${FIRST}?wait=25`)];
  await settle();
  const refused = await call(`${FIRST}?wait=25`);
  assert.equal(refused.headers.get("retry-after"), "1");
  await expectProblem(refused, 429, "overloaded");
  assert.equal((await call(FIRST)).status, 200);
  broker.append("orders", 0, batchOf("a"));
  for (const answer of held) assert.equal((await answer).status, 200);
  const again = call(`${FIRST}?from=latest&wait=25`);
  await settle();
  assert.equal(broker.waits, 1);
  broker.append("orders", 0, batchOf("b"));
  assert.equal((await again).status, 200);
});

test("long polls do not take the room of ordinary requests", async () => {
  const { broker, call } = await filled(0, { limits: { httpRequestsInWorkMax: 1 } });
  const held = [call(`${FIRST}?wait=25`)];
  await settle();
  held.push(call(`${FIRST}?wait=25`));
  await settle();
  assert.equal((await call("/livez")).status, 200);
  broker.append("orders", 0, batchOf("a"));
  await Promise.all(held);
});

test("a closed range has a strong ETag that later records do not change", async () => {
  const { broker, call } = await filled(20);
  const first = await call(`${FIRST}?from=5&to=15`);
  const etag = first.headers.get("etag")!;
  assert.match(etag, /^"[\x21\x23-\x7e]+"$/);
  assert.equal(first.headers.get("cache-control"), "no-store");
  assert.equal(first.headers.get("log-tail"), "20");
  const text = await first.text();
  broker.append("orders", 0, batchOf("more"));
  const second = await call(`${FIRST}?from=5&to=15`);
  assert.equal(second.headers.get("etag"), etag);
  assert.equal(await second.text(), text);
  for (const match of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const unchanged = await call(`${FIRST}?from=5&to=15`, { headers: { "if-none-match": match } });
    assert.equal(unchanged.status, 304);
    assert.equal(unchanged.headers.get("etag"), etag);
    assert.equal(await unchanged.text(), "");
  }
  assert.equal((await call(`${FIRST}?from=5&to=15`, { headers: { "if-none-match": '"x"' } })).status, 200);
  const cbor = await call(`${FIRST}?from=5&to=15`, { headers: { accept: "application/cbor" } });
  assert.notEqual(cbor.headers.get("etag"), etag);
  assert.equal((await cborOf(cbor)).records.length, 10);
});

test("open, cut and relative ranges have no ETag", async () => {
  const { call } = await filled(20);
  for (
    const query of [
      "from=5",
      "from=5&to=21",
      "from=5&to=15&limit=3",
      "from=earliest&to=15",
      "from=latest&to=20",
      "from=15&to=15",
    ]
  ) {
    const response = await call(`${FIRST}?${query}`);
    assert.equal(response.headers.get("etag"), null, query);
    assert.equal(response.headers.get("cache-control"), "no-store");
  }
});

test("immutable only with the topic's id, on a topic that lasts", async () => {
  const cacheControl = async (options: Parameters<typeof testApp>[0], config: Record<string, string> = {}) => {
    const { call, broker, json } = await filled(20, options);
    broker.topics.get("orders")!.config = config;
    const { topicId } = await json("/v1/topics/orders");
    return (await call(`${FIRST}?from=5&to=15&topicId=${topicId}`)).headers.get("cache-control");
  };
  const immutable = "public, max-age=31536000, immutable";
  assert.equal(await cacheControl({ durability: "fsync" }), immutable);
  assert.equal(await cacheControl({ durability: "os" }, { durability: "fsync" }), immutable);
  assert.equal(await cacheControl({ durability: "os" }), "no-store");
  assert.equal(await cacheControl({ durability: "fsync" }, { durability: "interval" }), "no-store");
  assert.equal(await cacheControl({ durability: "fsync" }, { "cleanup.policy": "compact" }), "no-store");
  assert.equal(await cacheControl({ durability: "fsync" }, { "cleanup.policy": "delete,compact" }), "no-store");
});

test("HEAD has the headers of GET, no body, and does not wait", async () => {
  const { broker, call } = await filled(1);
  const head = await call(`${FIRST}?from=latest&wait=25`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-type"), "application/json");
  assert.equal(await head.text(), "");
  const stream = await call(FIRST, { method: "HEAD", headers: { accept: "text/event-stream" } });
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  assert.equal(await stream.text(), "");
  assert.equal(broker.waits, 0);
  const missing = await call("/v1/topics/nope", { method: "HEAD" });
  assert.equal(missing.status, 404);
  assert.equal(await missing.text(), "");
});
