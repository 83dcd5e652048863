/**
 * Who still needs a piece of memory that is used again afterwards. Fresh memory is what receiving costs most: a page that
 * nobody has touched is a fault, and on a virtual machine often one of the host's too (measured: 100 faults and 0.4 of
 * 1.0 ms for each megabyte that came).
 *
 * Forgetting to release is always right: the memory is then left to the garbage collector, as if there were no lease.
 * Releasing early is never: whoever looks later sees another request's bytes. So only those release who can tell when
 * they are done.
 */
import { assert } from "../base/assert.ts";

export class Lease {
  #holds = 1;
  readonly #reuse: () => void;

  /** Held once, by the caller. `reuse` is called when the last hold is gone. */
  constructor(reuse: () => void) {
    this.#reuse = reuse;
  }

  /** One more who needs it. Only who holds it may let another one hold it. */
  hold(): void {
    assert(this.#holds > 0, "Memory that is used again cannot be held");
    this.#holds += 1;
  }

  release(): void {
    assert(this.#holds > 0, "Memory is released once by each who holds it");
    this.#holds -= 1;
    if (this.#holds === 0) this.#reuse();
  }

  /** Holds it until `work` is done, well or not. */
  holdWhile(work: Promise<unknown>): void {
    this.hold();
    const release = (): void => this.release();
    work.then(release, release);
  }
}
