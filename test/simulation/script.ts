/**
 * What makes one run: a seed, and what was taken out of it to make it smaller. Every decision has a name and draws from
 * a stream of that name, so that taking one out leaves the others as they were.
 */
import type { FaultName } from "./swarm.ts";

export interface Script {
  readonly seed: number;
  readonly scenario: string;
  /** Faults that never happen. */
  readonly faultsOff: readonly FaultName[];
  /** Decisions that do nothing: `nemesis 3`, `client 0 17`. */
  readonly skipped: readonly string[];
  /** Faults and clients stop after so many events; 0: when the seed says. */
  readonly eventsMax: number;
}

export function scriptOf(seed: number, scenario: string): Script {
  return { seed, scenario, faultsOff: [], skipped: [], eventsMax: 0 };
}

/** The script of a file that a shrunk run has written. Fails with a plain `Error` that says what is wrong. */
export function parseScript(text: string): Script {
  const value: unknown = JSON.parse(text);
  const { seed, scenario, faultsOff, skipped, eventsMax } = Object(value) as Record<string, unknown>;
  const isTexts = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((item) => typeof item === "string");
  if (
    !Number.isSafeInteger(seed) || typeof scenario !== "string" || !isTexts(faultsOff) || !isTexts(skipped) ||
    !Number.isSafeInteger(eventsMax)
  ) throw new Error("This is no script of the simulation");
  return {
    seed: seed as number,
    scenario,
    faultsOff: faultsOff as FaultName[],
    skipped,
    eventsMax: eventsMax as number,
  };
}
