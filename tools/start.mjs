import { join } from "node:path";
import { runInForeground } from "./foreground.mjs";
import { BUN, DENO, ROOT } from "./paths.mjs";

/** Splits `--runtime bun|deno` off, wherever it stands. */
export function takeRuntime(args) {
  const at = args.findIndex((arg) => arg === "--runtime" || arg.startsWith("--runtime="));
  if (at < 0) return { runtime: "bun", rest: args };
  const inline = args[at].startsWith("--runtime=");
  const runtime = inline ? args[at].slice("--runtime=".length) : args[at + 1];
  if (runtime !== "bun" && runtime !== "deno") {
    console.error(`--runtime is bun or deno, not ${runtime ?? "empty"}`);
    process.exit(2);
  }
  return { runtime, rest: args.toSpliced(at, inline ? 1 : 2) };
}

/** Sockets; the data directory; SENTINEL_* and the host's name; flock(2) for the data directory's lock. */
export const DENO_PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
];

/**
 * The `sentinel` command from source; `--runtime deno`, before everything else, takes Deno. Without arguments it
 * serves: `npm start` is how one tries it out.
 */
export function start(args) {
  const { runtime, rest } = args[0]?.startsWith("--runtime") ? takeRuntime(args) : { runtime: "bun", rest: args };
  const command = rest.length === 0 ? ["serve"] : rest;
  if (runtime === "bun") return runInForeground(BUN, [join(ROOT, "adapters/bun/main.ts"), ...command]);
  const flags = ["--config", join(ROOT, "deno.json"), ...DENO_PERMISSIONS];
  return runInForeground(DENO, ["run", ...flags, join(ROOT, "adapters/deno/main.ts"), ...command]);
}

/** The benchmarks, on the runtime that was asked for. */
export function bench(args) {
  const { runtime, rest } = takeRuntime(args);
  if (runtime === "bun") return runInForeground(BUN, [join(ROOT, "bench/main.ts"), ...rest]);
  return runInForeground(DENO, [
    "run",
    "-A",
    "--config",
    join(ROOT, "deno.json"),
    join(ROOT, "bench/main.ts"),
    ...rest,
  ]);
}
