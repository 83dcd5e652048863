import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../../adapters/memory/disk.ts";
import { assertMayAdvertise, assertMayListen, isLoopbackHost, isWildcardHost } from "../../src/server/listen_rules.ts";
import { startServer } from "../../src/server/server.ts";
import type { StartStep } from "../../src/server/server.ts";
import { loopbackOptions } from "../../src/server/server_options.ts";
import { currentPlatform } from "../adapters/current.ts";

const OPTIONS = { ...loopbackOptions("/data"), inMemory: true };

function memoryPlatform(disk = memoryDisk()) {
  return { ...currentPlatform(), disk };
}

test("isLoopbackHost() takes every loopback address and no other", () => {
  for (const host of ["127.0.0.1", "127.8.9.10", "localhost", "::1", "[::1]"]) ok(isLoopbackHost(host), host);
  for (
    const host of ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "localhost.example", "1127.0.0.1", "127.0.0.1.example"]
  ) {
    ok(!isLoopbackHost(host), host);
  }
});

test("assertMayListen() refuses a host that others reach, unless somebody decided so", () => {
  assertMayListen("127.0.0.1", false);
  assertMayListen("0.0.0.0", true);
  let thrown: unknown;
  try {
    assertMayListen("0.0.0.0", false);
  } catch (error) {
    thrown = error;
  }
  ok(thrown instanceof Error && thrown.message.includes("0.0.0.0") && thrown.message.includes("--insecure"));
});

test("isWildcardHost() takes every form of every address, and nothing that can be connected to", () => {
  const wildcards = ["0.0.0.0", "0", "00.0.0.0", "::", "[::]", "0::0", "0:0:0:0:0:0:0:0"];
  for (const host of wildcards) ok(isWildcardHost(host), host);
  for (const host of ["127.0.0.1", "::1", "[::1]", "10.0.0.0", "0.0.0.0.example", "0.0.0.10", "localhost", "fe80::"]) {
    ok(!isWildcardHost(host), host);
  }
});

test("assertMayAdvertise() refuses to tell clients an address that nobody can connect to", () => {
  assertMayAdvertise("127.0.0.1", 9092, null);
  assertMayAdvertise("10.0.0.1", 9092, null);
  assertMayAdvertise("0.0.0.0", 9092, { host: "10.0.0.1", port: 9092 });
  throws(() => assertMayAdvertise("0.0.0.0", 9093, null), /connect to 0\.0\.0\.0.*--advertise broker\.example:9093/);
  throws(() => assertMayAdvertise("::", 0, null), /connect to ::,.*--advertise broker\.example:9092/);
  throws(
    () => assertMayAdvertise("127.0.0.1", 9092, { host: "0.0.0.0", port: 19092 }),
    /0\.0\.0\.0 is no address.*--advertise broker\.example:19092/,
  );
});

test("startServer() tells its steps in order: directory, recovery, then the listeners", async () => {
  const steps: string[] = [];
  const onStep = (step: StartStep) => steps.push(step.step === "listening" ? step.listener : step.step);
  const server = await startServer(memoryPlatform(), OPTIONS, { log: () => {}, onStep });
  deepEqual(steps, ["directory-ready", "recovered", "binary", "http"]);
  ok(server.binary.port > 0 && server.http.port > 0);
  const [node] = server.broker.describeCluster().nodes;
  // Not "localhost": a client that takes only the first address of it, ::1, would find nobody there.
  deepEqual([node!.host, node!.port], ["127.0.0.1", server.binary.port]);
  equal(node!.http, `http://localhost:${server.http.port}`);
  await server.stop(1_000);
});

test("startServer() takes down what it started when a port is in use, and the directory is free again", async () => {
  const disk = memoryDisk();
  const first = await startServer(memoryPlatform(), OPTIONS, { log: () => {} });
  const taken = { ...OPTIONS, httpPort: first.http.port };
  await rejects(startServer(memoryPlatform(disk), taken, { log: () => {} }), { code: "address_in_use" });
  const second = await startServer(memoryPlatform(disk), OPTIONS, { log: () => {} });
  await Promise.all([first.stop(1_000), second.stop(1_000)]);
});

test("stop() is idempotent, ends a long poll with what is there, and refuses the next connection", async () => {
  const server = await startServer(memoryPlatform(), OPTIONS, { log: () => {} });
  const http = `http://127.0.0.1:${server.http.port}`;
  await server.broker.createTopic("orders");
  const poll = fetch(`${http}/v1/topics/orders/partitions/0/records?from=latest&wait=25`);
  // The poll is inside the broker once its request counts as open.
  while (!(await (await fetch(`${http}/metrics`)).text()).includes("sentinel_active_connections 2")) {
    await Promise.resolve();
  }
  await Promise.all([server.stop(5_000), server.stop(5_000)]);
  const answer = await poll;
  equal(answer.status, 200);
  deepEqual(((await answer.json()) as { records: unknown[] }).records, []);
  await rejects(fetch(`${http}/livez`));
});
