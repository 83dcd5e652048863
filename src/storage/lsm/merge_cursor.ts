import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { Answer } from "../key_value_store.ts";
import type { EntryCursor } from "./entry_cursor.ts";

/** Several cursors as one, in one direction. */
export class MergeCursor {
  readonly #cursors: readonly EntryCursor[];
  readonly #isDown: boolean;
  #here: EntryCursor | null = null;

  private constructor(cursors: readonly EntryCursor[], isDown: boolean) {
    this.#cursors = cursors;
    this.#isDown = isDown;
    this.#choose();
  }

  /** Over cursors that stand where they shall begin. */
  static over(cursors: readonly EntryCursor[], direction: "up" | "down"): MergeCursor {
    return new MergeCursor(cursors, direction === "down");
  }

  /** The cursor with the entry that is next; null at the end. */
  get here(): EntryCursor | null {
    return this.#here;
  }

  /** Goes to the next entry. */
  step(): Answer<void> {
    const moved = this.#isDown ? this.#here!.down() : this.#here!.up();
    if (moved !== undefined) return moved.then(() => this.#choose());
    this.#choose();
  }

  /** There are few of them: as many as tables in level 0, and levels. */
  #choose(): void {
    let best: EntryCursor | null = null;
    for (const cursor of this.#cursors) {
      if (cursor.key === null) continue;
      if (best === null || this.#isBefore(cursor, best)) best = cursor;
    }
    this.#here = best;
  }

  #isBefore(one: EntryCursor, other: EntryCursor): boolean {
    const order = compareBytes(one.key!, other.key!);
    if (order === 0) return one.sequence > other.sequence;
    return this.#isDown ? order > 0 : order < 0;
  }
}
