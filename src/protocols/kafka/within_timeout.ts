import { SentinelError } from "../../base/errors.ts";
import type { Clock } from "../../platform/clock.ts";

/**
 * Kafka's administrative requests say how long they wait for what they began. When the time is over the answer is
 * `timed_out`, and the work goes on: who asks again finds out how it ended. With no time at all, as in Kafka, the work is
 * begun and not waited for.
 */
export function withinTimeout<Result>(clock: Clock, timeoutMs: number, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timedOut = (): void => reject(new SentinelError("timed_out", `It was not done within ${timeoutMs} ms`));
    if (timeoutMs <= 0) timedOut();
    const cancel = timeoutMs > 0 ? clock.after(timeoutMs, timedOut) : () => {};
    work.then((result) => {
      cancel();
      resolve(result);
    }, (thrown: unknown) => {
      cancel();
      reject(thrown as Error);
    });
  });
}
