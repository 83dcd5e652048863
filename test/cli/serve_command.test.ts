import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { PlatformError } from "../../src/base/errors.ts";
import { runCli } from "../../src/cli/main.ts";
import type { StartHooks, StartServer } from "../../src/cli/serve_command.ts";
import type { ServeSettings } from "../../src/cli/serve_flags.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { cli, noParts, platform } from "./cli_run.ts";
import { FakeTerminal, type FakeTerminalOptions } from "./fake_terminal.ts";

const ADDRESSES = { binary: "127.0.0.1:9092", http: "http://127.0.0.1:8080" };

function tellAll(hooks: StartHooks): void {
  hooks.dataDirectoryReady();
  hooks.loadingSegments();
  hooks.recovered({ segments: 3, highestOffset: 10_432 });
}

function serve(args: readonly string[], options: FakeTerminalOptions & { stop?: () => Promise<void> } = {}) {
  const terminal = new FakeTerminal(args, options);
  const seen: { settings?: ServeSettings; stopMs?: number; hooks?: StartHooks } = {};
  const startServer: StartServer = (_platform, settings, hooks) => {
    seen.settings = settings;
    seen.hooks = hooks;
    tellAll(hooks);
    return Promise.resolve({
      addresses: ADDRESSES,
      stop: (timeoutMs) => {
        seen.stopMs = timeoutMs;
        return options.stop?.() ?? Promise.resolve();
      },
    });
  };
  return { terminal, seen, code: runCli(platform, terminal, { ...noParts, startServer }) };
}

test("serve prints the seeds' lines in their order, and stops at a signal", async () => {
  const { terminal, seen, code } = serve(["serve"]);
  await terminal.untilOut("ready in");
  terminal.interrupt();
  equal(await code, 0);
  equal(
    terminal.out.replace(/ready in \d+ ms/, "ready in N ms"),
    `Starting Sentinel server on port 9092 (data: ./data)
[INFO] Sentry Broker Starting…
[INFO] Data directory ready: ./data
[INFO] Loading log segments from disk…
[INFO] Loaded 3 log segments from disk
[INFO] Recovered offsets up to 10432
[INFO] Listening for producer connections…
Sentinel server listening on port 9092
binary: 127.0.0.1:9092
http: http://127.0.0.1:8080
ready in N ms

Shutting down...
`,
  );
  equal(seen.stopMs, 30_000);
  equal(terminal.errors, "");
});

test("flags without a command mean serve", async () => {
  const { terminal, seen, code } = serve([
    "--port",
    "0",
    "-data=/tmp/x",
    "--http-port=1",
    "-shutdown-timeout-ms",
    "5",
    "-auto-create",
    "false",
  ]);
  await terminal.untilOut("ready in");
  terminal.interrupt();
  equal(await code, 0);
  const { port, data, httpPort, autoCreate, durability } = seen.settings!;
  deepEqual([port, data, httpPort, autoCreate, durability, seen.stopMs], [0, "/tmp/x", 1, false, "fsync", 5]);
  ok(terminal.out.startsWith("Starting Sentinel server on port 0 (data: /tmp/x)\n"));
});

test("serve takes settings from environment and configuration file, flags first", async () => {
  await using directory = await makeTemporaryDirectory();
  const path = `${directory.path}/config.json`;
  await writeFile(path, JSON.stringify({ "http-port": 1, "partitions": 2, "durability": "os", "auto-create": false }));
  const { terminal, seen, code } = serve(["serve", "-config", path, "-http-port", "3"], {
    environment: { SENTINEL_PARTITIONS: "4" },
  });
  await terminal.untilOut("ready in");
  terminal.interrupt();
  await code;
  const { httpPort, partitions, durability, autoCreate } = seen.settings!;
  deepEqual([httpPort, partitions, durability, autoCreate], [3, 4, "os", false]);
});

test("serve refuses configuration files that are none", async () => {
  await using directory = await makeTemporaryDirectory();
  const path = `${directory.path}/config.json`;
  const cases: [string, RegExp][] = [
    ["{", /^-config: invalid_config: .* is not JSON\n/],
    ["[]", /is not a JSON object/],
    ['{"prot":1}', /^Unknown setting in the configuration file: prot\n/],
    ['{"port":"x"}', /^-port: x is not an integer\n/],
    ['{"cluster":"x"}', /^Setting cluster is not built yet\n/],
  ];
  for (const [content, expected] of cases) {
    await writeFile(path, content);
    const { code, errors } = await cli(["serve", "-config", path]);
    equal(code, 2);
    match(errors, expected);
  }
  match((await cli(["serve", "-config", `${path}.missing`])).errors, /^-config: not_found: /);
});

