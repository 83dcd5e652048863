/** Everything that `npm run crash` and the mutants can run, by name: the broker's scenarios, and the LSM tree's. */
import type { CrashReport, CrashRunOptions } from "./crash_product.ts";
import { runCrashes } from "./crash_run.ts";
import { type DamageReport, runDamage } from "./damage_run.ts";
import { DAMAGED_SCENARIOS, SCENARIOS } from "./scenarios.ts";
import { runTreeDamage } from "./tree/tree_damage.ts";
import { runTreeCrashes } from "./tree/tree_run.ts";
import { TREE_SCENARIOS } from "./tree/tree_scenarios.ts";

interface DamageOptions {
  readonly seed: number;
  readonly points: number;
  readonly trials: number;
}

export interface Run {
  readonly name: string;
  readonly crash: (options: CrashRunOptions) => Promise<CrashReport>;
  /** Null: its files are not damaged. */
  readonly damage: ((options: DamageOptions) => Promise<DamageReport>) | null;
}

export const RUNS: readonly Run[] = [
  ...SCENARIOS.map((scenario): Run => ({
    name: scenario.name,
    crash: (options) => runCrashes(scenario, options),
    damage: DAMAGED_SCENARIOS.includes(scenario) ? (options) => runDamage(scenario, options) : null,
  })),
  ...TREE_SCENARIOS.map((scenario): Run => ({
    name: scenario.name,
    crash: (options) => runTreeCrashes(scenario, options),
    damage: (options) => runTreeDamage(scenario, options),
  })),
];
