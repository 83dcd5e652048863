/** The commands against a whole broker that the CLI itself has started. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { memoryDisk } from "../../adapters/memory/disk.ts";
import { brokerParts } from "../../src/cli/broker_parts.ts";
import { runCli } from "../../src/cli/main.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { cli, platform } from "./cli_run.ts";
import { FakeTerminal, type FakeTerminalOptions } from "./fake_terminal.ts";

const SAMPLE_DATA = fileURLToPath(new URL("../../deploy/sample_data", import.meta.url));
const parts = brokerParts(memoryDisk);

/** A broker on free ports, and commands that go to it. */
async function start(args: readonly string[]) {
  await using directory = await makeTemporaryDirectory();
  const readyFile = `${directory.path}/ready.json`;
  const terminal = new FakeTerminal(["serve", "-port", "0", "-http-port", "0", "-ready-file", readyFile, ...args]);
  const code = runCli(platform, terminal, parts);
  await Promise.race([terminal.untilOut("ready in"), code]);
  ok(terminal.out.includes("ready in"), terminal.errors);
  const { binary, http } = JSON.parse(await readFile(readyFile, "utf8"));
  return {
    http: http as string,
    run: (command: readonly string[], options?: FakeTerminalOptions) => cli([...command, "-broker", binary], options),
    stop: async () => {
      terminal.interrupt();
      equal(await code, 0);
      return terminal;
    },
  };
}

test("the quick start: serve, produce, consume, topics", async () => {
  const { run, stop } = await start(["-memory"]);
  equal(
    (await run(["produce", "-topic", "events", "-message", "Hello, World!"])).out,
    "✓ Produced 1 record(s) to events (offset: 0)\n",
  );
  equal(
    (await run(["produce", "-topic", "events", "-message", "m", "-count", "99"])).out,
    "✓ Produced 99 record(s) to events (offset: 1)\n",
  );
  const { out } = await run(["consume", "-topic", "events", "-from-beginning"]);
  match(
    out,
    /^Consuming from events \(partition 0, offset 0\)\.\.\.\n-{60}\noffset=0 \| key=\(null\) \| value=Hello, World!\n/,
  );
  match(out, /\noffset=99 \| key=\(null\) \| value=m-98\n-{60}\nConsumed 100 message\(s\)\n$/);
  equal((await run(["topics", "-list"])).out, "Topics:\n  events (1 partitions)\n");
  match((await run(["topics"])).out, /^Brokers:\n {2}1: localhost:\d+\n$/);
  await stop();
});

test("get answers a key's newest value, also after a restart, and 1 where there is none", async () => {
  await using directory = await makeTemporaryDirectory();
  const data = `${directory.path}/data`;
  const first = await start(["-data", data]);
  await first.run(["topics", "create", "users", "--partitions", "3", "--config", "cleanup.policy=compact"]);
  await first.run(["produce", "-topic", "users", "-key", "u1", "-message", "Ada"]);
  await first.run(["produce", "-topic", "users", "-key", "u1", "-message", "Grace"]);
  deepEqual(await first.run(["get", "users", "u1", "-raw"]), { code: 0, out: "Grace\n", errors: "" });
  await first.stop();
  const second = await start(["-data", data]);
  const { code, out } = await second.run(["get", "-topic", "users", "-key", "u1", "-json"]);
  const { partition, offset, key, value } = JSON.parse(out);
  deepEqual([code, offset, key, value], [0, 1, "u1", "Grace"]);
  const none = await second.run(["get", "users", "u2", "-partition", String(partition)]);
  deepEqual([none.code, none.out], [1, ""]);
  match(none.errors, /^key_not_found: there is no record with this key in users-\d up to offset 2\n$/);
  await second.run(["topics", "create", "events"]);
  match(
    (await second.run(["get", "events", "u1"])).errors,
    /^Failed to get: topic_not_compacted: The topic events has/,
  );
  await second.stop();
});

test("seed-O1: what was produced is there after a restart, and offsets go on", async () => {
  await using directory = await makeTemporaryDirectory();
  const data = `${directory.path}/data`;
  const first = await start(["-data", data]);
  await first.run(["topics", "create", "orders", "-partitions", "2"]);
  await first.run(["produce", "-topic", "orders", "-partition", "1"], { stdin: ["a\nb\nc\n"] });
  const stopped = await first.stop();
  ok(stopped.out.endsWith("\n\nShutting down...\n"), stopped.out);
  deepEqual((await cli(["log", "verify", data], {}, parts)).code, 0);
  const second = await start(["-data", data]);
  equal((await second.run(["topics", "-list"])).out, "Topics:\n  orders (2 partitions)\n");
  equal(
    (await second.run(["produce", "-topic", "orders", "-partition", "1", "-message", "d"])).out,
    "✓ Produced 1 record(s) to orders (offset: 3)\n",
  );
  equal((await second.run(["consume", "-topic", "orders", "-raw"])).out, "a\nb\nc\nd\n");
  const restarted = await second.stop();
  match(restarted.out, /\n\[INFO\] Loaded \d+ log segments from disk\n\[INFO\] Recovered offsets up to 3\n/);
});

test("seed-P3: a failed produce leaves no topic behind", async () => {
  const { run, stop } = await start(["-memory"]);
  const { code, errors } = await run(["produce", "-topic", "t", "-partition", "7", "-message", "m"]);
  equal(code, 1);
  match(errors, /^Failed to produce: unknown_partition: /);
  equal((await run(["topics", "-list"])).out, "Topics:\n");
  await stop();
});

test("serve -auto-create false and -partitions do what they say", async () => {
  const closed = await start(["-memory", "-auto-create", "false"]);
  match((await closed.run(["produce", "-topic", "t", "-message", "m"])).errors, /^Failed to produce: unknown_topic: /);
  await closed.stop();
  const wide = await start(["-memory", "-partitions", "3"]);
  await wide.run(["produce", "-topic", "t", "-key", "k", "-message", "m", "-count", "10"]);
  equal((await wide.run(["topics", "-list"])).out, "Topics:\n  t (3 partitions)\n");
  equal((await wide.run(["consume", "-topic", "t", "-raw"])).out.split("\n").length, 11);
  await wide.stop();
});

test("seed-D1: demo against a whole broker", async () => {
  const { run, stop } = await start(["-memory"]);
  equal((await run(["demo", "-data", SAMPLE_DATA, "-topic", "bus"])).code, 0);
  const { out } = await run(["consume", "-topic", "bus", "-raw"]);
  equal(out.trimEnd().split("\n").map((line) => JSON.parse(line)).length, 10);
  await stop();
});

test("serve says that the data directory is in use, or the port", async () => {
  await using directory = await makeTemporaryDirectory();
  const data = `${directory.path}/data`;
  await mkdir(data);
  const { stop, http } = await start(["-data", data]);
  const second = await cli(["serve", "-data", data, "-port", "0", "-http-port", "0"], {}, parts);
  equal(second.code, 1);
  match(second.errors, /^Failed to create server: failed to open storage: /);
  const port = new URL(http).port;
  const third = await cli(["serve", "-memory", "-port", port, "-http-port", "0"], {}, parts);
  equal(third.code, 1);
  match(third.errors, /^Server error: failed to listen: address_in_use: /);
  await stop();
});
