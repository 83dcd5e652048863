import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { currentPlatform } from "../adapters/current.ts";
import { cborOf, expectProblem, type Json, settle, testApp } from "./test_app.ts";
import { requestContext } from "./request_context.ts";

const RECORDS = "/v1/topics/orders/records";
const FIRST = "/v1/topics/orders/partitions/0/records";

test("POST records answers with acks, offsets and durability", async () => {
  const { post, json } = testApp();
  const response = await post(RECORDS, {
    records: [{ key: "u1", value: { total: 9 }, headers: [["trace", "abc"]] }, {
      keyB64: "AAE=",
      valueB64: "3q2+7w==",
    }],
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.deepEqual(await response.json(), {
    acks: [{ partition: 0, first: 0, count: 2 }],
    offsets: [[0, 0], [0, 1]],
    durability: "memory",
  });
  const page = await json(FIRST);
  assert.equal(page.records[0].key, "u1");
  assert.equal(page.records[0].value, '{"total":9}');
  assert.deepEqual(page.records[0].headers, [["trace", "abc"]]);
  assert.equal(page.records[1].keyB64 ?? page.records[1].key, "\u0000\u0001");
  assert.equal(page.records[1].valueB64, "3q2+7w==");
  assert.equal("value" in page.records[1], false);
});

test("POST records takes a bare list and a bare record", async () => {
  const { post } = testApp();
  assert.equal((await (await post(RECORDS, [{ value: "a" }, { value: "b" }])).json()).offsets.length, 2);
  assert.equal((await (await post(RECORDS, { value: "c" })).json()).offsets.length, 1);
});

test("POST records in CBOR is answered in CBOR where Accept says so", async () => {
  const { call } = testApp();
  const body = encodeCbor({
    records: [{ key: new Uint8Array([1, 255]), value: new Uint8Array([0, 254]) }, { value: null }],
  });
  const response = await call(RECORDS, {
    method: "POST",
    body: body as Uint8Array<ArrayBuffer>,
    headers: { "content-type": "application/cbor", accept: "application/cbor" },
  });
  assert.equal(response.headers.get("content-type"), "application/cbor");
  assert.deepEqual((await cborOf(response)).offsets, [[0, 0], [0, 1]]);
  const page = await cborOf(await call(FIRST, { headers: { accept: "application/cbor" } }));
  assert.deepEqual(page.records[0].key, new Uint8Array([1, 255]));
  assert.deepEqual(page.records[0].value, new Uint8Array([0, 254]));
  assert.equal(page.records[1].value, null);
});

test("POST records passes on acks, and answers 202 to none", async () => {
  const { post, broker } = testApp();
  const none = await post(`${RECORDS}?acks=none`, { value: "a" });
  assert.equal(none.status, 202);
  assert.deepEqual(await none.json(), {});
  await post(`${RECORDS}?acks=leader`, { value: "a" });
  await post(RECORDS, { value: "a" });
  assert.deepEqual(broker.produceCalls.map((call) => call.acks), ["none", "leader", "all"]);
  await expectProblem(post(`${RECORDS}?acks=1`, { value: "a" }), 422, "invalid_parameter");
});

test("POST records applies the parameter partition to records that name none", async () => {
  const { post, broker } = testApp();
  await broker.createTopic("orders", { partitions: 3 });
  const answer = await (await post(`${RECORDS}?partition=2`, [{ value: "a" }, { value: "b", partition: 1 }])).json();
  assert.deepEqual(answer.offsets, [[2, 0], [1, 0]]);
  assert.deepEqual(answer.acks, [{ partition: 1, first: 0, count: 1 }, { partition: 2, first: 0, count: 1 }]);
});

test("seed-P1: no partition and a wrong partition are answers, never the end of the process", async () => {
  const { post, broker, json } = testApp();
  await broker.createTopic("orders", { partitions: 1 });
  assert.equal((await post(RECORDS, { value: "a" })).status, 200);
  await expectProblem(post(RECORDS, { value: "a", partition: -1 }), 422, "invalid_record");
  await expectProblem(post(RECORDS, { value: "a", partition: 7 }), 404, "unknown_partition");
  await expectProblem(post(`${RECORDS}?partition=-1`, { value: "a" }), 422, "invalid_parameter");
  assert.equal((await json(FIRST)).tail, 1);
});

test("seed-P4: topic names are checked before anything else", async () => {
  const { post, broker } = testApp();
  const names = [
    ".",
    "%2e%2e%2f",
    "..%2fetc",
    "a%2fb",
    "a%00b",
    "a%5cb",
    "a b",
    "a%20b",
    "%C3%A9",
    "a%ZZ",
    "x".repeat(250),
    "a%252fb",
  ];
  for (const name of names.slice(1)) {
    await expectProblem(post(`/v1/topics/${name}/records`, { value: "a" }), 422, "invalid_topic");
  }
  await expectProblem(post("/v1/topics//records", { value: "a" }), 404, "unknown_route");
  assert.equal(broker.topics.size, 0);
  for (const name of ["x".repeat(249), "a.b_c-D9", "...", "%61bc", "__proto__", "constructor"]) {
    assert.equal((await post(`/v1/topics/${name}/records`, { value: "a" })).status, 200);
  }
  assert.ok(broker.topics.has("abc"));
});

test("POST records stores nothing when one record is bad, and points at each bad one", async () => {
  const { post, broker } = testApp();
  const problem = await expectProblem(
    post(RECORDS, { records: [{ value: "a" }, { value: "b", valueB64: "Yg==" }, { key: 5, value: "c" }, {}] }),
    422,
    "invalid_record",
  );
  assert.deepEqual(problem["errors"].map((error: Json) => error.pointer), [
    "/records/1",
    "/records/2/key",
    "/records/3",
  ]);
  assert.equal(broker.produceCalls.length, 0);
  assert.equal(broker.topics.size, 0);
  const list = await expectProblem(post(RECORDS, [{ value: "a" }, 5]), 422, "invalid_record");
  assert.equal(list["errors"][0].pointer, "/1");
});

/** What must be refused: the body as it is sent, status, code. */
const BAD_BODIES: readonly (readonly [body: string, status: number, code: string])[] = [
  ["", 400, "invalid_request"],
  ["{", 400, "invalid_request"],
  ["[1,]", 400, "invalid_request"],
  ["NaN", 400, "invalid_request"],
  ['\ufeff{"value":"a"}', 400, "invalid_request"],
  ["null", 422, "invalid_record"],
  ["5", 422, "invalid_record"],
  ['"text"', 422, "invalid_record"],
  ["{}", 422, "invalid_record"],
  ["[]", 422, "invalid_record"],
  ['{"records":[]}', 422, "invalid_record"],
  ['{"records":{}}', 422, "invalid_record"],
  ['{"records":[{"value":"a"}],"partition":1}', 422, "invalid_record"],
  ['{"value":"a","valueB64":"YQ=="}', 422, "invalid_record"],
  ['{"valueB64":"*"}', 422, "invalid_record"],
  ['{"valueB64":5}', 422, "invalid_record"],
  ['{"key":{},"value":"a"}', 422, "invalid_record"],
  ['{"value":"a","timestamp":-1}', 422, "invalid_record"],
  ['{"value":"a","timestamp":1.5}', 422, "invalid_record"],
  ['{"value":"a","timestamp":9007199254740992}', 422, "invalid_record"],
  ['{"value":"a","timestamp":"1"}', 422, "invalid_record"],
  ['{"value":"a","partition":1.5}', 422, "invalid_record"],
  ['{"value":"a","headers":{}}', 422, "invalid_record"],
  ['{"value":"a","headers":[["x"]]}', 422, "invalid_record"],
  ['{"value":"a","headers":[[1,"x"]]}', 422, "invalid_record"],
  ['{"value":9007199254740993}', 422, "invalid_record"],
  ['{"value":{"a":[9007199254740992]}}', 422, "invalid_record"],
  ['{"value":1e400}', 422, "invalid_record"],
  ['{"value":"\\ud800"}', 422, "invalid_record"],
  ['{"key":"\\udc00","value":"a"}', 422, "invalid_record"],
];

test("POST records refuses bad bodies, and stores none of them", async () => {
  const { post, broker } = testApp();
  for (const [body, status, code] of BAD_BODIES) await expectProblem(post(RECORDS, body), status, code);
  assert.equal(broker.topics.size, 0);
});

test("POST records refuses a body that is not UTF-8", async () => {
  const { call } = testApp();
  const body = new Uint8Array([0x22, 0xff, 0x22]);
  const headers = { "content-type": "application/json" };
  await expectProblem(call(RECORDS, { method: "POST", body, headers }), 400, "invalid_request");
});

test("POST records takes integers up to 2^53 - 1, keeps a byte order mark, and of equal names the last", async () => {
  const { post, json } = testApp();
  await post(
    RECORDS,
    '[{"value":9007199254740991},{"value":"\ufeffa"},{"value":"x","value":"y"},{"value":true},{"value":[1,"a"]}]',
  );
  const values = (await json(FIRST)).records.map((record: Json) => record.value);
  assert.deepEqual(values, ["9007199254740991", "\ufeffa", "y", "true", '[1,"a"]']);
});

test("__proto__ in a body is inert", async () => {
  const { post, json, call } = testApp();
  await post(RECORDS, '[{"value":{"__proto__":{"polluted":1}}},{"value":"a","__proto__":{"key":"no"}}]');
  const page = await json(FIRST);
  assert.equal(page.records[0].value, '{"__proto__":{"polluted":1}}');
  assert.equal("key" in page.records[1], false);
  assert.equal(({} as Json).polluted, undefined);
  await expectProblem(post(RECORDS, '{"__proto__":{"value":"a"}}'), 422, "invalid_record");
  await expectProblem(
    call("/v1/topics/other", {
      method: "PUT",
      body: '{"config":{"__proto__":"x"}}',
      headers: { "content-type": "application/json" },
    }),
    422,
    "invalid_config",
  );
});

test("bodyDepthMax: 64 levels pass, 65 do not", async () => {
  const { post, call } = testApp();
  // The record's object is one level.
  const nested = (depth: number) => `{"value":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  for (const depth of [63, 64]) assert.equal((await post(RECORDS, nested(depth))).status, 200);
  const problem = await expectProblem(post(RECORDS, nested(65)), 400, "invalid_request");
  assert.equal(problem["limit"], 64);
  await expectProblem(post(RECORDS, "[".repeat(200_000)), 400, "invalid_request");
  assert.equal(
    (await post(RECORDS, JSON.stringify({ value: `${"[{".repeat(100)}\\"${"[".repeat(100)}` }))).status,
    200,
  );
  const deepCbor = new Uint8Array(100).fill(0x81);
  const headers = { "content-type": "application/cbor" };
  await expectProblem(call(RECORDS, { method: "POST", body: deepCbor, headers }), 400, "invalid_request");
});

test("httpRecordsMax: below and at the limit pass, above is 413 that names it", async () => {
  const { post } = testApp({ limits: { httpRecordsMax: 3 } });
  const records = (count: number) => Array.from({ length: count }, () => ({ value: "a" }));
  for (const count of [2, 3]) assert.equal((await post(RECORDS, records(count))).status, 200);
  const problem = await expectProblem(post(RECORDS, { records: records(4) }), 413, "too_large");
  assert.equal(problem["limit"], 3);
});

test("httpBodyBytesMax: below and at the limit pass, above is 413, with and without a declared length", async () => {
  const { post, app } = testApp({ limits: { httpBodyBytesMax: 100 } });
  const body = (bytes: number) => `{"value":"${"a".repeat(bytes - 12)}"}`;
  for (const bytes of [99, 100]) assert.equal((await post(RECORDS, body(bytes))).status, 200);
  const problem = await expectProblem(post(RECORDS, body(101)), 413, "too_large");
  assert.equal(problem["limit"], 100);
  for (const [bytes, status] of [[99, 200], [100, 200], [101, 413]] as const) {
    const request = new Request(`http://localhost${RECORDS}`, {
      method: "POST",
      body: body(bytes),
      headers: { "content-type": "application/json", "content-length": String(bytes) },
    });
    assert.equal((await app.handle(request, requestContext(request))).status, status);
  }
});

test("Content-Encoding gzip and zstd are opened, within the limit of a body", async () => {
  const { call } = testApp({ limits: { httpBodyBytesMax: 1_000 } });
  const { compression } = currentPlatform({ memory: true });
  for (const codec of ["gzip", "zstd"] as const) {
    const send = async (bytes: number) =>
      call(RECORDS, {
        method: "POST",
        body: await compression.compress(
          codec,
          new TextEncoder().encode(`{"value":"${"a".repeat(bytes - 12)}"}`),
        ) as Uint8Array<
          ArrayBuffer
        >,
        headers: { "content-type": "application/json", "content-encoding": codec },
      });
    for (const bytes of [999, 1_000]) assert.equal((await send(bytes)).status, 200);
    await expectProblem(send(1_001), 413, "too_large");
    const headers = { "content-type": "application/json", "content-encoding": codec };
    await expectProblem(call(RECORDS, { method: "POST", body: "no such thing", headers }), 400, "invalid_request");
  }
  const headers = { "content-type": "application/json", "content-encoding": "br" };
  await expectProblem(call(RECORDS, { method: "POST", body: "x", headers }), 415, "unsupported_media_type");
});

test("other content types than JSON and CBOR are 415", async () => {
  const { call, broker } = testApp();
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin1",
    "multipart/form-data",
  ];
  for (const type of types) {
    const headers = { "content-type": type };
    await expectProblem(call(RECORDS, { method: "POST", body: "{}", headers }), 415, "unsupported_media_type");
  }
  const bytes = new Uint8Array([0x7b, 0x7d]);
  await expectProblem(call(RECORDS, { method: "POST", body: bytes }), 415, "unsupported_media_type");
  assert.equal(broker.topics.size, 0);
  const headers = { "content-type": "Application/JSON; Charset=UTF-8" };
  assert.equal((await call(RECORDS, { method: "POST", body: '{"value":"a"}', headers })).status, 200);
});

test("Idempotency-Key: the first answer again, and says so; quotes are not part of the key", async () => {
  const { post, call, broker } = testApp();
  const send = (key: string) => post(RECORDS, { value: "a" }, { headers: { "idempotency-key": key } });
  const first = await send('"k1"');
  assert.equal(first.headers.get("idempotency-replayed"), null);
  const document = await first.json();
  for (const key of ['"k1"', "k1"]) {
    const again = await send(key);
    assert.equal(again.status, 200);
    assert.equal(again.headers.get("idempotency-replayed"), "true");
    assert.deepEqual(await again.json(), document);
  }
  const raw = { method: "POST", body: "x", headers: { "idempotency-key": '"k2"' } };
  assert.equal((await call("/v1/topics/orders/raw", raw)).headers.get("idempotency-replayed"), null);
  assert.equal((await call("/v1/topics/orders/raw", raw)).headers.get("idempotency-replayed"), "true");
  assert.equal(broker.topics.get("orders")!.partitions[0]!.highWatermark, 2);
});

test("Idempotency-Key that is no string is refused, and so is one where nothing is appended", async () => {
  const { post, call, broker } = testApp();
  for (const key of ['"a"b"', 'a"', '"a\\"b"', '"a", "b"']) {
    await expectProblem(
      post(RECORDS, { value: "a" }, { headers: { "idempotency-key": key } }),
      422,
      "invalid_parameter",
    );
  }
  assert.equal(broker.topics.size, 0);
  // A method that is idempotent by itself takes no harm from it.
  assert.equal((await call("/v1/topics", { headers: { "idempotency-key": "k" } })).status, 200);
});

test("a request that is in work is 409 with Retry-After; another body is 422", async () => {
  for (
    const [code, status, retryAfter] of [
      ["request_in_flight", 409, "1"],
      ["idempotency_mismatch", 422, null],
      ["overloaded", 429, "1"],
    ] as const
  ) {
    const { post, broker } = testApp();
    broker.produceOnce = () => Promise.reject(new SentinelError(code, "as the broker says"));
    const answer = await post(RECORDS, { value: "a" }, { headers: { "idempotency-key": "k" } });
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [status, retryAfter]);
  }
});