test("serve refuses what is not built, unknown or out of range, with 2 and the flags", async () => {
  const cases: [string[], string][] = [
    [["--grpc-port", "50051"], "-grpc-port is not built yet"],
    [["--cluster", "1@h:9094"], "-cluster is not built yet"],
    [["--tls-cert", "f"], "-tls-cert is not built yet"],
    [["--tls-key=f"], "-tls-key is not built yet"],
    [["--tls-client-ca", "f"], "-tls-client-ca is not built yet"],
    [["--sasl", "plain"], "-sasl is not built yet"],
    [["--storage-engine", "btree"], "-storage-engine: btree is not one of log, lsm"],
    [["--insecure=maybe"], "-insecure: maybe is neither true nor false"],
    [["--prot", "1"], "Unknown flag: -prot"],
    [["--port", "65536"], "-port: 65536 is above 65535"],
    [["--port"], "-port needs a value"],
    [["--durability", "never"], "-durability: never is not one of fsync, interval, os"],
    [["--log-format", "xml"], "-log-format: xml is not one of text, json"],
    [["--advertise", "a b"], "-advertise: a b is not host:port"],
    [
      ["--host", "::", "--insecure"],
      "-host: invalid_parameter: Clients would be told to connect to ::, which is no address to connect to: " +
      "say the one by which they reach this broker, as in --advertise broker.example:9092",
    ],
    [
      ["--advertise", "0.0.0.0:9093"],
      "-advertise: invalid_parameter: 0.0.0.0 is no address to connect to: " +
      "say the one by which clients reach this broker, as in --advertise broker.example:9093",
    ],
    [["--data", ""], "-data: is empty"],
    [["serve", "now"], "Unexpected argument: now"],
  ];
  for (const [args, expected] of cases) {
    const { code, out, errors } = await cli(args);
    deepEqual([code, out], [2, ""], args.join(" "));
    ok(errors.startsWith(`${expected}\nUsage of serve:\n`), errors);
  }
  const help = await cli(["serve", "-h"]);
  equal(help.code, 0);
  match(help.out, /-shutdown-timeout-ms MS +.*\(default 30000\)/);
});

test("serve listens on a host that others reach only when it is told to", async () => {
  for (const host of ["0.0.0.0", "::", "example.com"]) {
    const { code, errors } = await cli(["serve", "-host", host]);
    equal(code, 2);
    match(errors, /^-host: invalid_parameter: The host .* --insecure/);
  }
  const { terminal, seen, code } = serve(["serve", "-host", "0.0.0.0", "-insecure", "-advertise", "a.example:9092"]);
  await terminal.untilOut("ready in");
  terminal.interrupt();
  equal(await code, 0);
  equal(seen.settings!.host, "0.0.0.0");
});

test("serve says what failed, in the seeds' words, and ends with 1", async () => {
  const failing = (hasRecovered: boolean, error: Error): StartServer => (_platform, _settings, hooks) => {
    if (hasRecovered) tellAll(hooks);
    return Promise.reject(error);
  };
  const inUse = new PlatformError("address_in_use", "listen on", "127.0.0.1:9092");
  const listening = await cli(["serve"], {}, { ...noParts, startServer: failing(true, inUse) });
  deepEqual([listening.code, listening.errors], [
    1,
    "Server error: failed to listen: address_in_use: Cannot listen on 127.0.0.1:9092: address in use\n",
  ]);
  const locked = new PlatformError("locked", "lock", "./data");
  const opening = await cli(["serve"], {}, { ...noParts, startServer: failing(false, locked) });
  deepEqual([opening.code, opening.errors], [
    1,
    "Failed to create server: failed to open storage: locked: Cannot lock ./data: locked\n",
  ]);
});

test("serve writes the ready file whole, once everything listens", async () => {
  await using directory = await makeTemporaryDirectory();
  const path = `${directory.path}/ready.json`;
  await writeFile(path, "old");
  const { terminal, code } = serve(["serve", "-ready-file", path]);
  await terminal.untilOut("ready in");
  deepEqual(JSON.parse(await readFile(path, "utf8")), { ...ADDRESSES, pid: 4711 });
  terminal.interrupt();
  await code;
});

test("an old ready file is gone while a broker starts", async () => {
  await using directory = await makeTemporaryDirectory();
  const path = `${directory.path}/ready.json`;
  await writeFile(path, "old");
  let isThere = true;
  const startServer: StartServer = async () => {
    isThere = await stat(path).then(() => true, () => false);
    throw new PlatformError("io", "open", "x");
  };
  await cli(["serve", "-ready-file", path], {}, { ...noParts, startServer });
  equal(isThere, false);
});

test("a second signal ends the process at once", async () => {
  let finish = () => {};
  const stopped = new Promise<void>((resolve) => finish = resolve);
  const { terminal, code } = serve(["serve"], { stop: () => stopped });
  await terminal.untilOut("ready in");
  terminal.interrupt();
  await terminal.untilOut("Shutting down...");
  equal(terminal.exitedNow, null);
  terminal.interrupt();
  equal(terminal.exitedNow, 1);
  finish();
  await code;
});

test("serve logs to stderr, in text or in JSON, one line an event", async () => {
  for (const format of ["text", "json"]) {
    const { terminal, seen, code } = serve(["serve", "-log-format", format]);
    await terminal.untilOut("ready in");
    seen.hooks!.log("warn", "a line\nwith a line end");
    terminal.interrupt();
    await code;
    equal(terminal.errors.trimEnd().split("\n").length, 1);
    if (format === "json") {
      const { level, message } = JSON.parse(terminal.errors);
      deepEqual([level, message], ["warn", "a line\nwith a line end"]);
    } else {
      match(terminal.errors, /^\d{4}-\d\d-\d\dT[\d:.]+Z \[WARN\] a line with a line end\n$/);
    }
  }
});

test("serve closes the storage though standard output cannot be written", async () => {
  const { terminal, seen, code } = serve(["serve"]);
  await terminal.untilOut("ready in");
  terminal.writeOut = () => Promise.reject(new PlatformError("no_space", "write to", "standard output"));
  terminal.interrupt();
  equal(await code, 0);
  equal(seen.stopMs, 30_000);
});

test("serve stops what it has started when the ready file cannot be written", async () => {
  await using directory = await makeTemporaryDirectory();
  const { terminal, seen, code } = serve(["serve", "-ready-file", `${directory.path}/missing/ready.json`]);
  equal(await code, 1);
  equal(seen.stopMs, 0);
  match(terminal.errors, /^Server error: failed to announce: not_found: /);
});
