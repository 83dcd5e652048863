import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { SeededRandom } from "../seeded_random.ts";
import { type Json, testApp } from "./test_app.ts";

const ROUNDS = 3_000;

const BODIES: readonly string[] = [
  '{"records":[{"key":"u1","value":{"total":9,"list":[1,2.5,null,true]},"headers":[["trace","abc"],["b",{"b64":"AAE="}]]}]}',
  '[{"keyB64":"AAE=","valueB64":"3q2+7w==","timestamp":1760000000000,"partition":0},{"value":null}]',
  '{"partitions":1,"replicas":1,"config":{"retention.ms":"1000"}}',
];
const PATHS: readonly string[] = [
  "/v1/topics/orders/records?acks=all&partition=0",
  "/v1/topics/orders/raw?key=k%20%C3%A9",
  "/v1/topics/orders/partitions/0/records?from=@1760000000000&limit=10&maxBytes=1000&wait=0&clamp=true",
  "/v1/topics/orders/records?cursor=a.topic-0.0.0~5&from=earliest&isolation=committed",
  "/v1/topics?limit=10&pageToken=b3JkZXJz",
  "/v1/topics/orders",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"] as const;
const ACCEPTS = [
  "application/json",
  "application/cbor",
  "text/event-stream",
  "application/x-ndjson",
  "*/*;q=0.1, x",
] as const;

/** An answer must be ours, whole, and no fault of ours. Streams end by themselves only when they are told to. */
async function expectSound(response: Response, what: string): Promise<void> {
  assert.ok(response.status < 500, `${response.status} for ${what}`);
  assert.notEqual(response.headers.get("x-request-id"), null);
  const type = response.headers.get("content-type") ?? "";
  if (type === "text/event-stream" || type === "application/x-ndjson") return await response.body?.cancel();
  const text = await response.text();
  if (response.status >= 400 && type === "application/problem+json" && text !== "") {
    assert.equal((JSON.parse(text) as Json).status, response.status);
  }
}

test(`${ROUNDS} changed JSON and CBOR bodies give an answer below 500`, async () => {
  const { call, broker, internalErrors } = testApp();
  await broker.createTopic("orders", { partitions: 1 });
  const random = new SeededRandom(11);
  for (let round = 0; round < ROUNDS; round++) {
    const text = BODIES[round % BODIES.length]!;
    const isCbor = random.below(2) === 0;
    const body = random.mutate(isCbor ? encodeCbor(JSON.parse(text)) : new TextEncoder().encode(text));
    const isTopic = text === BODIES[2];
    const path = isTopic ? `/v1/topics/t${round}` : "/v1/topics/orders/records";
    const headers = { "content-type": isCbor ? "application/cbor" : "application/json" };
    const init = { method: isTopic ? "PUT" : "POST", body: body as Uint8Array<ArrayBuffer>, headers };
    await expectSound(await call(path, init), `${path} round ${round}`);
  }
  assert.deepEqual(internalErrors, []);
});

test(`${ROUNDS} changed paths and queries give an answer below 500`, async () => {
  const { call, broker, internalErrors } = testApp();
  await broker.createTopic("orders", { partitions: 1 });
  const random = new SeededRandom(12);
  const alphabet = "%/?&=.@+-_~0129aZ\u00e9\\;#[]{}\"'";
  for (let round = 0; round < ROUNDS; round++) {
    const path = [...random.pick(PATHS)];
    for (let change = random.below(4); change > 0; change--) {
      const at = 1 + random.below(path.length - 1);
      path.splice(at, random.below(3), alphabet[random.below(alphabet.length)]!);
    }
    const method = random.pick(METHODS);
    const hasBody = method === "POST" || method === "PUT" || method === "PATCH";
    const headers = { accept: random.pick(ACCEPTS), "content-type": "application/json" };
    const init = hasBody ? { method, headers, body: random.pick(BODIES) } : { method, headers };
    await expectSound(await call(path.join(""), init), `${method} ${path.join("")}`);
  }
  assert.deepEqual(internalErrors, []);
});
