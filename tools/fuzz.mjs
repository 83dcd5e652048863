/** `npm run fuzz`: the fuzz targets on one runtime, or beside each other on both, with an eye on inputs that hang. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BUN, DENO, ROOT } from "./paths.mjs";
import { takeRuntime } from "./start.mjs";

const MAIN = join(ROOT, "test/fuzz/main.ts");
/** A run says how far it is every two seconds; a check that says nothing for so long never comes back. */
const SILENCE_MS_MAX = 120_000;

/** Both runtimes get their own inputs, of this seed and the next, unless `--runtime` names one. Ends the process. */
export async function fuzz(args) {
  if (args.some((arg) => arg.startsWith("--runtime"))) {
    const { runtime, rest } = takeRuntime(args);
    process.exit((await run(runtime, rest)).code);
  }
  const startMs = performance.now();
  const runs = await Promise.all([run("bun", args), run("deno", withNextSeed(args))]);
  const sum = (name) => runs.reduce((total, { summary }) => total + (summary?.[name] ?? 0), 0);
  const isGood = runs.every(({ code }) => code === 0);
  if (runs.some(({ code }) => code === 2)) process.exit(2);
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const rssMib = Math.max(...runs.map(({ summary }) => summary?.rssMib ?? 0));
  const failures = isGood ? 0 : Math.max(1, sum("failures"));
  console.log(JSON.stringify({ inputs: sum("inputs"), failures, seconds, rssMib, runtimes: ["bun", "deno"] }));
  process.exit(isGood ? 0 : 1);
}

function withNextSeed(args) {
  const at = args.indexOf("--seed");
  const seed = at < 0 ? 1 : Number(args[at + 1]);
  return [...(at < 0 ? args : args.toSpliced(at, 2)), "--seed", String(seed + 1)];
}

/** One runtime's run; its lines are shown as they come, its last one is the summary. */
function run(runtime, args) {
  const command = runtime === "bun" ? BUN : DENO;
  const flags = runtime === "bun" ? [] : ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json")];
  const child = spawn(command, [...flags, MAIN, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const stop = (signal) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  let last = "";
  let where = "the start";
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      console.log(
        `FAILED ${runtime}: nothing was heard for ${SILENCE_MS_MAX / 1_000} s after ${where}: an input hangs`,
      );
      child.kill("SIGKILL");
    }, SILENCE_MS_MAX);
  };
  heard();
  createInterface({ input: child.stdout }).on("line", (line) => {
    heard();
    last = line;
    console.log(`${runtime.padEnd(5)}${line}`);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    heard();
    if (!line.startsWith("... ")) return console.error(`${runtime.padEnd(5)}${line}`);
    where = line.slice(4);
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${runtime} ${where}\r`);
  });
  return new Promise((resolve) => {
    child.on("error", (error) => console.error(`Cannot start ${command}: ${error.message}`));
    child.on("close", (code) => {
      clearTimeout(timer);
      let summary = null;
      try {
        summary = JSON.parse(last);
      } catch {
        // It ended before its last line; the exit code says so.
      }
      resolve({ code: code ?? 1, summary });
    });
  });
}
