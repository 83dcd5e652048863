import type { Clock } from "../src/platform/clock.ts";

/** One client of a load: does one request after the other. */
export interface LoadClient {
  /** One request and its whole answer. Fails when the answer is an error. */
  exchange(): Promise<void>;
  close(): void;
}

/**
 * Closed loop: every client asks again as soon as it has its answer, until the time is over. Requests a second; those
 * that are under way at the end are waited for, and counted with the time that they took.
 */
export async function runLoad(clock: Clock, clients: readonly LoadClient[], durationMs: number): Promise<number> {
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
  return count / (clock.monotonicMs() - startMs) * 1_000;
}
