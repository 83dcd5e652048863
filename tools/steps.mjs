/** Runs steps beside each other, as many as there are places, and tells how each went. */
import { spawn } from "node:child_process";
import { ROOT } from "./paths.mjs";

/**
 * A step: `name`, `command` with `args`, `env` to add, `after` (names of steps that must have ended), `count` (reads
 * `{passed, failed}` from the output; without it the step itself counts as one), `msMax` in place of the ten minutes,
 * `isTold` (its output is shown however it ends).
 */

const PLACES = 2;
/** A test that waits for ever would hold up everything else without a word. */
const STEP_MS_MAX = 10 * 60_000;

const groups = new Set();

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

let interruptible = false;

/** What we started must not outlive us. Only once something was: the broker in the foreground handles its own signals. */
function endWithUs() {
  if (interruptible) return;
  interruptible = true;
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
    process.on(signal, () => {
      for (const child of groups) killGroup(child, "SIGKILL");
      process.exit(code);
    });
  }
}

/** Runs a step's program to its end; its output in one text, in the order it came. */
export function runStep(step) {
  endWithUs();
  return new Promise((resolve) => {
    const startMs = performance.now();
    const env = { ...process.env, NO_COLOR: "1", ...step.env };
    delete env.FORCE_COLOR;
    // A group of its own: what a test has started and left behind ends with it.
    const child = spawn(step.command, step.args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    let timedOut = false;
    groups.add(child);
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child, "SIGKILL");
    }, step.msMax ?? STEP_MS_MAX);
    const end = (code, note) => {
      clearTimeout(timer);
      groups.delete(child);
      killGroup(child, "SIGKILL");
      const output = Buffer.concat(chunks).toString("utf8") + note;
      resolve({ step, output, ms: performance.now() - startMs, ...outcome(step, code, output) });
    };
    child.on("error", (error) => end(1, `Cannot start ${step.command}: ${error.message}\n`));
    child.on("close", (code, signal) => {
      if (timedOut) end(1, `Cut off after ${(step.msMax ?? STEP_MS_MAX) / 1000} s\n`);
      else end(code ?? 1, signal === null ? "" : `Ended by ${signal}\n`);
    });
  });
}

/** A step that ends badly has failed, whatever its summary says; a test step that ran nothing proves nothing. */
export function outcome(step, code, output) {
  const counted = step.count === undefined ? { passed: code === 0 ? 1 : 0, failed: 0 } : step.count(output);
  const isGood = code === 0 && counted.failed === 0 && counted.passed > 0;
  return { passed: counted.passed, failed: isGood ? 0 : Math.max(1, counted.failed) };
}

/** Runs all steps, prints a line for each as it ends (and the whole output of a failed one); resolves to the sums. */
export async function runSteps(steps) {
  const waiting = [...steps];
  const running = new Map();
  const ended = new Set();
  const sums = { passed: 0, failed: 0 };
  const failures = [];
  while (waiting.length > 0 || running.size > 0) {
    while (running.size < PLACES) {
      const at = waiting.findIndex((step) => (step.after ?? []).every((name) => ended.has(name)));
      if (at < 0) break;
      const [step] = waiting.splice(at, 1);
      running.set(step.name, runStep(step));
    }
    showRunning([...running.keys()]);
    const result = await Promise.race(running.values());
    running.delete(result.step.name);
    ended.add(result.step.name);
    sums.passed += result.passed;
    sums.failed += result.failed;
    if (result.failed > 0) failures.push(result.step.name);
    tell(result);
  }
  if (failures.length > 0) console.log(`Failed: ${failures.join(", ")}`);
  return sums;
}

function tell(result) {
  const { step, passed, failed, ms, output } = result;
  showRunning([]);
  if (failed > 0 || step.isTold) console.log(`---- ${step.name}\n${output.trimEnd()}\n----`);
  const counts = step.count === undefined ? "" : `${passed} passed, ${failed} failed`;
  const mark = failed > 0 ? "FAILED" : "ok    ";
  console.log(`${mark} ${step.name.padEnd(16)} ${counts.padEnd(28)} ${(ms / 1000).toFixed(1)} s`);
}

function showRunning(names) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${names.length === 0 ? "" : `... ${names.join(", ")}`}`);
}
