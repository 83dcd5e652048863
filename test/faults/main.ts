/**
 * `npm run faults`: real faults on real processes. Without a name it lists them and runs them all. A line a fault and
 * kind; the last line is for programs. Exit code 1 when something was lost, changed or served wrong.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import type { ProgramKind } from "../processes/sentinel_command.ts";
import { CannotRun, type Fault } from "./fault.ts";
import { FAULTS } from "./faults.ts";

const KINDS: readonly ProgramKind[] = ["bun", "deno", "binary"];
const PROGRESS_EVERY_MS = 5_000;

interface Wanted {
  readonly faults: readonly Fault[];
  readonly kinds: readonly ProgramKind[];
  readonly cycles: number | null;
  readonly seed: number;
}

const USAGE = `Usage: npm run faults -- [NAME…] [--cycles N] [--kind bun|deno|binary] [--seed S] [--list]
${
  FAULTS.map(({ name, cycles, summary }) => `  ${name.padEnd(12)} ${String(cycles).padStart(4)}  ${summary}`).join("\n")
}`;

function readWanted(args: readonly string[]): Wanted | string {
  const text = { type: "string" } as const;
  const options = { cycles: text, kind: text, seed: text, list: { type: "boolean" } } as const;
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  const { values, positionals } = parsed;
  if (values.list === true) return USAGE;
  const unknown = positionals.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) return `There is no fault ${unknown}\n${USAGE}`;
  const kind = KINDS.find((known) => known === values.kind);
  if (values.kind !== undefined && kind === undefined) return `--kind is bun, deno or binary, not ${values.kind}`;
  const wrong = [values.cycles ?? "1", values.seed ?? "1"].find((number) => !/^[1-9]\d{0,5}$/.test(number));
  if (wrong !== undefined) return `${wrong} is not a number from 1 to 999999`;
  return {
    faults: positionals.length === 0 ? FAULTS : FAULTS.filter(({ name }) => positionals.includes(name)),
    kinds: kind === undefined ? KINDS : [kind],
    cycles: values.cycles === undefined ? null : Number(values.cycles),
    seed: Number(values.seed ?? "1"),
  };
}

/** `ok`, `FAILED` or `cannot run`. */
async function runOne(fault: Fault, kind: ProgramKind, wanted: Wanted): Promise<"ok" | "failed" | "cannot run"> {
  const cycles = wanted.cycles ?? fault.cycles;
  const startMs = performance.now();
  let toldMs = startMs;
  const onProgress = (done: number, what: string): void => {
    const nowMs = performance.now();
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${fault.name} ${kind}: ${done} of ${cycles}, ${what}`);
    else if (nowMs - toldMs > PROGRESS_EVERY_MS) {
      console.error(`... ${fault.name} ${kind}: ${done} of ${cycles}, ${what}`);
      toldMs = nowMs;
    }
  };
  const name = `${fault.name.padEnd(12)} ${kind.padEnd(6)}`;
  const clear = process.stderr.isTTY ? "\r\x1b[K" : "";
  try {
    const figures = await fault.run({ kind, cycles, seed: wanted.seed, onProgress });
    const text = Object.entries(figures).map(([figure, value]) => `${value} ${figure}`).join(", ");
    console.log(`${clear}ok     ${name} ${text} (${((performance.now() - startMs) / 1_000).toFixed(1)} s)`);
    return "ok";
  } catch (thrown) {
    if (thrown instanceof CannotRun) {
      console.log(`${clear}cannot run: ${name} ${thrown.message}`);
      return "cannot run";
    }
    console.log(
      `${clear}FAILED ${name} ${
        thrown instanceof Error ? thrown.stack || `${thrown.name}: ${thrown.message}` : String(thrown)
      }`,
    );
    return "failed";
  }
}

async function run(wanted: Wanted): Promise<number> {
  const sums = { ok: 0, failed: 0, "cannot run": 0 };
  for (const fault of wanted.faults) {
    for (const kind of wanted.kinds) sums[await runOne(fault, kind, wanted)] += 1;
  }
  console.log(
    JSON.stringify({ passed: sums.ok, failed: sums.failed, cannotRun: sums["cannot run"], seed: wanted.seed }),
  );
  return sums.failed === 0 ? 0 : 1;
}

const args = process.argv.slice(2);
const wanted = readWanted(args);
if (typeof wanted === "string") {
  console.log(wanted);
  process.exit(wanted === USAGE ? 0 : 2);
}
if (args.length === 0) console.log(`${USAGE}\n`);
process.exit(await run(wanted));
