/**
 * Takes out of a run what its violation does not need (reliability §4.6): whole faults, then the time after the
 * violation's cause, then single decisions, half of them at a time and then fewer.
 */
import type { RunOutcome } from "./run_script.ts";
import type { Script } from "./script.ts";
import { FAULT_NAMES } from "./swarm.ts";

/** Runs that a shrinking may take. */
const RUNS_MAX = 150;
const TURNS_MAX = 400;
const CLIENTS_MAX = 4;

export async function shrink(
  script: Script,
  outcome: RunOutcome,
  run: (script: Script) => Promise<RunOutcome>,
): Promise<Script> {
  const wanted = nameOf(outcome);
  let runs = 0;
  let best = script;
  /** Whether it still goes wrong in the same way. */
  const tryOut = async (candidate: Script): Promise<boolean> => {
    if (runs >= RUNS_MAX) return false;
    runs += 1;
    const fails = nameOf(await run(candidate)) === wanted;
    if (fails) best = candidate;
    return fails;
  };
  for (const fault of FAULT_NAMES) {
    if (!best.faultsOff.includes(fault)) await tryOut({ ...best, faultsOff: [...best.faultsOff, fault] });
  }
  for (let low = 0, high = outcome.events; high - low > Math.max(100, outcome.events >> 6);) {
    const middle = (low + high) >>> 1;
    if (await tryOut({ ...best, eventsMax: middle })) high = middle;
    else low = middle;
  }
  let decisions = decisionsOf();
  for (let size = decisions.length >>> 1; size >= 8 && runs < RUNS_MAX; size >>>= 1) {
    for (let at = 0; at < decisions.length;) {
      const part = decisions.slice(at, at + size);
      if (await tryOut({ ...best, skipped: [...best.skipped, ...part] })) {
        decisions = decisions.filter((each) => !part.includes(each));
      } else at += size;
    }
  }
  return best;
}

/** Two violations are the same when they break the same rule. */
function nameOf({ violation }: RunOutcome): string | null {
  if (violation === null) return null;
  return "invariant" in violation ? String(violation.invariant) : violation.name;
}

function decisionsOf(): string[] {
  const decisions: string[] = [];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    decisions.push(`nemesis ${turn}`);
    for (let client = 0; client < CLIENTS_MAX; client++) decisions.push(`client ${client} ${turn}`);
  }
  return decisions;
}
