/** `deploy/workers/table.ts` against a broker: what a platform's edge would do with it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import table, { type Env } from "../../deploy/workers/table.ts";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { currentPlatform } from "../adapters/current.ts";

test("the edge function answers a key's newest value, and asks with what it knows", async () => {
  await using broker = await startTestBroker(currentPlatform({ memory: true }), { partitions: 2 });
  const headers = { "content-type": "application/json" };
  const send = async (method: string, path: string, body: unknown): Promise<void> => {
    const answer = await fetch(broker.http + path, { method, headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, await answer.text());
  };
  await send("PUT", "/v1/topics/users", { config: { "cleanup.policy": "compact" } });
  const env: Env = { SENTINEL_URL: broker.http, SENTINEL_TOPIC: "users" };
  const get = async (path: string): Promise<[number, string]> => {
    const answer = await table.fetch(new Request(`https://edge.example${path}`), env);
    return [answer.status, await answer.text()];
  };
  const found = async (): Promise<number> => {
    const metrics = await (await fetch(`${broker.http}/metrics`)).text();
    return Number(/^sentinel_key_lookups_found_total (\d+)$/m.exec(metrics)?.[1]);
  };
  assert.deepEqual(await get("/u1"), [404, "not found\n"]);
  await send("POST", "/v1/topics/users/records", { key: "u1", value: { name: "Ada" } });
  await send("POST", "/v1/topics/users/records", { key: "a/b", value: "x" });
  assert.deepEqual(await get("/u1"), [200, '{"name":"Ada"}']);
  assert.deepEqual(await get("/u1"), [200, '{"name":"Ada"}']);
  assert.deepEqual(await get("/a%2Fb"), [200, "x"]);
  assert.equal(await found(), 3);
  await send("POST", "/v1/topics/users/records", { key: "u1", value: { name: "Grace" } });
  assert.deepEqual(await get("/u1"), [200, '{"name":"Grace"}']);
  await send("POST", "/v1/topics/users/records", { key: "u1", value: null });
  assert.deepEqual(await get("/u1"), [404, "not found\n"]);
  await assert.rejects(table.fetch(new Request("https://edge.example/u1"), { ...env, SENTINEL_TOPIC: "nothing" }));
});
