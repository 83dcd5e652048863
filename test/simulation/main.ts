/**
 * `npm run simulate -- [--seeds N] [--seed S] [--scenario NAME] [--script FILE]`: runs seeds, and tells of the first
 * violation with the line that replays it and a script from which everything that it does not need was taken out.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { immediateMacrotask } from "../../adapters/simulation/macrotask.ts";
import { Probes } from "./probes.ts";
import { runScript, StrayFailures } from "./run_script.ts";
import type { RunOutcome } from "./run_script.ts";
import { parseScript, scriptOf } from "./script.ts";
import type { Script } from "./script.ts";
import { shrink } from "./shrink.ts";
import { SCENARIOS } from "./swarm.ts";

const runtime = "Deno" in globalThis ? "deno" : "bun";
const stray = new StrayFailures();
process.on("unhandledRejection", (thrown) => stray.note(thrown));

interface Options {
  readonly seeds: number;
  readonly seed: number;
  readonly scenario: string;
  readonly scriptFile: string | null;
  readonly shrinks: boolean;
  readonly showsProbes: boolean;
  /** One line for each violation, and on to the next seed. */
  readonly keepsGoing: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      scenario: { type: "string", default: "mixed" },
      script: { type: "string" },
      "no-shrink": { type: "boolean", default: false },
      probes: { type: "boolean", default: false },
      "keep-going": { type: "boolean", default: false },
    },
  });
  const number = (name: "seeds" | "seed", fallback: number): number => {
    const value = values[name] ?? String(fallback);
    if (!/^\d{1,9}$/.test(value)) throw new Error(`--${name} is a number from 0 to 999999999, not ${value}`);
    return Number(value);
  };
  if (!Object.hasOwn(SCENARIOS, values.scenario)) {
    throw new Error(`--scenario is one of ${Object.keys(SCENARIOS).join(", ")}, not ${values.scenario}`);
  }
  return {
    seeds: number("seeds", values.seed === undefined ? 100 : 1),
    seed: number("seed", 1),
    scenario: values.scenario,
    scriptFile: values.script ?? null,
    shrinks: !values["no-shrink"],
    showsProbes: values.probes,
    keepsGoing: values["keep-going"],
  };
}

async function main(options: Options): Promise<number> {
  const probes = new Probes();
  const startedMs = performance.now();
  let virtualMs = 0;
  let events = 0;
  let violations = 0;
  let done = 0;
  let first = 0x811c9dc5;
  let second = 0;
  const scripts: Script[] = options.scriptFile !== null
    ? [parseScript(readFileSync(options.scriptFile, "utf8"))]
    : Array.from({ length: options.seeds }, (_, at) => scriptOf(options.seed + at, options.scenario));
  for (const script of scripts) {
    const outcome = await runScript(script, immediateMacrotask, stray);
    done += 1;
    virtualMs += outcome.virtualMs;
    events += outcome.events;
    probes.add(outcome.probes);
    first = Math.imul(first, 31) + parseInt(outcome.traceHash.slice(0, 8), 16) | 0;
    second = Math.imul(second, 31) + parseInt(outcome.traceHash.slice(8), 16) | 0;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done} of ${scripts.length} seeds`);
    if (outcome.violation !== null) {
      violations += 1;
      if (options.keepsGoing) {
        console.log(`seed ${script.seed}: ${outcome.violation.message.split("\n")[0]}`);
        continue;
      }
      await tell(script, outcome, options);
      break;
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  if (options.showsProbes) {
    for (const [probe, count] of probes.fired) console.log(`${String(count).padStart(9)}  ${probe}`);
  }
  if (violations === 0 && done >= 100 && options.scenario === "mixed") {
    for (const probe of probes.silent) console.log(`never in ${done} seeds: ${probe}`);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const hours = (virtualMs / 3_600_000).toFixed(2);
  const speed = Math.round(virtualMs / 1_000 / seconds);
  const hash = [first, second].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  if (options.showsProbes) console.log(`${events} events, ${Math.round(events / seconds)} a second`);
  console.log(
    `${done} seeds, ${hours} simulated hours, ${speed} simulated seconds a second, ${violations} violations, trace ${hash}`,
  );
  return violations === 0 ? 0 : 1;
}

async function tell(script: Script, outcome: RunOutcome, options: Options): Promise<void> {
  const replay = `npm run simulate -- --seed ${script.seed} --scenario ${script.scenario} --runtime ${runtime}`;
  if (!options.shrinks) {
    showEvents(outcome);
    console.log(`seed ${script.seed}: ${textOf(outcome)}\n${replay}`);
    return;
  }
  console.log(`seed ${script.seed}: ${textOf(outcome)}\n${replay}`);
  const small = await shrink(script, outcome, (each) => runScript(each, immediateMacrotask, stray));
  const file = `simulation-${script.seed}.json`;
  writeFileSync(file, `${JSON.stringify(small.script, null, 2)}\n`);
  showEvents(small.outcome);
  for (const [decision, what] of small.outcome.decisions) console.log(`${decision.padEnd(14)} ${what}`);
  console.log(`without what it does not need: ${textOf(small.outcome)}`);
  console.log(`npm run simulate -- --script ${file} --runtime ${runtime}`);
}

function showEvents({ lastEvents }: RunOutcome): void {
  for (const { timeUs, kind, payload } of lastEvents) {
    console.log(`${(timeUs / 1_000).toFixed(3).padStart(12)} ms  ${kind} ${payload}`);
  }
}

function textOf({ violation }: RunOutcome): string {
  return (violation?.name === "Violation" ? violation.message : violation?.stack) ?? "no violation";
}

try {
  process.exitCode = await main(readOptions());
} catch (thrown) {
  console.error(
    thrown instanceof Error && thrown.stack?.includes("runScript") ? thrown.stack : (thrown as Error).message,
  );
  process.exitCode = 2;
}