test("If-Match appends at the named offset only, and 412 carries the tail", async () => {
  const { post, broker } = testApp();
  const send = (match: string, query = "?partition=0", body: unknown = { value: "a" }) =>
    post(RECORDS + query, body, { headers: { "if-match": match } });
  assert.equal((await send('"0"')).status, 200);
  assert.equal((await send('"1"')).status, 200);
  const problem = await expectProblem(send('"1"'), 412, "offset_mismatch");
  assert.equal(problem["tail"], 2);
  assert.equal(broker.topics.get("orders")!.partitions[0]!.highWatermark, 2);
  for (const bad of ["2", "*", 'W/"2"', '"2","3"', '"-1"', '"1e3"', '"9007199254740992"', '""']) {
    await expectProblem(send(bad), 422, "invalid_parameter");
  }
  await expectProblem(send('"2"', ""), 422, "invalid_parameter");
  const other = await expectProblem(
    send('"2"', "?partition=0", [{ value: "a" }, { value: "b", partition: 1 }]),
    422,
    "invalid_record",
  );
  assert.equal(other["errors"][0].pointer, "/1/partition");
});

test("POST raw keeps the body, the content type, the key and Log-Header-* headers", async () => {
  const { call, broker } = testApp();
  await broker.createTopic("orders", { partitions: 2 });
  const body = new Uint8Array([0, 1, 254, 255]);
  const response = await call("/v1/topics/orders/raw?key=k%20%C3%A9&partition=1", {
    method: "POST",
    body,
    headers: { "content-type": "image/png", "log-header-trace": "abc", "x-other": "no" },
  });
  assert.deepEqual((await response.json()).offsets, [[1, 0]]);
  const [record] = (await cborOf(
    await call("/v1/topics/orders/partitions/1/records", { headers: { accept: "application/cbor" } }),
  )).records;
  assert.deepEqual(record.value, body);
  assert.equal(new TextDecoder().decode(record.key), "k é");
  const headers = record.headers.map(([name, value]: [string, Uint8Array]) => [name, new TextDecoder().decode(value)]);
  assert.deepEqual(headers, [["content-type", "image/png"], ["trace", "abc"]]);
});

