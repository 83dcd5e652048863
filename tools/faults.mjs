/** `npm run faults`: real faults on real processes, driven from the runtime that was asked for. */
import { join } from "node:path";
import { runInForeground } from "./foreground.mjs";
import { BUN, DENO, ROOT } from "./paths.mjs";
import { takeRuntime } from "./start.mjs";

export function faults(args) {
  const { runtime, rest } = takeRuntime(args);
  const main = join(ROOT, "test/faults/main.ts");
  if (runtime === "bun") return runInForeground(BUN, [main, ...rest]);
  return runInForeground(DENO, ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), main, ...rest]);
}
