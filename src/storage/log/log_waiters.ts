import type { Offset } from "../../base/ids.ts";
import type { SentinelError } from "../../base/errors.ts";

/** How far a log must be for a waiter: in the operating system's hands, or synced. */
export type WaitKind = "written" | "durable";

interface Waiter {
  readonly kind: WaitKind;
  readonly endOffset: Offset;
  readonly resolve: () => void;
  readonly reject: (error: SentinelError) => void;
}

/** Those who wait until a log has written or synced all below some offset. */
export class LogWaiters {
  #waiters: Waiter[] = [];

  wait(kind: WaitKind, endOffset: Offset): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ kind, endOffset, resolve, reject }));
  }

  /** Resolves everyone who has waited long enough. */
  settle(reached: Readonly<Record<WaitKind, Offset>>): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.endOffset <= reached[waiter.kind]) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  /** Fails everyone who waits for something at or above `offset`. */
  refuseFrom(offset: Offset, error: SentinelError): void {
    const refused = this.#waiters.filter((waiter) => waiter.endOffset > offset);
    this.#waiters = this.#waiters.filter((waiter) => waiter.endOffset <= offset);
    for (const waiter of refused) waiter.reject(error);
  }
}