test("POST raw takes an empty body as an empty value", async () => {
  const { call, json } = testApp();
  assert.equal((await call("/v1/topics/orders/raw", { method: "POST" })).status, 200);
  assert.equal((await json(FIRST)).records[0].value, "");
});

test("207: a failure of some partitions names what happened to each record", async () => {
  const { post, broker } = testApp();
  await broker.createTopic("orders", { partitions: 2 });
  broker.faults.set(1, new SentinelError("storage_error", "orders-1 is offline"));
  const body = [{ value: "a", partition: 0 }, { value: "b", partition: 1 }, { value: "c", partition: 0 }];
  const response = await post(RECORDS, body);
  assert.equal(response.status, 207);
  const { results } = await response.json();
  assert.deepEqual(results[0], { partition: 0, offset: 0 });
  assert.equal(results[1].problem.code, "storage_error");
  assert.deepEqual(results[2], { partition: 0, offset: 1 });
  const all = await expectProblem(post(RECORDS, [{ value: "b", partition: 1 }]), 503, "storage_error");
  assert.equal(all["retryable"], true);
});

test("the broker's pointers are turned into pointers into the body", async () => {
  const { post, broker } = testApp();
  broker.produceFault = new SentinelError("too_large", "a record is too large", {
    errors: [{ pointer: "/records/1/value", detail: "large" }],
  });
  const pointers = async (body: unknown) =>
    (await expectProblem(post(RECORDS, body), 413, "too_large"))["errors"].map((error: Json) => error.pointer);
  assert.deepEqual(await pointers({ records: [{ value: "a" }, { value: "b" }] }), ["/records/1/value"]);
  assert.deepEqual(await pointers([{ value: "a" }, { value: "b" }]), ["/1/value"]);
  assert.deepEqual(await pointers({ value: "a" }), ["/value"]);
});

