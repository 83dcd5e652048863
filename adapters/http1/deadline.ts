import type { Cancel, Clock } from "../../src/platform/clock.ts";

/**
 * One moment at which something is to happen, moved often and reached seldom: moving it costs an assignment, since the
 * timer that runs looks again when it fires.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #reached: () => void;
  #dueMs = Infinity;
  #timerDueMs = Infinity;
  #cancelTimer: Cancel | null = null;

  constructor(clock: Clock, reached: () => void) {
    this.#clock = clock;
    this.#reached = reached;
  }

  set(delayMs: number): void {
    this.#dueMs = this.#clock.monotonicMs() + delayMs;
    if (this.#dueMs < this.#timerDueMs) this.#arm(delayMs);
  }

  clear(): void {
    this.#dueMs = Infinity;
  }

  /** Gives the timer back. */
  dispose(): void {
    this.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerDueMs = Infinity;
  }

  #arm(delayMs: number): void {
    this.#cancelTimer?.();
    this.#timerDueMs = this.#dueMs;
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = null;
      this.#timerDueMs = Infinity;
      const restMs = this.#dueMs - this.#clock.monotonicMs();
      if (restMs === Infinity) return;
      if (restMs > 0) return this.#arm(restMs);
      this.#dueMs = Infinity;
      this.#reached();
    });
  }
}
