import { compareInRounds, type Comparison } from "./rounds.ts";
import { type LoadClient, runLoad } from "./load.ts";
import type { BenchContext } from "./workload.ts";

/** How long one round of load lasts, and how many rounds there are. */
export function loadSize(context: BenchContext): { readonly rounds: number; readonly roundMs: number } {
  return context.isSmoke ? { rounds: 1, roundMs: 100 } : { rounds: 5, roundMs: 2_000 };
}

/** Requests a second of two servers under the same load, in turn. Closes the clients. */
export async function compareServers(
  context: BenchContext,
  limit: readonly LoadClient[],
  ours: readonly LoadClient[],
): Promise<Comparison> {
  const { rounds, roundMs } = loadSize(context);
  const { clock } = context.platform;
  try {
    return await compareInRounds(
      rounds,
      () => runLoad(clock, limit, roundMs),
      () => runLoad(clock, ours, roundMs),
    );
  } finally {
    for (const client of [...limit, ...ours]) client.close();
  }
}

/** The same comparison in another unit: `factor` of it for each request. */
export function scaled(comparison: Comparison, factor: number): Comparison {
  const { value, besideValue } = comparison;
  return { ...comparison, value: value * factor, besideValue: besideValue * factor };
}
