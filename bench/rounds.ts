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
 * Measures limit, ours, limit, ours, … `rounds` times. Both of a round see the same machine, whose speed drifts by more
 * than what we look for; hence the ratios are taken inside a round. With more than one round, one goes ahead uncounted:
 * the runtimes compile what they run only after a while.
 */
export async function compareInRounds(
  rounds: number,
  limit: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<Comparison> {
  const limits: number[] = [];
  const values: number[] = [];
  if (rounds > 1) {
    await limit();
    await ours();
  }
  for (let round = 0; round < rounds; round++) {
    limits.push(await limit());
    values.push(await ours());
  }
  return comparisonOf(limits, values);
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
