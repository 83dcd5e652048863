/** The pace of a disk in a simulated world: each operation is an event, later ones may overtake earlier ones. */
import type { DiskOperation } from "./disk_faults.ts";
import type { DiskPace } from "./disk_pace.ts";
import type { SimulatedRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

export interface DiskTiming {
  /** Of an operation that waits for no device. */
  readonly cachedUs: number;
  /** Of a sync, on the average. */
  readonly syncUs: number;
  /** One of so many operations takes up to `stallUs`. */
  readonly stallOneIn: number;
  readonly stallUs: number;
}

export class ScheduledPace implements DiskPace {
  readonly #scheduler: Scheduler;
  readonly #random: SimulatedRandom;
  /** May be changed at any time: a disk that becomes slow. */
  timing: DiskTiming;

  constructor(scheduler: Scheduler, random: SimulatedRandom, timing: DiskTiming) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.timing = timing;
  }

  perform<Result>(operation: DiskOperation, bytes: number, effect: () => Result): Promise<Result> {
    // The effect is at the beginning or at the end: a process may die between it and the answer, or before it.
    const isEarly = this.#random.chance(1, 2);
    return new Promise((resolve, reject) => {
      const answer = isEarly ? outcomeOf(effect) : null;
      this.#scheduler.after(this.#durationUs(operation, bytes), operation, () => {
        const outcome = answer ?? outcomeOf(effect);
        if (outcome.isGood) resolve(outcome.value);
        else reject(outcome.thrown);
      }, bytes);
    });
  }

  #durationUs(operation: DiskOperation, bytes: number): number {
    const { cachedUs, syncUs, stallOneIn, stallUs } = this.timing;
    if (stallUs > 0 && this.#random.chance(1, stallOneIn)) return this.#random.below(stallUs);
    const meanUs = operation === "sync" || operation === "sync directory" ? syncUs : cachedUs;
    // A gibibyte a second.
    return 1 + this.#random.below(2 * meanUs + 1) + (bytes >>> 10);
  }
}

type Outcome<Result> = { readonly isGood: true; readonly value: Result } | {
  readonly isGood: false;
  readonly thrown: unknown;
};

function outcomeOf<Result>(effect: () => Result): Outcome<Result> {
  try {
    return { isGood: true, value: effect() };
  } catch (thrown) {
    return { isGood: false, thrown };
  }
}
