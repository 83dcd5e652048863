/** Where a broker's settings come from, and what it refuses to start with (design §5). */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { addressOf, startBroker } from "./broker_process.ts";
import { sentinel } from "./sentinel_command.ts";

const MEMORY = ["--port", "0", "--http-port", "0", "--memory"];

test("flag beats environment, environment beats configuration file, file beats default", async () => {
  await using directory = await makeTemporaryDirectory();
  const config = join(directory.path, "sentinel.json");
  // Each level names what the ones below it have too.
  await writeFile(config, JSON.stringify({ "partitions": 2, "node-id": 2, "durability": "os" }));
  const environment = { SENTINEL_PARTITIONS: "3", SENTINEL_NODE_ID: "3", SENTINEL_CONFIG: config };
  await using broker = await startBroker({
    dataPath: join(directory.path, "data"),
    args: ["--partitions", "4"],
    environment,
  });
  const client = await broker.connect();
  const reply = await client.produce({ topic: "t", partition: 3 }, [
    { key: null, value: new Uint8Array(1), headers: [] },
  ]);
  assert.equal(reply.durability, "os");
  const { brokers, topics } = await client.metadata();
  assert.equal(topics[0]?.partitions.length, 4);
  assert.equal(brokers[0]?.id, 3);
  client.close();
});

test("a configuration file that is none, or names what is not known, is refused", async () => {
  await using directory = await makeTemporaryDirectory();
  const config = join(directory.path, "sentinel.json");
  const cases: readonly (readonly [string, RegExp])[] = [
    ["{", /is not JSON/],
    ["[]", /is not a JSON object/],
    ['{"colour":1}', /Unknown setting in the configuration file: colour/],
    ['{"tls-cert":"x"}', /Setting tls-cert is not built yet/],
    ['{"port":"high"}', /-port: high is not an integer/],
  ];
  for (const [content, reason] of cases) {
    await writeFile(config, content);
    const result = await sentinel(["serve", "--memory", "--config", config]);
    assert.equal(result.code, 2, content);
    assert.match(result.errors, reason);
  }
  const missing = await sentinel(["serve", "--memory", "--config", `${config}.gone`]);
  assert.equal(missing.code, 2);
  assert.match(missing.errors, /-config: not_found/);
});

test("a host that others reach is refused without --insecure, and taken with it", async () => {
  const refused = await sentinel(["serve", ...MEMORY, "--host", "0.0.0.0"]);
  assert.equal(refused.code, 2);
  assert.match(refused.errors, /insecure/);
  const unreachable = await sentinel(["serve", ...MEMORY, "--host", "0.0.0.0", "--insecure"]);
  assert.equal(unreachable.code, 2);
  assert.match(unreachable.errors, /^-host: .*connect to 0\.0\.0\.0.*--advertise broker\.example:9092$/m);
  const args = ["--host", "0.0.0.0", "--insecure", "--advertise", "localhost:9092"];
  await using broker = await startBroker({ args });
  assert.match(broker.binary, /^0\.0\.0\.0:\d+$/);
});

test("a port in use is said, by name, and ends with 1", async () => {
  await using first = await startBroker();
  const { port } = addressOf(first.binary);
  const httpPort = addressOf(first.http.replace("http://", "")).port;
  const binary = await sentinel(["serve", "--port", String(port), "--http-port", "0", "--memory"]);
  assert.equal(binary.code, 1);
  assert.match(binary.errors, new RegExp(`^Server error: failed to listen: address_in_use: .*${port}`, "m"));
  const http = await sentinel(["serve", "--port", "0", "--http-port", String(httpPort), "--memory"]);
  assert.equal(http.code, 1);
  assert.match(http.errors, new RegExp(`^Server error: failed to listen: address_in_use: .*${httpPort}`, "m"));
});

test("a data directory that cannot be used is said, and ends with 1", async () => {
  await using directory = await makeTemporaryDirectory();
  const file = join(directory.path, "file");
  await writeFile(file, "");
  const result = await sentinel(["serve", "--port", "0", "--http-port", "0", "--data", file]);
  assert.equal(result.code, 1);
  assert.match(result.errors, /^Failed to create server: failed to open storage: /m);
});

test("seed-T16: a data directory that another broker holds is refused, and free after it", async () => {
  await using directory = await makeTemporaryDirectory();
  const serve = ["serve", "--port", "0", "--http-port", "0", "--data", directory.path];
  {
    await using first = await startBroker({ dataPath: directory.path });
    const second = await sentinel(serve);
    assert.equal(second.code, 1);
    assert.match(second.errors, /^Failed to create server: failed to open storage: .*is in use by another broker/m);
    await first.kill();
  }
  await using after = await startBroker({ dataPath: directory.path });
  assert.deepEqual(await after.stop(), { code: 0, signal: null });
});

test("the flags alone mean serve", async () => {
  const wrong = await sentinel(["--port", "99999", "--memory"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.errors, /^-port: 99999 is above 65535\nUsage of serve:/);
});
