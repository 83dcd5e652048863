/** `npm run crash`: the crash harness in its full size, on the runtime that was asked for. */
import { join } from "node:path";
import { runInForeground } from "./foreground.mjs";
import { BUN, DENO, ROOT } from "./paths.mjs";
import { takeRuntime } from "./start.mjs";

export function crash(args) {
  const { runtime, rest } = takeRuntime(args);
  const main = join(ROOT, "test/crash/main.ts");
  if (runtime === "bun") return runInForeground(BUN, [main, ...rest]);
  return runInForeground(DENO, ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), main, ...rest]);
}
