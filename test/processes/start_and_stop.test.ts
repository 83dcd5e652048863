/** What a broker's process says and how it ends: the lines, the exit codes, the signals (facts X1, X2, Y19). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { startBroker } from "./broker_process.ts";

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
