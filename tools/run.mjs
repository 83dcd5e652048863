/** The one door to every npm script: sets the tree up, then does what was asked for. */
import { spawnSync } from "node:child_process";
import { compile } from "./compile.mjs";
import { crash } from "./crash.mjs";
import { faults } from "./faults.mjs";
import { fuzz } from "./fuzz.mjs";
import { runInterop } from "./interop.mjs";
import { mutants } from "./mutants.mjs";
import { DENO, ROOT } from "./paths.mjs";
import { setUp } from "./setup.mjs";
import { simulate } from "./simulate.mjs";
import { bench, start } from "./start.mjs";
import { runChecks, runFullTests, runTests } from "./test.mjs";

const COMMANDS = {
  start,
  bench,
  simulate,
  crash,
  faults,
  fuzz,
  mutants,
  compile: () => process.exit(compile()),
  test: async (args) => process.exit(await runTests(args)),
  "test:full": async () => process.exit(await runFullTests()),
  "test:interop": async (args) => process.exit(await runInterop(args)),
  check: async () => process.exit(await runChecks()),
  format: () => process.exit(spawnSync(DENO, ["fmt", "--quiet"], { cwd: ROOT, stdio: "inherit" }).status ?? 1),
};

const [name = "", ...args] = process.argv.slice(2);
if (!Object.hasOwn(COMMANDS, name)) {
  console.error(`Usage: node tools/run.mjs ${Object.keys(COMMANDS).join("|")} [arguments]`);
  process.exit(2);
}
setUp();
await COMMANDS[name](args);
