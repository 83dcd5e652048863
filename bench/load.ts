import type { Clock } from "../src/platform/clock.ts";

/** One client of a load: does one request after the other. */
export interface LoadClient {
  /** One request and its whole answer. Fails when the answer is an error. */
  exchange(): Promise<void>;
  close(): void;
}

/** What a load has done. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
}

/**
 * Closed loop: every client asks again as soon as it has its answer, until the time is over. Those that are under way at
 * the end are waited for, and counted with the time that they took.
 */
export async function runLoad(clock: Clock, clients: readonly LoadClient[], durationMs: number): Promise<LoadResult> {
  const startMs = clock.monotonicMs();
  const endMs = startMs + durationMs;
  let count = 0;
  const run = async (client: LoadClient) => {
    do {
      await client.exchange();
      count += 1;
    } while (clock.monotonicMs() < endMs);
  };
  await Promise.all(clients.map(run));
  return { requests: count, perSecond: count / (clock.monotonicMs() - startMs) * 1_000 };
}
