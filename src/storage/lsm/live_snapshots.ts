/** The moments that somebody still reads at, as sequence numbers: which versions of a key must stay goes by them. */
import { assert } from "../../base/assert.ts";
import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { StoreSnapshot } from "../key_value_store.ts";

export class LiveSnapshots {
  /** Ascending; a number stands once for each who reads at it. */
  readonly #sequences: number[] = [];

  get count(): number {
    return this.#sequences.length;
  }

  /** The oldest moment that is read at, or `latest` when nobody reads at an older one. */
  oldest(latest: number): number {
    return this.#sequences[0] ?? latest;
  }

  /** A reader at `sequence`, which is at least as new as every one before. */
  take(sequence: number): StoreSnapshot {
    assert(sequence >= (this.#sequences.at(-1) ?? 0), "A snapshot is never older than those before it");
    return this.#hold(sequence, this.#sequences.length);
  }

  /** One more reader at the moment of a snapshot that is not released. */
  retake({ sequence }: StoreSnapshot): StoreSnapshot {
    const at = this.#sequences.lastIndexOf(sequence);
    assert(at >= 0, "The snapshot is released, or is another store's");
    return this.#hold(sequence, at);
  }

  #hold(sequence: number, at: number): StoreSnapshot {
    const sequences = this.#sequences;
    if (sequences.length >= LIMITS.storeSnapshotsMax) {
      throw new SentinelError("overloaded", `${sequences.length} snapshots and scans of the store are open already`);
    }
    sequences.splice(at, 0, sequence);
    let isReleased = false;
    return {
      sequence,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        sequences.splice(sequences.lastIndexOf(sequence), 1);
      },
    };
  }

  /** Whether somebody reads at a moment in [from, to): a version written at `from` and replaced at `to` is then seen. */
  isSeenBetween(from: number, to: number): boolean {
    const sequences = this.#sequences;
    if (sequences.length === 0) return false;
    let low = 0;
    let high = sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sequences[middle]! < from) low = middle + 1;
      else high = middle;
    }
    return low < sequences.length && sequences[low]! < to;
  }
}
