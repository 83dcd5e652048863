/**
 * `npm run bench -- [WORKLOAD…|all] [--smoke] [--runtime bun|deno] [--json] [--out FILE] [--table FILE]`
 *
 * Without a name it lists the workloads. A workload measures the broker, or a part of it, in turn with the *limit* that
 * stands in its way (the plain file, the bare socket, the handler that only parses), in the same run. What to look at is
 * the ratio: on a shared machine absolute times drift by more than what one looks for. A figure is the median of its
 * rounds, a ratio the median of the rounds' ratios; `value` / `besideValue` is near it, not equal to it.
 *
 * - `--smoke`: a size that only shows that everything works; without a name, all workloads. Fails when something breaks,
 *   never because something is slow.
 * - `--json`: one line a figure, for programs: workload, figure, value, unit, beside, besideValue, ratio, runtime, commit.
 * - `--out FILE`: appends the results to FILE, one line of JSON each, with the machine.
 * - `--table FILE`: makes `bench/RESULTS.md` from such a file. The page in the tree is made so:
 *   `npm run bench -- all --out results.jsonl`, the same with `--runtime deno`, then `npm run bench -- --table results.jsonl`.
 *
 * Files go to `.bench/` in the project, not to the system's temporary directory, which often is memory and syncs for
 * nothing; they are removed afterwards.
 */
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import process from "node:process";
import { type BenchArguments, parseBenchArguments } from "./arguments.ts";
import type { Figure } from "./figure.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { jsonLine, markdownPage, type Result, resultOf, textTable } from "./report.ts";
import { currentPlatform, currentRuntime, ROOT } from "./runtime.ts";
import type { BenchContext, Workload } from "./workload.ts";
import { WORKLOADS } from "./workloads.ts";

/** They run for minutes, or need a JVM: by name only. */
const NOT_IN_ALL = ["soak", "kafka-peer", "kafka-connections", "lsm-fill-large"];

function list(): void {
  console.log("Workloads (all: every one but soak, lsm-fill-large and kafka-*; --smoke: all, tiny):\n");
  for (const { name, summary } of WORKLOADS) console.log(`  ${name.padEnd(18)} ${summary}`);
}

async function runOne(workload: Workload, machine: Machine, isSmoke: boolean): Promise<Figure[]> {
  await mkdir(`${ROOT}.bench`, { recursive: true });
  const directory = await mkdtemp(`${ROOT}.bench/${workload.name}-`);
  const showsProgress = process.stderr.isTTY === true;
  const progress = (text: string) => {
    if (showsProgress) process.stderr.write(`\r\x1b[K${text === "" ? "" : `... ${workload.name} ${text}`}`);
  };
  const platform = await currentPlatform();
  const context: BenchContext = { platform, runtime: currentRuntime, isSmoke, directory, progress };
  progress(`on ${machine.runtime}`);
  try {
    return await workload.run(context);
  } finally {
    progress("");
    await rm(directory, { recursive: true, force: true });
  }
}

async function runAll(wanted: BenchArguments): Promise<void> {
  const machine = describeMachine((await currentPlatform()).runtime);
  const figures: Figure[] = [];
  for (const workload of WORKLOADS.filter(({ name }) => wanted.workloads.includes(name))) {
    const measured = await runOne(workload, machine, wanted.isSmoke);
    // At this size nothing can be judged.
    const found = wanted.isSmoke ? measured.map((figure) => ({ ...figure, target: "" })) : measured;
    figures.push(...found);
    const results = found.map((figure) => resultOf(figure, machine));
    if (wanted.isJson) { for (const result of results) console.log(jsonLine(result)); }
    if (wanted.outPath !== null) {
      await appendFile(wanted.outPath, results.map((result) => `${JSON.stringify(result)}\n`).join(""));
    }
  }
  if (wanted.isJson) return;
  console.log(`${machine.description}; ${machine.runtime}; ${machine.commit}${wanted.isSmoke ? "; smoke" : ""}`);
  console.log(textTable(figures));
}

async function makePage(path: string): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  await writeFile(`${ROOT}bench/RESULTS.md`, markdownPage(lines.map((line) => JSON.parse(line) as Result)));
}

async function main(): Promise<number> {
  const names = WORKLOADS.map(({ name }) => name);
  const wanted = parseBenchArguments(process.argv.slice(2), names, NOT_IN_ALL);
  if ("fault" in wanted) {
    console.error(wanted.fault);
    return 2;
  }
  if (wanted.tablePath !== null) await makePage(wanted.tablePath);
  else if (wanted.workloads.length === 0) list();
  else await runAll(wanted);
  return 0;
}

process.exit(await main());
