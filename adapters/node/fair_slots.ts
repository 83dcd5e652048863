/** A number of slots, given out in the order in which they were asked for. */
export class FairSlots {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #firstWaiting = 0;

  constructor(slotCount: number) {
    this.#free = slotCount;
  }

  /** Runs `work` as soon as a slot is free and gives the slot back when it has ended, well or badly. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  /** The slot goes straight to the longest waiter, so that nobody can slip in between. */
  #release(): void {
    if (this.#firstWaiting === this.#waiting.length) {
      this.#free++;
      return;
    }
    const next = this.#waiting[this.#firstWaiting++]!;
    if (this.#firstWaiting >= 1024 && this.#firstWaiting * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#firstWaiting);
      this.#firstWaiting = 0;
    }
    next();
  }
}
