/** `dist/sentinel`: the compiled program does what the one from source does, and needs nothing beside it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { startBroker } from "../processes/broker_process.ts";
import { runScript } from "../processes/script_run.ts";
import { binaryPath, ended, gather, sentinel } from "../processes/sentinel_command.ts";

const kind = "binary";

test("the compiled program does the quick start", () => runScript("quick_start", kind));
test("the compiled program survives restarts", () => runScript("restart", kind));
test("the compiled program refuses what is wrong", () => runScript("refusals", kind));

test("the compiled program names its version, and helps", async () => {
  const version = await sentinel(["--version"], { kind });
  assert.equal(version.code, 0);
  assert.match(version.out, new RegExp(`^sentinel ${packageJson.version.replaceAll(".", "\\.")} \\(bun [\\d.]+\\)\n$`));
  const help = await sentinel(["--help"], { kind });
  assert.equal(help.code, 0);
  assert.match(help.out, /^Sentinel CLI - Distributed Log Streaming\n\nUsage:\n {2}sentinel <command> \[options\]\n/);
});

test("the compiled program serves HTTP, and stops", async () => {
  await using directory = await makeTemporaryDirectory();
  await using broker = await startBroker({ kind, dataPath: directory.path });
  const produced = await fetch(`${broker.http}/v1/topics/orders/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ records: [{ key: "u1", value: { total: 9 } }] }),
  });
  assert.equal(produced.status, 200);
  assert.deepEqual((await produced.json()).acks, [{ partition: 0, first: 0, count: 1 }]);
  const page = await fetch(`${broker.http}/v1/topics/orders/records`).then((response) => response.json());
  assert.equal(page.records[0].value, '{"total":9}');
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
});

test("the compiled program runs alone, and reads no file of the directory it is started in", async () => {
  await using directory = await makeTemporaryDirectory();
  const alone = join(directory.path, "sentinel");
  await copyFile(binaryPath(), alone);
  // Each would stop it or change what it does if it were read.
  await writeFile(join(directory.path, "bunfig.toml"), 'preload = ["./gone.ts"]\n');
  await writeFile(join(directory.path, ".env"), "SENTINEL_TOPIC=from-the-file\n");
  await writeFile(join(directory.path, "package.json"), "{");
  await writeFile(join(directory.path, "tsconfig.json"), "{");
  const child = spawn(alone, ["produce", "-message", "x"], { cwd: directory.path, env: {} });
  const errors = gather(child.stderr);
  assert.deepEqual(await ended(child, "produce"), { code: 2, signal: null });
  assert.equal(errors(), "Error: -topic is required\n");
});
