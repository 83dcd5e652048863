/** What a broker's process says and how it ends: the lines, the exit codes, the signals (facts X1, X2, Y19). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { setTimeout as pause } from "node:timers/promises";
import { BrokerProcess, startBroker } from "./broker_process.ts";
import { sentinel } from "./sentinel_command.ts";

test("serve says the seeds' lines in their order, and stops with 0", async () => {
  await using directory = await makeTemporaryDirectory();
  const dataPath = `${directory.path}/data`;
  await using broker = await startBroker({ dataPath });
  const port = broker.binary.split(":")[1];
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
  assert.deepEqual(broker.out.replace(/ready in \d+ ms/, "ready in N ms").split("\n"), [
    `Starting Sentinel server on port 0 (data: ${dataPath})`,
    "[INFO] Sentry Broker Starting…",
    `[INFO] Data directory ready: ${dataPath}`,
    "[INFO] Loading log segments from disk…",
    "[INFO] Loaded 0 log segments from disk",
    "[INFO] Recovered offsets up to 0",
    "[INFO] Listening for producer connections…",
    `Sentinel server listening on port ${port}`,
    `binary: ${broker.binary}`,
    `http: ${broker.http}`,
    "ready in N ms",
    "",
    "Shutting down...",
    "",
  ]);
});

test("a restart says what it found, and SIGINT stops as SIGTERM does", async () => {
  await using directory = await makeTemporaryDirectory();
  {
    await using broker = await startBroker({ dataPath: directory.path });
    await sentinel(["topics", "create", "spread", "--partitions", "2", "-broker", broker.binary]);
    await sentinel(["produce", "-topic", "orders", "-message", "x", "-count", "7", "-broker", broker.binary]);
    broker.signal("SIGINT");
    assert.deepEqual(await broker.stop({ signalSent: true }), { code: 0, signal: null });
    assert.match(broker.out, /\n\nShutting down\.\.\.\n$/);
  }
  await using broker = await startBroker({ dataPath: directory.path });
  // The ready file is there before its lines have come through the pipe.
  while (!broker.out.includes("ready in")) await broker.nextOutput();
  assert.match(broker.out, /\n\[INFO\] Loaded 3 log segments from disk\n\[INFO\] Recovered offsets up to 7\n/);
});

test("a signal at any moment of the start ends the process, and leaves a directory that works", async () => {
  await using directory = await makeTemporaryDirectory();
  for (let delayMs = 0; delayMs < 120; delayMs += 15) {
    const starting = new BrokerProcess({ dataPath: directory.path });
    await pause(delayMs);
    // Before the program has its handlers, the signal itself is the end.
    const { code, signal } = await starting.stop();
    assert.ok(code === 0 || signal === "SIGTERM" || code === 143, `${code} ${signal} ${starting.errors}`);
  }
  await using broker = await startBroker({ dataPath: directory.path });
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
});
