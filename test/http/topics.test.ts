import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { expectProblem, type Json, testApp } from "./test_app.ts";

const PATH = "/v1/topics/orders";
const JSON_TYPE = { "content-type": "application/json" };

test("PUT topic is 201 when new, 200 when equal, 409 when different", async () => {
  const { call } = testApp();
  const put = (body: unknown) => call(PATH, { method: "PUT", body: JSON.stringify(body), headers: JSON_TYPE });
  const wanted = { partitions: 3, config: { "retention.ms": "1000" } };
  const made = await put(wanted);
  assert.equal(made.status, 201);
  assert.equal(made.headers.get("location"), PATH);
  const topic = await made.json();
  assert.equal(topic.name, "orders");
  assert.equal(topic.partitions.length, 3);
  assert.deepEqual(topic.config, { "retention.ms": "1000" });
  assert.equal((await put(wanted)).status, 200);
  assert.equal((await put({})).status, 200);
  const sameAfterDefaults = { "retention.ms": "1000", "cleanup.policy": "delete", durability: "fsync" };
  assert.equal((await put({ config: sameAfterDefaults })).status, 200);
  await expectProblem(put({ config: { "no.such.setting": "1" } }), 422, "invalid_config");
  assert.equal((await put({ partitions: 3, replicas: 1 })).status, 200);
  for (const other of [{ partitions: 4 }, { replicas: 2 }, { config: {} }, { config: { "retention.ms": "2" } }]) {
    await expectProblem(put(other), 409, "topic_exists");
  }
});

test("PUT topic takes no body, and a CBOR one", async () => {
  const { call } = testApp();
  assert.equal((await call(PATH, { method: "PUT" })).status, 201);
  const body = encodeCbor({ partitions: 2 }) as Uint8Array<ArrayBuffer>;
  const headers = { "content-type": "application/cbor" };
  const response = await call("/v1/topics/other", { method: "PUT", body, headers });
  assert.equal((await response.json()).partitions.length, 2);
});

test("PUT topic refuses what it does not know, and bad types", async () => {
  const { call, broker } = testApp();
  const put = (body: string) => call(PATH, { method: "PUT", body, headers: JSON_TYPE });
  for (
    const body of [
      '{"partitons":3}',
      '{"partitions":"3"}',
      '{"partitions":1.5}',
      '{"replicas":null}',
      "[]",
      "5",
      '{"__proto__":1}',
    ]
  ) {
    await expectProblem(put(body), 422, "invalid_parameter");
  }
  const config = await expectProblem(put('{"config":{"a/b":5}}'), 422, "invalid_config");
  assert.equal(config["errors"][0].pointer, "/config/a~1b");
  await expectProblem(put('{"partitions":0}'), 422, "invalid_partitions");
  await expectProblem(put("{"), 400, "invalid_request");
  await expectProblem(call("/v1/topics/a%2fb", { method: "PUT" }), 422, "invalid_topic");
  await expectProblem(call(`${PATH}?x=1`, { method: "PUT" }), 422, "invalid_parameter");
  await expectProblem(
    call(PATH, { method: "PUT", body: "x", headers: { "content-type": "text/plain" } }),
    415,
    "unsupported_media_type",
  );
  assert.equal(broker.topics.size, 0);
});

test("GET topic shows partitions, and 404 where there is none", async () => {
  const { broker, json, call, post } = testApp();
  await broker.createTopic("orders", { partitions: 2 });
  await post(`${PATH}/records?partition=1`, { value: "a" });
  const topic = await json(PATH);
  assert.deepEqual(Object.keys(topic), ["name", "topicId", "config", "partitions"]);
  const { bytes, ...rest } = topic.partitions[1];
  assert.ok(bytes > 0);
  assert.deepEqual(rest, {
    partition: 1,
    leader: 1,
    epoch: 0,
    replicas: [1],
    isr: [1],
    start: 0,
    end: 1,
    highWatermark: 1,
  });
  await expectProblem(call("/v1/topics/nope"), 404, "unknown_topic");
});

test("PATCH topic sets and unsets settings and adds partitions", async () => {
  const { broker, call } = testApp();
  await broker.createTopic("orders", { partitions: 1, config: { a: "1", b: "2" } });
  const patch = (body: unknown, path = PATH) =>
    call(path, { method: "PATCH", body: JSON.stringify(body), headers: JSON_TYPE });
  const topic = await (await patch({ partitions: 2, config: { a: null, c: "3" } })).json();
  assert.equal(topic.partitions.length, 2);
  assert.deepEqual(topic.config, { b: "2", c: "3" });
  await expectProblem(patch({ partitions: 1 }), 422, "invalid_partitions");
  await expectProblem(patch({ config: { a: 1 } }), 422, "invalid_config");
  await expectProblem(patch({ config: null }), 422, "invalid_config");
  await expectProblem(patch({}, "/v1/topics/nope"), 404, "unknown_topic");
});

test("DELETE topic is 204, then 404", async () => {
  const { broker, call } = testApp();
  await broker.createTopic("orders");
  const response = await call(PATH, { method: "DELETE" });
  assert.equal(response.status, 204);
  assert.equal(await response.text(), "");
  await expectProblem(call(PATH, { method: "DELETE" }), 404, "unknown_topic");
});

test("GET topics pages by name", async () => {
  const { broker, json, call } = testApp();
  const names = Array.from({ length: 7 }, (_, at) => `t${at}`);
  for (const name of names) await broker.createTopic(name, { partitions: 2 });
  assert.deepEqual((await json("/v1/topics")).topics.map((topic: Json) => topic.name), names);
  assert.equal("nextPageToken" in await json("/v1/topics?limit=7"), false);
  const seen: string[] = [];
  let token = "";
  do {
    const page: Json = await json(`/v1/topics?limit=3${token === "" ? "" : `&pageToken=${token}`}`);
    seen.push(...page.topics.map((topic: Json) => topic.name));
    token = page.nextPageToken ?? "";
    // A topic that goes away between two pages hides no other.
    await broker.deleteTopic(seen.at(-1)!);
  } while (token !== "");
  assert.deepEqual(seen, names);
  for (const query of ["limit=0", "limit=1001", "pageToken=*", "pageToken=Li4", "pageToken=", "page=2"]) {
    await expectProblem(call(`/v1/topics?${query}`), 422, "invalid_parameter");
  }
  assert.equal((await call("/v1/topics?limit=1000")).status, 200);
});
