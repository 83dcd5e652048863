/** `npm run simulate`: the simulated world on one runtime, or on both with the demand that they agree. */
import { join } from "node:path";
import { runInForeground } from "./foreground.mjs";
import { BUN, DENO, ROOT } from "./paths.mjs";
import { takeRuntime } from "./start.mjs";
import { runStep } from "./steps.mjs";

const MAIN = join(ROOT, "test/simulation/main.ts");

function commandOf(runtime, args) {
  if (runtime === "bun") return { command: BUN, args: [MAIN, ...args] };
  return { command: DENO, args: ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), MAIN, ...args] };
}

/** `--runtime both` runs the seeds on both runtimes beside each other and compares their traces. */
export async function simulate(args) {
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
    ["bun", "deno"].map((runtime) => runStep({ name: runtime, ...commandOf(runtime, args) })),
  );
  for (const { step, output } of runs) console.log(`${step.name}: ${output.trimEnd()}`);
  const [first, second] = runs.map(({ output }) => traceOf(output));
  if (first === null || first !== second) console.log("The two runtimes did not do the same");
  return runs.every(({ failed }) => failed === 0) && first !== null && first === second ? 0 : 1;
}
