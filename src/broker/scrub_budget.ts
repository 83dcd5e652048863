import { SentinelError } from "../base/errors.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { ScrubPace } from "../storage/scrubbing.ts";

/**
 * Bytes a second: each read is paid for before the next one begins. One reader at a time. Every `take` gives the event
 * loop away, also where there is enough.
 */
export class ScrubBudget implements ScrubPace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #onTaken: (bytes: number) => void;
  /** When everything that was taken is paid (monotonic). */
  #paidMs = 0;
  #wake: (() => void) | null = null;
  #isStopped = false;

  constructor(clock: Clock, bytesPerSecond: number, onTaken: (bytes: number) => void) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#onTaken = onTaken;
  }

  async take(bytes: number): Promise<void> {
    this.#mustGoOn();
    const nowMs = this.#clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#paidMs);
    await this.#wait(startMs - nowMs);
    this.#mustGoOn();
    this.#paidMs = startMs + bytes / this.#bytesPerSecond * 1_000;
    this.#onTaken(bytes);
  }

  /** Ends the wait that is under way, and all that follow, with `shutting_down`. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel: Cancel = this.#clock.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #mustGoOn(): void {
    if (this.#isStopped) throw new SentinelError("shutting_down", "The scrub was stopped");
  }
}
