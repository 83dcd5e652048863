/** `npm run faults`: real faults on real processes, driven from the runtime that was asked for. */
import process from "node:process";
import { join } from "node:path";
import { compile } from "./compile.mjs";
import { runInForeground } from "./foreground.mjs";
import { BUN, DENO, ROOT } from "./paths.mjs";
import { takeRuntime } from "./start.mjs";

export function faults(args) {
  const { runtime, rest } = takeRuntime(args);
  // The binary of an older tree would be tested in place of this one's.
  if (takesBinary(rest) && compile() !== 0) process.exit(1);
  const main = join(ROOT, "test/faults/main.ts");
  if (runtime === "bun") return runInForeground(BUN, [main, ...rest]);
  return runInForeground(DENO, ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), main, ...rest]);
}

function takesBinary(args) {
  const kind = args.map((arg, at) => arg === "--kind" ? args[at + 1] : /^--kind=(.*)/.exec(arg)?.[1]).find(Boolean);
  return !args.includes("--list") && (kind === undefined || kind === "binary");
}
