/**
 * Takes out of a run what its violation does not need (reliability §4.6): whole faults, then the time after the
 * violation's cause, then single decisions, half of them at a time and then fewer, in the end one by one.
 */
import type { RunOutcome } from "./run_script.ts";
import type { Script } from "./script.ts";
import { FAULT_NAMES } from "./swarm.ts";

/** Runs that a shrinking takes at most, unless it is told otherwise. */
const RUNS_MAX = 400;

/** The smallest script that was found, and what happens in it. */
export interface Shrunk {
  readonly script: Script;
  readonly outcome: RunOutcome;
}

export async function shrink(
  script: Script,
  outcome: RunOutcome,
  run: (script: Script) => Promise<RunOutcome>,
  runsMax = RUNS_MAX,
): Promise<Shrunk> {
  const wanted = nameOf(outcome);
  let runs = 0;
  let best: Shrunk = { script, outcome };
  /** Whether it still goes wrong in the same way. */
  const tryOut = async (change: Partial<Script>): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    const candidate = { ...best.script, ...change };
    const tried = await run(candidate);
    if (nameOf(tried) !== wanted) return false;
    best = { script: candidate, outcome: tried };
    return true;
  };
  for (const fault of FAULT_NAMES) await tryOut({ faultsOff: [...best.script.faultsOff, fault] });
  for (let low = 0, high = best.outcome.events; high - low > Math.max(50, high >> 6);) {
    const middle = (low + high) >>> 1;
    if (await tryOut({ eventsMax: middle })) high = middle;
    else low = middle;
  }
  let size = Math.max(1, best.outcome.decisions.size >>> 1);
  while (runs < runsMax) {
    // Newest first: what comes late depends on what was early, seldom the other way round.
    const decisions = [...best.outcome.decisions.keys()].reverse();
    let hasShrunk = false;
    for (let at = 0; at < decisions.length; at += size) {
      const part = decisions.slice(at, at + size).filter((each) => best.outcome.decisions.has(each));
      if (part.length > 0 && await tryOut({ skipped: [...best.script.skipped, ...part] })) hasShrunk = true;
    }
    if (size === 1 && !hasShrunk) break;
    size = Math.max(1, size >>> 1);
  }
  return best;
}

/** Two violations are the same when they break the same rule. */
function nameOf({ violation }: RunOutcome): string | null {
  if (violation === null) return null;
  return "invariant" in violation ? String(violation.invariant) : violation.name;
}
