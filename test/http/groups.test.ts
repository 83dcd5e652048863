/** Committed offsets over HTTP, beside what Kafka's clients see. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectNative } from "../../src/client/native_client.ts";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { currentPlatform } from "../adapters/current.ts";

async function open() {
  const platform = currentPlatform({ memory: true });
  const broker = await startTestBroker(platform, { partitions: 2 });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(broker.http + path, init);
    // deno-lint-ignore no-explicit-any
    return { status: response.status, body: await response.json() as any };
  };
  const put = (path: string, body: unknown) =>
    ask(path, { method: "PUT", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  await ask("/v1/topics/t", { method: "PUT" });
  await ask("/v1/topics/t/records", {
    method: "POST",
    body: JSON.stringify({ records: [1, 2, 3].map((value) => ({ value, partition: 1 })) }),
    headers: { "content-type": "application/json" },
  });
  const [host = "", port = ""] = broker.kafka.split(":");
  const client = await connectNative(platform.network, platform.clock, { host, port: Number(port) });
  const close = async () => {
    client.close();
    await broker.stop();
  };
  return { ask, put, client, [Symbol.asyncDispose]: close };
}

test("GET and PUT of a group's offsets, and its lag", async () => {
  await using opened = await open();
  const { ask, put, client } = opened;
  assert.equal((await ask("/v1/groups/g/offsets")).status, 404);
  const made = await put("/v1/groups/g/offsets", {
    offsets: [{ topic: "t", partition: 1, offset: 1, metadata: "here" }],
  });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  const [position] = made.body.offsets;
  assert.equal(typeof position.timestamp, "number");
  const { timestamp: _, ...rest } = position;
  assert.deepEqual(rest, { topic: "t", partition: 1, offset: 1, metadata: "here", end: 3, lag: 2 });
  assert.equal(made.body.state, "Empty");
  assert.deepEqual(await client.groups.committed("g"), [
    { topic: "t", partition: 1, offset: 1, leaderEpoch: -1, metadata: "here" },
  ]);
  await client.groups.commit("g", [{ topic: "t", partition: 0, offset: 0 }]);
  const shown = await ask("/v1/groups/g/offsets?topic=t");
  assert.deepEqual(shown.body.offsets.map((each: { partition: number; lag: number }) => [each.partition, each.lag]), [[
    0,
    0,
  ], [1, 2]]);
  const metrics = await (await fetch((await ask("/v1/cluster")).body.nodes[0].http + "/metrics")).text();
  assert.match(metrics, /^sentinel_group_lag\{group="g",topic="t",partition="1"\} 2$/m);
  assert.match(metrics, /^sentinel_group_committed_offset\{group="g",topic="t",partition="1"\} 1$/m);
});

test("a position that cannot be kept refuses the whole request", async () => {
  await using opened = await open();
  const { ask, put } = opened;
  const good = { topic: "t", partition: 0, offset: 0 };
  for (
    const [bad, status, code, pointer] of [
      [{ topic: "t", partition: 2, offset: 0 }, 404, "unknown_partition", "/offsets/1"],
      [{ topic: "nothing", partition: 0, offset: 0 }, 404, "unknown_partition", "/offsets/1"],
      [{ ...good, metadata: "m".repeat(4_097) }, 413, "offset_metadata_too_large", "/offsets/1/metadata"],
      [{ ...good, offset: -7 }, 422, "invalid_parameter", "/offsets/1/offset"],
      [{ ...good, more: 1 }, 422, "invalid_parameter", "/offsets/1"],
    ] as const
  ) {
    const { status: answered, body } = await put("/v1/groups/g/offsets", { offsets: [good, bad] });
    assert.deepEqual([answered, body.code, body.errors[0].pointer], [status, code, pointer]);
  }
  assert.equal((await ask("/v1/groups/g/offsets")).status, 404);
  assert.equal(
    (await put(`/v1/groups/${"x".repeat(1_025)}/offsets`, { offsets: [good] })).body.code,
    "invalid_group_id",
  );
});

test("a group with members takes no positions from outside", async () => {
  await using opened = await open();
  const { put, client } = opened;
  const joined = await client.groups.join({
    group: "g",
    topics: ["t"],
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
  });
  await client.groups.sync({ group: "g", memberId: joined.memberId, generation: joined.generation });
  const refused = await put("/v1/groups/g/offsets", { offsets: [{ topic: "t", partition: 0, offset: 0 }] });
  assert.deepEqual([refused.status, refused.body.code], [409, "group_not_empty"]);
});
