import type { Clock } from "../../src/platform/clock.ts";

/** setTimeout takes a signed 32-bit count of milliseconds; more would fire at once. */
const TIMER_MS_MAX = 2_147_483_647;

/** The machine's time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const dueMs = performance.now() + delayMs;
    let timer: ReturnType<typeof setTimeout>;
    const wait = (): void => {
      const restMs = dueMs - performance.now();
      // Timers count whole milliseconds and may fire a little early: the promise is "not before".
      if (restMs <= 0) return run();
      arm(restMs);
    };
    const arm = (restMs: number): void => {
      timer = setTimeout(wait, Math.min(Math.ceil(restMs), TIMER_MS_MAX));
      // A waiting timer must not keep a finished command alive.
      timer.unref();
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};
