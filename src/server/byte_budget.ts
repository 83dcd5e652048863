/** Given out although nothing is left: whoever reads a log goes on, in small steps. */
const GRANT_BYTES_MIN = 64 * 1024;

/**
 * The bytes that all connections of a listener hold together: frames that are arriving, requests in work, replies that
 * were not taken, reads of the log for replies. While it is full, no connection reads on. One is let through at a time,
 * if it is inside a frame: else connections that each hold a part of a frame would wait for each other.
 */
export class ByteBudget {
  readonly bytesMax: number;
  #heldBytes = 0;
  readonly #waiting = new Set<() => void>();
  /** The one that reads on although the budget is full. */
  #overdrawer: BudgetShare | null = null;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isFull(): boolean {
    return this.#heldBytes >= this.bytesMax;
  }

  /** A connection's part. */
  open(): BudgetShare {
    return new BudgetShare(this);
  }

  /** As much of `wantedBytes` as is left, but never less than a small grant; to be given back. */
  take(wantedBytes: number): number {
    const bytes = Math.min(wantedBytes, Math.max(this.bytesMax - this.#heldBytes, GRANT_BYTES_MIN));
    this.#heldBytes += bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.change(-bytes);
  }

  change(bytes: number): void {
    const wasFull = this.isFull;
    this.#heldBytes += bytes;
    if (wasFull && !this.isFull) this.#wakeAll();
  }

  /** Whether `share` may read: there is room, or it is inside a frame and nobody else reads without room. */
  admits(share: BudgetShare, isInsideFrame: boolean): boolean {
    const isChosen = this.isFull && isInsideFrame && (this.#overdrawer === null || this.#overdrawer === share);
    if (isChosen) this.#overdrawer = share;
    else this.leave(share);
    return isChosen || !this.isFull;
  }

  /** `share` reads no more without room. */
  leave(share: BudgetShare): void {
    if (this.#overdrawer !== share) return;
    this.#overdrawer = null;
    this.#wakeAll();
  }

  waitFor(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** What one connection holds of a budget. */
export class BudgetShare {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #wake: (() => void) | null = null;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** What the connection holds now, all in all. */
  hold(bytes: number): void {
    if (bytes === this.#bytes) return;
    const change = bytes - this.#bytes;
    this.#bytes = bytes;
    this.#budget.change(change);
  }

  mayRead(isInsideFrame: boolean): boolean {
    return this.#budget.admits(this, isInsideFrame);
  }

  /** Resolves when it is worth asking again. */
  untilRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#budget.waitFor(resolve);
    });
  }

  /** Ends the wait for room: the connection ends. */
  wake(): void {
    if (this.#wake === null) return;
    this.#budget.forget(this.#wake);
    this.#wake();
    this.#wake = null;
  }

  close(): void {
    this.hold(0);
    this.#budget.leave(this);
    this.wake();
  }
}
