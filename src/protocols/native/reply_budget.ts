/** What a fetch may ask for when the others of its connection have taken everything: it goes on, in small steps. */
const SHARE_BYTES_MIN = 64 * 1024;

/**
 * The bytes that the fetches of one connection may bring into memory together. Without it, each of the requests that may
 * be in work at once could bring the largest answer there is. A fetch is never held up: it gets what is left, and an
 * answer shorter than `maxBytes` is an ordinary one.
 */
export class ReplyBudget {
  readonly #bytesMax: number;
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** As much of `wantedBytes` as is left, but never less than a small share; to be given back with `release`. */
  take(wantedBytes: number): number {
    const bytes = Math.min(wantedBytes, Math.max(this.#bytesMax - this.#taken, SHARE_BYTES_MIN));
    this.#taken += bytes;
    return bytes;
  }

  release(bytes: number): void {
    this.#taken -= bytes;
  }
}
