/** `npm run mutants -- [--mutant PART_OF_NAME] [--seeds N]`: plants each mutant and says what finds it, and how soon. */
import process from "node:process";
import { parseArgs } from "node:util";
import { RUNS } from "../crash/runs.ts";
import { MUTANTS } from "./mutants.ts";
import type { Mutant } from "./mutant.ts";
import { findMutant } from "./plant.ts";

/** Reliability §7: each mutant is found within 500 seeds. */
const SEEDS_MAX = "500";
const CONTROL_SEEDS = 2;

const { values } = parseArgs({
  options: { mutant: { type: "string", default: "" }, seeds: { type: "string", default: SEEDS_MAX } },
});
/** The tree without a mutant: what is found there is a bug, and would be taken for a finding below. */
const control: Mutant = { name: "none", edits: [], scenarios: RUNS.map(({ name }) => name) };
const bug = values.mutant === "" ? await findMutant(control, CONTROL_SEEDS) : null;
if (bug !== null) {
  console.log(`The tree itself has a violation, seed ${bug.seeds} of ${bug.scenario}: ${bug.text}`);
  process.exit(1);
}
const chosen = MUTANTS.filter(({ name }) => name.includes(values.mutant));
let found = 0;
for (const mutant of chosen) {
  const finding = await findMutant(mutant, Number(values.seeds));
  if (finding === null) {
    console.log(`SURVIVED  ${mutant.name}: ${values.seeds} seeds of ${mutant.scenarios.join(", ")}`);
    continue;
  }
  found += 1;
  const { scenario, seeds, images, text } = finding;
  console.log(`found     ${mutant.name}: ${scenario}, seed ${seeds}, ${images} images: ${text.slice(0, 160)}`);
}
console.log(`${chosen.length} mutants, ${found} found`);
process.exit(found === chosen.length && found > 0 ? 0 : 1);
