import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, ERRORS, SentinelError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { cborOf, expectProblem, type Json, testApp } from "./test_app.ts";

test("every row of the error table becomes a problem of its status, in JSON and in CBOR", async () => {
  const { broker, post, call } = testApp();
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    broker.produceFault = new SentinelError(code, "because \ud800 of it");
    const response = await post("/v1/topics/orders/records", { value: "a" });
    const retries = [429, 503].includes(ERRORS[code].httpStatus) || code === "request_in_flight";
    assert.equal(response.headers.get("retry-after"), retries ? "1" : null);
    const problem = await expectProblem(response, ERRORS[code].httpStatus, code);
    assert.equal(problem["kafkaError"] ?? null, ERRORS[code].kafkaError);
    assert.equal(problem["retryable"], ERRORS[code].retryable);
    const cbor = await call("/v1/topics/orders/raw", { method: "POST", headers: { accept: "application/cbor" } });
    assert.equal(cbor.headers.get("content-type"), "application/problem+cbor");
    assert.equal((await cborOf(cbor)).code, code);
  }
});

test("a path that there is not is 404, another method is 405 with Allow", async () => {
  const { call } = testApp();
  for (
    const path of ["/", "/v1", "/v1/", "/v2/topics", "/v1/topics/", "/v1/topics/a/b", "/v1/topics/a/records/", "/LIVEZ"]
  ) {
    await expectProblem(call(path), 404, "unknown_route");
  }
  const cases = [
    ["POST", "/v1/topics", "GET, HEAD, OPTIONS"],
    ["DELETE", "/v1/topics/a/records", "GET, POST, HEAD, OPTIONS"],
    ["GET", "/v1/topics/a/raw", "POST, OPTIONS"],
    ["HEAD", "/v1/topics/a/raw", "POST, OPTIONS"],
    ["POST", "/v1/topics/a", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"],
    ["PROPFIND", "/metrics", "GET, HEAD, OPTIONS"],
    ["POST", "/openapi.json", "GET, HEAD, OPTIONS"],
  ] as const;
  for (const [method, path, allow] of cases) {
    const response = await call(path, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), allow);
    if (method !== "HEAD") await expectProblem(response, 405, "method_not_allowed");
  }
  const options = await call("/v1/topics/a", { method: "OPTIONS" });
  assert.equal(options.status, 204);
  assert.equal(options.headers.get("allow"), "GET, PUT, PATCH, DELETE, HEAD, OPTIONS");
  await expectProblem(call("/nope", { method: "OPTIONS" }), 404, "unknown_route");
});

test("every answer has a request id of its own, nosniff and no-store", async () => {
  const { call, post } = testApp();
  const answers = [
    await call("/livez"),
    await call("/nope"),
    await call("/metrics"),
    await call("/openapi.json"),
    await call("/v1/topics/a"),
    await post("/v1/topics/a/records", { value: "x" }),
    await call("/v1/topics/a", { method: "DELETE" }),
    await call("/v1/topics", { method: "OPTIONS" }),
  ];
  const ids = new Set(answers.map((answer) => answer.headers.get("x-request-id")));
  assert.equal(ids.size, answers.length);
  assert.equal(ids.has(null), false);
  for (const answer of answers) {
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.equal(answer.headers.get("cache-control"), "no-store");
  }
});

test("GET /v1/limits names the limits that the app keeps", async () => {
  const { json } = testApp({ limits: { httpRecordsMax: 7 } });
  const limits = await json("/v1/limits");
  assert.equal(limits.recordsMax, 7);
  assert.equal(limits.bodyBytesMax, LIMITS.httpBodyBytesMax);
  assert.equal(limits.waitSecondsMax, 25);
});

test("GET /v1/cluster shows nodes, controller and leaders", async () => {
  const { broker, json, call } = testApp();
  for (const name of ["a", "b"]) await broker.createTopic(name, { partitions: 2 });
  const cluster = await json("/v1/cluster");
  assert.equal(cluster.controller, 1);
  assert.deepEqual(cluster.nodes, [{ id: 1, host: "127.0.0.1", port: 9092, http: "http://127.0.0.1:8080" }]);
  assert.deepEqual(cluster.leaders, [{ topic: "a", leaders: [1, 1] }, { topic: "b", leaders: [1, 1] }]);
  assert.equal((await json("/v1/cluster?limit=1")).leaders.length, 1);
  await expectProblem(call("/v1/cluster?x=1"), 422, "invalid_parameter");
});

