import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Clock } from "../../platform/clock.ts";

/** Cuts a cleaner's work into slices, lets others have the event loop between them, and ends it when it is not wanted. */
export class CleaningPace {
  readonly #clock: Clock;
  readonly #isWanted: () => boolean;
  #spentBytes = 0;
  /** Somebody ended the work: its failure is none. */
  isStopped = false;

  constructor(clock: Clock, isWanted: () => boolean) {
    this.#clock = clock;
    this.#isWanted = isWanted;
  }

  /** Notes work. A promise: the slice is over, and the next one begins when it resolves. */
  spend(bytes: number): Promise<void> | null {
    this.#spentBytes += bytes;
    if (this.#spentBytes < LIMITS.cleanerSliceBytes) return null;
    this.#spentBytes = 0;
    return this.#yield();
  }

  /** Fails when nobody wants the work any more. */
  check(): void {
    if (this.#isWanted()) return;
    this.isStopped = true;
    throw new SentinelError("shutting_down", "The log was closed or cut while it was cleaned");
  }

  async #yield(): Promise<void> {
    await new Promise<void>((resolve) => void this.#clock.after(0, resolve));
    this.check();
  }
}
