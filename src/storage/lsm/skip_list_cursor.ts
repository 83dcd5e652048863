import type { EntryCursor } from "./entry_cursor.ts";
import type { SkipList } from "./skip_list.ts";

/** Over a skip list. It starts before the first entry and delays no writer (facts S3, T8). */
export class SkipListCursor implements EntryCursor {
  readonly #list: SkipList;
  #node = 0;
  #version = 0;
  key: Uint8Array | null = null;

  constructor(list: SkipList) {
    this.#list = list;
  }

  get sequence(): number {
    return this.#list.sequenceOf(this.#version);
  }

  get timestamp(): number {
    return this.#list.timestampOf(this.#version);
  }

  value(): Uint8Array | null {
    return this.#list.valueOf(this.#version);
  }

  seekUp(key: Uint8Array | null): void {
    this.#goTo(key === null ? this.#list.first() : this.#list.seek(key));
  }

  seekDown(key: Uint8Array | null): void {
    this.#goTo(key === null ? this.#list.last() : this.#list.seekBefore(key));
  }

  up(): void {
    if (!this.#hasOlder()) this.#goTo(this.#list.next(this.#node));
  }

  down(): void {
    if (!this.#hasOlder()) this.#goTo(this.#list.seekBefore(this.key!));
  }

  #hasOlder(): boolean {
    const older = this.#list.olderThan(this.#version);
    if (older !== 0) this.#version = older;
    return older !== 0;
  }

  #goTo(node: number): void {
    this.#node = node;
    this.key = node === 0 ? null : this.#list.keyOf(node);
    this.#version = node === 0 ? 0 : this.#list.versionAt(node, Number.MAX_SAFE_INTEGER);
  }
}
