import type { Cancel, Clock } from "../src/platform/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that stands still until a test moves it. Timers run in the order of their due times, then of their making. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  after(delayMs: number, run: () => void): Cancel {
    const timer = { dueMs: this.#monotonicMs + delayMs, order: this.#order++, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves both clocks and runs what has become due, also what that sets up for the same time. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms;
    while (true) {
      const due = [...this.#timers].filter((timer) => timer.dueMs <= untilMs);
      if (due.length === 0) break;
      due.sort((left, right) => left.dueMs - right.dueMs || left.order - right.order);
      const next = due[0]!;
      this.#timers.delete(next);
      this.#wallMs += Math.max(0, next.dueMs - this.#monotonicMs);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs);
      next.run();
    }
    this.#wallMs += untilMs - this.#monotonicMs;
    this.#monotonicMs = untilMs;
  }
}
