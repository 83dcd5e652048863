/**
 * `npm run crash -- [--scenario NAME] [--seed S] [--images N] [--stop-at-first]`: every scenario crashed after each of
 * its effects in every way, and files damaged after a clean stop; with `--images`, N ways at each point and few second
 * crashes.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import type { CrashReport } from "./crash_product.ts";
import { RUNS } from "./runs.ts";

/** One of so many random images is crashed again inside its recovery. */
const SECOND_CRASH_ONE_IN = 20;

/** Damaged images at each of so many moments. */
const DAMAGE_TRIALS = 1_000;
const DAMAGE_POINTS = 4;

/** What breaks where nobody waits for it is a violation of the scenario that runs. */
const stray: string[] = [];
process.on("unhandledRejection", (thrown) => {
  stray.push(thrown instanceof Error ? thrown.message : String(thrown));
});

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenario: { type: "string" },
      seed: { type: "string", default: "1" },
      images: { type: "string" },
      "stop-at-first": { type: "boolean", default: false },
    },
  });
  const scenarios = RUNS.filter(({ name }) => values.scenario === undefined || name === values.scenario);
  if (scenarios.length === 0) {
    console.error(`--scenario is one of ${RUNS.map(({ name }) => name).join(", ")}, not ${values.scenario}`);
    return 2;
  }
  const options = {
    seed: Number(values.seed),
    imagesMax: values.images === undefined ? Infinity : Number(values.images),
    secondCrashOneIn: SECOND_CRASH_ONE_IN,
    stopAtFirst: values["stop-at-first"],
  };
  const sums = { points: 0, images: 0, distinct: 0, starts: 0, damaged: 0, violations: 0 };
  const startMs = performance.now();
  for (const scenario of scenarios) {
    const startedMs = performance.now();
    const report = await scenario.crash(options);
    report.violations += stray.length;
    report.texts.push(...stray.splice(0));
    for (const name of ["points", "images", "distinct", "starts", "violations"] as const) sums[name] += report[name];
    tell(report, (performance.now() - startedMs) / 1_000);
    if (options.stopAtFirst && sums.violations > 0) break;
    if (scenario.damage === null) continue;
    const damage = await scenario.damage({ seed: options.seed, points: DAMAGE_POINTS, trials: DAMAGE_TRIALS });
    sums.damaged += damage.trials;
    sums.violations += damage.violations;
    for (const text of damage.texts) console.log(`${scenario.name}: ${text}`);
    console.log(
      `${" ".repeat(18)} ${damage.trials} damaged images, ${damage.told} told, ${damage.violations} violations`,
    );
  }
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  const runtime = "Deno" in globalThis ? "deno" : "bun";
  console.log(JSON.stringify({ runtime, seed: options.seed, scenarios: scenarios.length, ...sums, seconds }));
  return sums.violations === 0 ? 0 : 1;
}

function tell(report: CrashReport, seconds: number): void {
  for (const text of report.texts) console.log(`${report.scenario}: ${text}`);
  const { scenario, points, images, distinct, starts, violations } = report;
  console.log(
    `${scenario.padEnd(18)} ${points} crash points, ${images} images, ${distinct} distinct, ${starts} starts, ` +
      `${violations} violations, ${seconds.toFixed(1)} s`,
  );
}

process.exit(await main());
