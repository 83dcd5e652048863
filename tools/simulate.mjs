/** `npm run simulate`: the simulated world on one runtime, or on both with the demand that they agree. */
import { join } from "node:path";
import { runInForeground } from "./foreground.mjs";
import { BUN, DENO, ROOT } from "./paths.mjs";
import { takeRuntime } from "./start.mjs";
import { runStep } from "./steps.mjs";

/** A batch of many seeds may take a night. */
const RUN_MS_MAX = 24 * 60 * 60_000;
const MAIN = join(ROOT, "test/simulation/main.ts");

function commandOf(runtime, args) {
  if (runtime === "bun") return { command: BUN, args: [MAIN, ...args] };
  return { command: DENO, args: ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), MAIN, ...args] };
}

/**
 * `--runtime both` runs the seeds on both runtimes beside each other and compares their traces; `--against-ext4 N` holds
 * the disk's model against N real power losses, which needs root.
 */
export async function simulate(args) {
  const ext4 = args.indexOf("--against-ext4");
  if (ext4 >= 0) return runInForeground(BUN, [join(ROOT, "test/simulation/ext4.ts"), args[ext4 + 1] ?? "100"]);
  const both = args.indexOf("both");
  if (both > 0 && args[both - 1] === "--runtime") process.exit(await compare(args.toSpliced(both - 1, 2)));
  const { runtime, rest } = takeRuntime(args);
  const { command, args: all } = commandOf(runtime, rest);
  return runInForeground(command, all);
}

/** The trace's hash in the last line of a run, or null. */
export function traceOf(output) {
  return /, trace ([0-9a-f]{16})$/.exec(output.trimEnd().split("\n").at(-1) ?? "")?.[1] ?? null;
}

async function compare(args) {
  const runs = await Promise.all(
    ["bun", "deno"].map((runtime) => runStep({ name: runtime, ...commandOf(runtime, args), msMax: RUN_MS_MAX })),
  );
  for (const { step, output } of runs) console.log(`${step.name}: ${output.trimEnd()}`);
  const [first, second] = runs.map(({ output }) => traceOf(output));
  if (first === null || first !== second) console.log("The two runtimes did not do the same");
  return runs.every(({ failed }) => failed === 0) && first !== null && first === second ? 0 : 1;
}
