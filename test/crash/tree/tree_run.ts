/** Runs a tree's scenario once, then crashes it everywhere. */
import { crashEverywhere, type CrashReport, type CrashRunOptions } from "../crash_product.ts";
import { shortened, statesAfter } from "./tree_expectation.ts";
import { TreeRecoveries } from "./tree_recoveries.ts";
import type { TreeRecovery } from "./tree_recoveries.ts";
import type { TreeScript } from "./tree_script.ts";

export interface TreeScenario {
  readonly name: string;
  readonly prepare: (seed: number) => { readonly script: TreeScript; readonly run: () => Promise<void> };
}

export async function runTreeCrashes(scenario: TreeScenario, options: CrashRunOptions): Promise<CrashReport> {
  const { script, run } = scenario.prepare(options.seed);
  return await crashEverywhere(scenario.name, {
    scheduler: script.scheduler,
    recorder: script.recorder,
    run,
    recoveries: new TreeRecoveries(script.settings),
    expectationOf: (told) => statesAfter(script.ledger.slice(0, told)),
    faultsOf,
  }, options);
}

function faultsOf(recovery: TreeRecovery, states: ReadonlySet<string>): readonly string[] {
  const faults = recovery.scrubbed.map(({ path, detail }) =>
    `I42: nothing was damaged, and the scrub tells of ${path}: ${detail}`
  );
  faults.push(...recovery.faults);
  if ("text" in recovery && !states.has(recovery.text)) {
    faults.push(`I37: it finds ${shortened(recovery.text)}, none of ${states.size} states that may be`);
  }
  return faults;
}