test("httpRequestsInWorkMax: above it 429 with Retry-After, and room comes back", async () => {
  const { post, broker, call } = testApp({ limits: { httpRequestsInWorkMax: 2 } });
  let open: () => void = () => {};
  broker.produceGate = new Promise<void>((resolve) => (open = resolve));
  const held = [post(RECORDS, { value: "a" }), post(RECORDS, { value: "b" })];
  await settle();
  const refused = await call("/livez");
  assert.equal(refused.headers.get("retry-after"), "1");
  await expectProblem(refused, 429, "overloaded");
  open();
  for (const response of await Promise.all(held)) assert.equal(response.status, 200);
  assert.equal((await call("/livez")).status, 200);
});

test("httpBodiesBytesMax: bodies above it are 429, and room comes back", async () => {
  const { post, broker } = testApp({ limits: { httpBodiesBytesMax: 200, httpBodyBytesMax: 150 } });
  let open: () => void = () => {};
  broker.produceGate = new Promise<void>((resolve) => (open = resolve));
  const held = post(RECORDS, `{"value":"${"a".repeat(88)}"}`);
  await settle();
  const second = post(RECORDS, `{"value":"${"a".repeat(88)}"}`);
  await settle();
  await expectProblem(post(RECORDS, '{"value":"a"}'), 429, "overloaded");
  open();
  assert.equal((await held).status, 200);
  assert.equal((await second).status, 200);
  assert.equal((await post(RECORDS, '{"value":"a"}')).status, 200);
});

test("a fault of ours is 500 without its text, and the log is told", async () => {
  const { post, broker, internalErrors } = testApp();
  broker.produceRecords = () => Promise.reject(new TypeError("secret detail"));
  const problem = await expectProblem(post(RECORDS, { value: "a" }), 500, "internal");
  assert.equal(JSON.stringify(problem).includes("secret"), false);
  assert.equal(internalErrors.length, 1);
});

test("a body that breaks off is 400", async () => {
  const { app } = testApp();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new TypeError("the peer is gone"));
    },
  });
  const init = { method: "POST", body, headers: { "content-type": "application/json" }, duplex: "half" };
  const request = new Request(`http://localhost${RECORDS}`, init as RequestInit);
  await expectProblem(app.handle(request, requestContext(request)), 400, "invalid_request");
});
