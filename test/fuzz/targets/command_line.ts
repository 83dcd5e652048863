/** Arguments and configuration files: an exit code and a reason, never a fall and never "internal". */
import assert from "node:assert/strict";
import { PlatformError, SentinelError } from "../../../src/base/errors.ts";
import { readArguments, settleFlags } from "../../../src/cli/flags.ts";
import { type CliParts, runCli } from "../../../src/cli/main.ts";
import { readConfigFile, serveFlags } from "../../../src/cli/serve_flags.ts";
import { decodeUtf8Leniently } from "../../../src/bytes/utf8.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { FakeTerminal } from "../../cli/fake_terminal.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { FaultyDisk } from "../../storage/faulty_disk.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { anyValue, hostileJson, nearly, TEXTS } from "../grammar.ts";
import { mutate } from "../mutation.ts";
import { refusalsAllowed } from "./documented_errors.ts";

const COMMANDS = [
  "produce",
  "consume",
  "topics",
  "serve",
  "log",
  "bench",
  "demo",
  "help",
  "version",
  "get",
  "x",
] as const;
const WORDS = [
  "-topic",
  "--topic=t",
  "-message",
  "-partition",
  "-offset",
  "earliest",
  "@5",
  "-max-messages",
  "--json",
  "-raw",
  "-count",
  "-header",
  "k=v",
  "-broker",
  "localhost:1",
  "[::1]:1",
  "list",
  "create",
  "describe",
  "--config",
  "alter",
  "delete",
  "dump",
  "verify",
  "/nowhere",
  "--port",
  "70000",
  "-port=0",
  "--memory",
  "--data",
  "--",
  "-h",
  "-",
  "---",
  "-=",
  "--=x",
  "--follow",
  "--partitions",
  "--host",
  "0.0.0.0",
  "--durability",
  "fsync",
  "-from-beginning",
  "--file",
  "--tls-cert",
  "--cluster",
] as const;
const CONFIG_NAMES = [
  "port",
  "http-port",
  "data",
  "host",
  "durability",
  "auto-create",
  "tls-cert",
  "httpPort",
  "x",
] as const;

const refusedConnection = () => Promise.reject(new PlatformError("connection_refused", "connect to", "127.0.0.1:1"));

/** No broker can be reached and none can be started: only the arguments count. */
function lonelyPlatform(): Platform {
  const platform = currentPlatform({ memory: true });
  return { ...platform, network: { listen: refusedConnection, connect: refusedConnection } };
}

const PARTS: CliParts = {
  startServer: () => Promise.reject(new SentinelError("storage_error", "not started")),
  logTools: {
    dumpSegment: async () => true,
    verifyDataDirectory: async () => ({ isWhole: true, summary: "nothing" }),
  },
};

/** Arguments, ended by NUL. */
export const cliArguments: FuzzTarget = {
  name: "cli_arguments",
  weight: 8,
  inputsPerSubject: 100_000,
  open: async () => {
    const platform = lonelyPlatform();
    return {
      make(random) {
        const words = Array.from(
          { length: random.below(7) },
          () => random.below(4) === 0 ? random.pick(TEXTS).replaceAll("\0", "") : random.pick(WORDS),
        );
        const bytes = new TextEncoder().encode([random.pick(COMMANDS), ...words].join("\0"));
        return random.below(2) === 0 ? mutate(random, bytes) : bytes;
      },
      async check(input) {
        const args = decodeUtf8Leniently(input).split("\0");
        const terminal = new FakeTerminal(args, { environment: { SENTINEL_TOPIC: "t" } });
        const code = await runCli(platform, terminal, PARTS);
        assert.ok(code === 0 || code === 1 || code === 2, `Exit code ${code}`);
        const { errors } = terminal;
        assert.doesNotMatch(errors, /internal: /);
        assert.ok(code === 0 || errors !== "" || terminal.out !== "", "It failed without a word");
      },
    };
  },
};

/** A configuration file, read and settled with no flags beside it. */
export const configFiles: FuzzTarget = {
  name: "config_files",
  weight: 12,
  inputsPerSubject: 5_000,
  open: async () => {
    const disk = new FaultyDisk();
    return {
      make(random) {
        const fields = Object.fromEntries(
          Array.from({ length: 1 + random.below(3) }, () => [
            random.pick(CONFIG_NAMES),
            (inner: typeof random) =>
              inner.pick<string | number | boolean>([0, 8_080, 70_000, "0", "./d", "fsync", true]),
          ]),
        );
        const value = random.below(8) === 0 ? anyValue(random) : nearly(random, fields);
        const bytes = hostileJson(random, value);
        return random.below(3) === 0 ? mutate(random, bytes) : bytes;
      },
      async check(input) {
        disk.put("/sentinel.json", input);
        const settle = async (): Promise<void> => {
          const config = await readConfigFile(disk, "/sentinel.json");
          const given = readArguments(serveFlags, []);
          assert.ok(given.kind === "given");
          const answer = settleFlags(serveFlags, given, { environment: new Map(), config });
          if (answer.kind === "values") assert.ok(Number.isInteger(answer.values.port));
        };
        await refusalsAllowed(settle(), ["invalid_config"]);
      },
    };
  },
};
