import { median } from "./statistics.ts";

/** What rounds of two measurements in turn have shown. */
export interface Comparison {
  /** Ours, the median of the rounds. */
  readonly value: number;
  /** The limit, the median of the rounds. */
  readonly besideValue: number;
  /** The median of the rounds' own ratios. */
  readonly ratio: number;
  readonly ratioRange: readonly [number, number];
}

/**
 * Takes each measurement in turn, `rounds` times; what each found, round by round. All of a round see the same machine,
 * whose speed drifts by more than what we look for. With more than one round, one goes ahead uncounted: the runtimes
 * compile what they run only after a while.
 */
export async function measureInTurn<Found>(
  rounds: number,
  measures: readonly (() => Promise<Found>)[],
): Promise<Found[][]> {
  if (rounds > 1) { for (const measure of measures) await measure(); }
  const found: Found[][] = measures.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, measure] of measures.entries()) found[at]!.push(await measure());
  }
  return found;
}

/** Measures limit, ours, limit, ours, … `rounds` times; the ratios are taken inside a round. */
export async function compareInRounds(
  rounds: number,
  limit: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<Comparison> {
  const [limits, values] = await measureInTurn(rounds, [limit, ours]);
  return comparisonOf(limits!, values!);
}

/** The same from measurements that were taken already, round by round. */
export function comparisonOf(limits: readonly number[], values: readonly number[]): Comparison {
  const ratios = values.map((value, round) => value / limits[round]!);
  return {
    value: median(values),
    besideValue: median(limits),
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
  };
}
