/** Runs one piece of work at a time, in the order of asking. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    // The next one runs whatever became of this one; its own caller hears of a failure.
    this.#last = result.then(ignore, ignore);
    return result;
  }
}

function ignore(): void {}
