/** How long the event loop keeps a caller waiting: the time between two of its turns, again and again. */
export class LoopPauses {
  readonly #pausesMs: number[] = [];
  #isOn = true;
  #lastMs: number;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#lastMs = nowMs();
    this.#next();
  }

  #next(): void {
    setImmediate(() => {
      const nowMs = this.#nowMs();
      this.#pausesMs.push(nowMs - this.#lastMs);
      this.#lastMs = nowMs;
      if (this.#isOn) this.#next();
    });
  }

  /** The pause that so large a part of the time, from 0 to 1, lies in shorter ones, and the longest. */
  stop(): { readonly p999Ms: number; readonly maxMs: number } {
    this.#isOn = false;
    const sorted = this.#pausesMs.sort((left, right) => left - right);
    return { p999Ms: sorted[Math.floor(sorted.length * 0.999)] ?? 0, maxMs: sorted.at(-1) ?? 0 };
  }
}