test("/livez answers always, /readyz when the broker takes work", async () => {
  const { broker, call } = testApp();
  assert.equal((await call("/readyz")).status, 200);
  broker.isReady = false;
  const response = await call("/readyz");
  assert.equal(response.headers.get("retry-after"), "1");
  await expectProblem(response, 503, "shutting_down");
  assert.equal((await call("/livez")).status, 200);
});

test("/metrics is text that Prometheus reads", async () => {
  const { call } = testApp({ activeConnections: () => 3 });
  const response = await call("/metrics");
  assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.match(await response.text(), /^sentinel_active_connections 3$/m);
  await expectProblem(call("/metrics", { method: "POST" }), 405, "method_not_allowed");
});

test("/openapi.json describes exactly the routes that there are", async () => {
  const { app, json } = testApp();
  const document = await json("/openapi.json");
  assert.equal(document.openapi, "3.1.0");
  const described = Object.entries(document.paths as Json).flatMap(([path, operations]) =>
    Object.keys(operations as Json).map((method) => `${method.toUpperCase()} ${path.replace(/\{([a-z]+)\}/g, ":$1")}`)
  );
  const routes = app.routes.filter((route) => route.path !== "/openapi.json").map((route) =>
    `${route.method} ${route.path}`
  );
  assert.deepEqual(described.sort(), routes.sort());
  const read = document.paths["/v1/topics/{topic}/partitions/{partition}/records"].get;
  const limit = read.parameters.find((parameter: Json) => parameter.name === "limit");
  assert.equal(limit.schema.type, "integer");
  assert.equal(limit.schema.maximum, 1_000);
  const ids = new Set(
    Object.values(document.paths as Json).flatMap((path) =>
      Object.values(path as Json).map((one: Json) => one.operationId)
    ),
  );
  assert.equal(ids.size, routes.length);
  for (const reference of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
    assert.ok(pointsTo(document, reference[1]!), reference[1]!);
  }
});

function pointsTo(document: Json, reference: string): boolean {
  const parts = reference.replace(/^#\/?/, "").split("/").filter((part) => part !== "");
  return parts.reduce((value: Json, part) => value?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], document) !==
    undefined;
}

test("a request from a foreign Origin is 403; the broker's own and listed ones pass", async () => {
  const { call, broker } = testApp({ corsOrigins: ["https://app.example"] });
  const from = (origin: string, path = "/livez") => call(path, { headers: { origin } });
  for (
    const origin of [
      "http://evil.example",
      "null",
      "http://localhost:8081",
      "https://app.example.evil",
      "http://localhost",
    ]
  ) {
    await expectProblem(from(origin), 403, "forbidden_origin");
  }
  const write = call("/v1/topics/orders/raw", {
    method: "POST",
    body: "x",
    headers: { origin: "http://evil.example" },
  });
  await expectProblem(write, 403, "forbidden_origin");
  assert.equal(broker.topics.size, 0);
  assert.equal((await from("http://localhost:8080")).status, 200);
  const listed = await from("https://app.example");
  assert.equal(listed.status, 200);
  assert.equal(listed.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(listed.headers.get("vary"), "origin");
  const problem = await from("https://app.example", "/nope");
  assert.equal(problem.headers.get("access-control-allow-origin"), "https://app.example");
});

test("CORS is off unless it is configured, and a preflight names what is allowed", async () => {
  const off = await testApp().call("/livez", { headers: { origin: "http://localhost:8080" } });
  assert.equal(off.headers.get("access-control-allow-origin"), null);
  const { call } = testApp({ corsOrigins: ["*"] });
  const preflight = await call("/v1/topics/orders/records", {
    method: "OPTIONS",
    headers: {
      origin: "https://any.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type, if-match",
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "https://any.example");
  assert.match(preflight.headers.get("access-control-allow-methods")!, /POST/);
  assert.equal(preflight.headers.get("access-control-allow-headers"), "content-type, if-match");
});

test("on a loopback listener a foreign Host is 421", async () => {
  const { call } = testApp({ isLoopback: true, advertisedHosts: ["Broker.Example"] });
  for (
    const host of [
      "localhost",
      "localhost:8080",
      "127.0.0.1:8080",
      "127.9.9.9",
      "[::1]:8080",
      "a.localhost",
      "broker.example:99",
    ]
  ) {
    assert.equal((await call(`http://${host}/livez`)).status, 200, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1:8080", "[::2]"]) {
    await expectProblem(call(`http://${host}/livez`), 421, "misdirected");
  }
  assert.equal((await testApp().call("http://any.example/livez")).status, 200);
});
