/**
 * Runs a broker's scenario once, then crashes it everywhere. This is the product of issue "Nothing acknowledged is lost";
 * a sampled size of it is part of `npm test`.
 */
import { checkObserved } from "./checkers/check_observed.ts";
import { crashEverywhere, type CrashReport, type CrashRunOptions } from "./crash_product.ts";
import { expectationOf } from "./expectation.ts";
import { Recoveries } from "./recoveries.ts";
import type { Scenario } from "./scenario.ts";

export async function runCrashes(scenario: Scenario, options: CrashRunOptions): Promise<CrashReport> {
  const { script, run } = scenario.prepare(options.seed);
  return await crashEverywhere(scenario.name, {
    scheduler: script.scheduler,
    recorder: script.recorder,
    run,
    recoveries: new Recoveries(script.opens),
    expectationOf: (told) => expectationOf(script.ledger.slice(0, told)),
    faultsOf: (recovery, expectation) => "failure" in recovery ? [] : checkObserved(recovery.observed, expectation),
  }, options);
}
