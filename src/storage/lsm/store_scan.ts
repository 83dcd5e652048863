import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { Answer, KeyRange, KeyValue, Scan } from "../key_value_store.ts";
import type { EntryCursor } from "./entry_cursor.ts";
import { MergeCursor } from "./merge_cursor.ts";

/** What a scan goes over. */
export interface ScanParts extends KeyRange {
  readonly cursors: readonly EntryCursor[];
  readonly sequence: number;
  readonly reverse: boolean;
  /** What is wrong with reading now; null: nothing. */
  readonly fault: () => Error | null;
  /** Called once, at the end or at `close`. */
  readonly onClose: () => void;
}

/** A walk over the keys of a moment: of each key the newest entry that the moment sees, deletions left out. */
export class StoreScan implements Scan {
  readonly #parts: ScanParts;
  #merge: MergeCursor | null = null;
  #isClosed = false;
  /** The key whose entries are being gone through, and the newest of them that is seen. */
  #key: Uint8Array | null = null;
  #sequence = -1;
  #value: Uint8Array | null = null;

  constructor(parts: ScanParts) {
    this.#parts = parts;
  }

  next(): Answer<KeyValue | null> {
    if (this.#isClosed) return null;
    const fault = this.#parts.fault();
    if (fault !== null) throw fault;
    if (this.#merge !== null) return this.#advance(this.#merge);
    const begun = this.#begin();
    return begun === undefined ? this.next() : begun.then(() => this.next());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#merge = null;
    this.#parts.onClose();
  }

  #begin(): Answer<void> {
    const { cursors, reverse, from, to } = this.#parts;
    const begun: Promise<void>[] = [];
    for (const cursor of cursors) {
      const moved = reverse ? cursor.seekDown(to ?? null) : cursor.seekUp(from ?? null);
      if (moved !== undefined) begun.push(moved);
    }
    const merge = (): void => void (this.#merge = MergeCursor.over(cursors, reverse ? "down" : "up"));
    if (begun.length === 0) return merge();
    return Promise.all(begun).then(merge);
  }

  /** Goes on from wherever it stands: where a block is not in memory, the rest comes later. */
  #advance(merge: MergeCursor): Answer<KeyValue | null> {
    while (true) {
      const here = merge.here;
      const key = here?.key ?? null;
      if (this.#key !== null && (key === null || compareBytes(key, this.#key) !== 0)) {
        const found = this.#value === null ? null : { key: this.#key.slice(), value: this.#value };
        this.#key = this.#value = null;
        this.#sequence = -1;
        if (found !== null) return found;
      }
      if (here === null || key === null || !this.#isInRange(key)) {
        this.close();
        return null;
      }
      this.#key = key;
      const { sequence } = here;
      if (sequence <= this.#parts.sequence && sequence > this.#sequence) {
        this.#sequence = sequence;
        this.#value = here.value();
      }
      const moved = merge.step();
      if (moved !== undefined) return moved.then(() => this.next());
    }
  }

  #isInRange(key: Uint8Array): boolean {
    const { reverse, from, to } = this.#parts;
    if (reverse) return from === undefined || compareBytes(key, from) >= 0;
    return to === undefined || compareBytes(key, to) < 0;
  }
}
