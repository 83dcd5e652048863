/**
 * `npm run fuzz`: one runtime's part. Inputs are shared out over the targets by weight; a line a target, and a last line
 * that programs can read. Exit code 1 when an input failed; it is kept in the corpus then.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { currentRuntime } from "../adapters/current.ts";
import { keepInput } from "./corpus.ts";
import { showCoverage } from "./coverage.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { type FuzzReport, RSS_BYTES_MAX, runTarget, showInput } from "./run_target.ts";
import { shareOf, TARGETS } from "./targets.ts";

const COUNT_DEFAULT = 200_000;
const MIB = 1024 * 1024;

interface Wanted {
  readonly targets: readonly FuzzTarget[];
  readonly count: number;
  readonly seed: number;
  /** The input to begin with, for a replay. */
  readonly from: number;
  /** A line for each row of what a target counts. */
  readonly tellsCoverage: boolean;
}

function readWanted(args: readonly string[]): Wanted | string {
  const options = {
    count: { type: "string" },
    seed: { type: "string" },
    from: { type: "string" },
    coverage: { type: "boolean" },
  } as const;
  let values: { [Name in "count" | "seed" | "from"]?: string | undefined } & { coverage?: boolean | undefined };
  let positionals: string[];
  try {
    ({ values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true }));
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  const unknown = positionals.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) {
    return `There is no target ${unknown}; there are ${TARGETS.map(({ name }) => name).join(", ")}`;
  }
  const numbers = [values.count ?? String(COUNT_DEFAULT), values.seed ?? "1", values.from ?? "0"];
  const wrong = numbers.find((text) => !/^\d{1,10}$/.test(text));
  if (wrong !== undefined) return `${wrong} is not a number`;
  const [count, seed, from] = numbers.map(Number) as [number, number, number];
  const targets = positionals.length === 0 ? TARGETS : TARGETS.filter(({ name }) => positionals.includes(name));
  return { targets, count, seed, from, tellsCoverage: values.coverage === true };
}

function tell(report: FuzzReport): void {
  const perSecond = Math.round(report.inputs / Math.max(report.elapsedMs, 1) * 1_000);
  const columns = [
    `${String(report.inputs).padStart(9)} inputs`,
    `${String(perSecond).padStart(8)} a second`,
    `slowest ${report.slowestMs.toFixed(1)} ms`,
    `${Math.round(report.rssBytesMax / MIB)} MiB resident at most`,
  ];
  console.log(`${report.failure === null ? "ok    " : "FAILED"} ${report.target.padEnd(20)} ${columns.join(", ")}`);
}

async function run(wanted: Wanted): Promise<number> {
  let inputs = 0;
  let failures = 0;
  let slowestMs = 0;
  let rssBytesMax = 0;
  const startMs = performance.now();
  for (const target of wanted.targets) {
    const count = shareOf(target, wanted.count, wanted.targets);
    // The one who started us ends us when nothing is heard for long: an input that hangs cannot be ended from inside.
    let toldMs = performance.now();
    const onProgress = (done: number): void => {
      if (performance.now() - toldMs < 2_000) return;
      toldMs = performance.now();
      console.error(`... ${target.name} ${wanted.from + done} of ${wanted.from + count} (seed ${wanted.seed})`);
    };
    console.error(`... ${target.name} ${wanted.from} of ${wanted.from + count} (seed ${wanted.seed})`);
    const report = await runTarget(target, { seed: wanted.seed, count, from: wanted.from, onProgress });
    tell(report);
    if (wanted.tellsCoverage && report.coverage.size > 0) console.log(showCoverage(report.coverage).join("\n"));
    inputs += report.inputs;
    slowestMs = Math.max(slowestMs, report.slowestMs);
    rssBytesMax = Math.max(rssBytesMax, report.rssBytesMax);
    if (report.failure === null) continue;
    failures += 1;
    const { index, input, reason, seed } = report.failure;
    console.log(
      `${reason}\ninput ${index} of seed ${seed}: ${showInput(input)}\nkept as ${await keepInput(report.failure)}`,
    );
    console.log(
      `again: npm run fuzz -- ${target.name} --seed ${seed} --from ${index} --count 1 --runtime ${currentRuntime}`,
    );
    // What this target keeps would be blamed on all that come after it.
    if (rssBytesMax > RSS_BYTES_MAX) break;
  }
  const summary = {
    inputs,
    failures,
    targets: wanted.targets.length,
    seconds: Math.round((performance.now() - startMs) / 1_000),
    slowestMs: Math.round(slowestMs),
    rssMib: Math.round(rssBytesMax / MIB),
    rssMibMax: RSS_BYTES_MAX / MIB,
    seed: wanted.seed,
    runtime: currentRuntime,
  };
  console.log(JSON.stringify(summary));
  return failures === 0 ? 0 : 1;
}

const wanted = readWanted(process.argv.slice(2));
if (typeof wanted === "string") {
  console.error(wanted);
  process.exit(2);
}
process.exit(await run(wanted));
