import { SentinelError } from "../../base/errors.ts";
import type { Clock } from "../../platform/clock.ts";

/**
 * Kafka's administrative requests say how long they wait for what they begin. When the time is over the answer is
 * `timed_out`, and the work goes on: who asks again finds out how it ended. What has no time at all is not begun.
 */
export function withinTimeout<Result>(
  clock: Clock,
  timeoutMs: number,
  begin: () => Result | Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timedOut = (): void => reject(new SentinelError("timed_out", `It was not done within ${timeoutMs} ms`));
    if (timeoutMs <= 0) return timedOut();
    const cancel = clock.after(timeoutMs, timedOut);
    Promise.resolve().then(begin).then((result) => {
      cancel();
      resolve(result);
    }, (thrown: unknown) => {
      cancel();
      reject(thrown as Error);
    });
  });
}
