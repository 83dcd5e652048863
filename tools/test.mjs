/** The gate: format, lint, types, tests on both runtimes, the compiled binary, the benchmarks' smoke size. */
import { countSuite } from "./interop.mjs";
import { BINARY, BUN, DENO, has, ROOT, TSC } from "./paths.mjs";
import { runSteps } from "./steps.mjs";
import { join } from "node:path";

/** Bun gives a test 5 s by default, Deno none at all; a minute is for slow machines, not for slow tests. */
const TEST_MS_MAX = 60_000;
/** The full sizes (`npm run test:full`) take minutes where the gate takes seconds. */
const FULL_MS_MAX = 60 * 60_000;
const FULL_TESTS = ["test/binary", "test/processes"];
/** Tests of the compiled binary; run once, since the binary brings its own runtime. */
const BINARY_TESTS = "test/binary";

/** Bun's last lines: ` 3 pass`, ` 1 fail`. */
export function countBun(output) {
  return { passed: lastNumber(output, /^\s*(\d+) pass$/gm), failed: lastNumber(output, /^\s*(\d+) fail$/gm) };
}

/** Deno's last line: `ok | 2 passed (3 steps) | 1 failed (11ms)`. */
export function countDeno(output) {
  return {
    passed: lastNumber(output, /^(?:ok|FAILED) \| (\d+) passed/gm),
    failed: lastNumber(output, /^(?:ok|FAILED) \| .*?(\d+) failed/gm),
  };
}

function lastNumber(output, pattern) {
  const last = [...output.matchAll(pattern)].at(-1);
  return last === undefined ? 0 : Number(last[1]);
}

/** Format, lint and types: what needs no test to run. Only what is in the tree. */
function checkSteps() {
  const tsc = (name, config) => ({ name, command: process.execPath, args: [TSC, "-p", config] });
  return [
    { name: "format", command: DENO, args: ["fmt", "--check"] },
    { name: "lint", command: DENO, args: ["lint"] },
    tsc("types: core", "tsconfig.core.json"),
    tsc("types: web", "tsconfig.web.json"),
    tsc("types: all", "tsconfig.json"),
    { name: "types: deno", command: DENO, args: ["check", "--quiet", "tools", "adapters/deno", "test/examples/deno"] },
  ];
}

function compileStep() {
  return { name: "compile", command: process.execPath, args: [join(ROOT, "tools/run.mjs"), "compile"] };
}

function testSteps(paths, after) {
  const env = { SENTINEL_BINARY: BINARY };
  const bunPaths = paths.map((path) => `./${path}`);
  const denoPaths = paths.filter((path) => !path.startsWith(BINARY_TESTS));
  const bun = {
    name: "bun test",
    command: BUN,
    args: ["test", `--timeout=${TEST_MS_MAX}`, ...bunPaths],
    count: countBun,
  };
  const denoArgs = ["test", "-A", "--no-check", "--quiet", `--ignore=${BINARY_TESTS}`, ...denoPaths];
  const deno = { name: "deno test", command: DENO, args: denoArgs, count: countDeno };
  return denoPaths.length === 0 ? [{ ...bun, env, after }] : [{ ...bun, env, after }, { ...deno, env }];
}

/** The suites that a topic's engine must not show in, once more with topics in the node's tree. */
const ENGINE_TESTS = [
  "producing",
  "fetching",
  "idempotent_producing",
  "keyed_producing",
  "topics",
  "compaction",
].map((name) => `test/broker/${name}.test.ts`).concat(
  "test/broker/groups",
  "test/protocols/kafka",
  "test/http/with_broker.test.ts",
);

function engineSteps() {
  return testSteps(ENGINE_TESTS, []).map((step) => ({
    ...step,
    name: `${step.name}, lsm`,
    env: { ...step.env, SENTINEL_TEST_ENGINE: "lsm" },
  }));
}

/** A few seeds on both runtimes, which must do the same (reliability I51). */
function simulationStep() {
  const args = [
    join(ROOT, "tools/run.mjs"),
    "simulate",
    "--runtime",
    "both",
    "--seed",
    "8",
    "--seeds",
    "20",
    "--no-shrink",
  ];
  return { name: "simulate", command: process.execPath, args };
}

/** The Kafka clients of the JavaScript world, run by Node.js and by Bun, against the broker on both runtimes. */
function clientsStep() {
  return { name: "clients", command: process.execPath, args: [join(ROOT, "test/clients/main.mjs")], count: countSuite };
}

function finish(sums) {
  console.log(`${sums.passed} passed, ${sums.failed} failed`);
  return sums.failed === 0 ? 0 : 1;
}

/** `npm run check`. Returns the exit code. */
export async function runChecks() {
  return finish(await runSteps(checkSteps()));
}

/** `npm test`: everything, or with paths (`test/records`, one file) only the tests there. Returns the exit code. */
export async function runTests(args) {
  const paths = args.map((path) => path.replace(/^\.\//, "").replace(/\/$/, ""));
  const missing = paths.filter((path) => !has(path));
  if (missing.length > 0) {
    console.error(`There is no ${missing.join(", ")}; paths are relative to the project: npm test -- test/records`);
    return 2;
  }
  const canCompile = has("adapters/bun/main.ts");
  if (paths.length > 0) {
    const compile = canCompile && paths.some((path) => path.startsWith(BINARY_TESTS)) ? [compileStep()] : [];
    return finish(await runSteps([...compile, ...testSteps(paths, compile.map((step) => step.name))]));
  }
  const compile = canCompile ? [compileStep()] : [];
  const steps = [
    ...compile,
    ...checkSteps(),
    ...testSteps(["test"], compile.map((step) => step.name)),
    ...engineSteps(),
    simulationStep(),
    clientsStep(),
  ];
  const smoke = { name: "bench --smoke", command: BUN, args: ["bench/main.ts", "--smoke"] };
  // Last and alone: a benchmark beside the tests would slow both down.
  const bench = has("bench/main.ts") ? [{ ...smoke, after: steps.map((step) => step.name) }] : [];
  return finish(await runSteps([...steps, ...bench]));
}

/**
 * `npm run test:full`: the tests that start whole processes, in their full size. One after the other, with what each
 * says: they tell how fast they were. Returns the exit code.
 */
export async function runFullTests() {
  const full = testSteps(FULL_TESTS, ["compile"]).map((step, index, steps) => ({
    ...step,
    args: step.args.map((arg) => arg.startsWith("--timeout=") ? `--timeout=${FULL_MS_MAX}` : arg),
    env: { ...step.env, SENTINEL_FULL: "1" },
    msMax: FULL_MS_MAX,
    isTold: true,
    after: ["compile", ...steps.slice(0, index).map((earlier) => earlier.name)],
  }));
  return finish(await runSteps([compileStep(), ...full]));
}
