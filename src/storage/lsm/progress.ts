/** Waiting for the next step of somebody else's work, whatever it brought. */
export class Progress {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `note`; whoever waits looks again then. */
  wait(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  note(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
