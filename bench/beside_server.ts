/** Two servers under the same load, in turn. */
import type { Figure, Target } from "./figure.ts";
import { type LoadClient, runLoad } from "./load.ts";
import { compareInRounds, type Comparison, comparisonOf } from "./rounds.ts";
import { processorMs, type ServerProcess } from "./server_process.ts";
import { type BenchContext, besideFigure } from "./workload.ts";

/** A server and those who load it. */
export interface LoadedServer {
  readonly server: ServerProcess;
  readonly clients: readonly LoadClient[];
}

/** How the figures are called, and how many records a request is. */
export interface ServerFigureNames {
  readonly workload: string;
  /** In front of both figures' names: `single_`; empty for none. */
  readonly prefix: string;
  readonly beside: string;
  readonly records: number;
  readonly target?: Target;
}

/**
 * Two figures: records a second, and the processor time that the server itself takes for a record. The second holds on a
 * machine that has other work too, where everybody waits for a processor. Closes the clients.
 */
export async function compareServers(
  context: BenchContext,
  names: ServerFigureNames,
  limit: LoadedServer,
  ours: LoadedServer,
): Promise<Figure[]> {
  const rounds = context.isSmoke ? 1 : 5;
  const roundMs = context.isSmoke ? 100 : 2_000;
  const limitCosts: number[] = [];
  const ourCosts: number[] = [];
  const measure = async ({ server, clients }: LoadedServer, costs: number[]) => {
    const beforeMs = await processorMs(server.processId);
    const { requests, perSecond } = await runLoad(context.platform.clock, clients, roundMs);
    costs.push((await processorMs(server.processId) - beforeMs) * 1_000 / requests);
    return perSecond;
  };
  try {
    const rate = await compareInRounds(rounds, () => measure(limit, limitCosts), () => measure(ours, ourCosts));
    const cost = comparisonOf(limitCosts.slice(-rounds), ourCosts.slice(-rounds));
    return figuresOf(names, rate, cost);
  } finally {
    for (const client of [...limit.clients, ...ours.clients]) client.close();
  }
}

function figuresOf(names: ServerFigureNames, rate: Comparison, cost: Comparison): Figure[] {
  const { workload, prefix, beside, records, target } = names;
  const rateNamed = { workload, figure: `${prefix}records_per_s`, unit: "1/s", beside };
  const figures = [besideFigure(target === undefined ? rateNamed : { ...rateNamed, target }, scaled(rate, records))];
  // No processor times outside Linux; too few ticks in a smoke run to divide by.
  if (Number.isFinite(cost.ratio)) {
    const costNamed = { workload, figure: `${prefix}server_us_per_record`, unit: "us", beside };
    figures.push(besideFigure(costNamed, scaled(cost, 1 / records)));
  }
  return figures;
}

/** The same comparison in another unit. */
function scaled(comparison: Comparison, factor: number): Comparison {
  const { value, besideValue } = comparison;
  return { ...comparison, value: value * factor, besideValue: besideValue * factor };
}
