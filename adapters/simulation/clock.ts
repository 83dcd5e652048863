/** The clock of one simulated process, over the world's virtual time. */
import type { Cancel, Clock } from "../../src/platform/clock.ts";
import type { Scheduler } from "./scheduler.ts";

/** 2026-01-01: a world begins at the same moment, whenever it is run. */
const EPOCH_MS = 1_767_225_600_000;
/** Beyond it, sums of microseconds are no longer exact; 140 years. */
const DELAY_US_MAX = 2 ** 52;

export class SimulatedClock implements Clock {
  readonly #scheduler: Scheduler;
  #isHalted = false;
  /** How wrong the wall clock is. The monotonic one never jumps. */
  wallOffsetMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  nowMs(): number {
    return EPOCH_MS + Math.floor(this.#scheduler.nowUs / 1_000) + this.wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#scheduler.nowUs / 1_000;
  }

  after(delayMs: number, run: () => void): Cancel {
    const delayUs = Math.min(DELAY_US_MAX, Math.max(0, Math.ceil(delayMs * 1_000)));
    return this.#scheduler.after(delayUs, "timer", () => {
      if (!this.#isHalted) run();
    });
  }

  /** The process is dead: its timers do not run any more. */
  halt(): void {
    this.#isHalted = true;
  }
}
