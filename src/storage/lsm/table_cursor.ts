import { LIMITS } from "../../base/limits.ts";
import type { Answer } from "../key_value_store.ts";
import type { Block } from "./block.ts";
import type { EntryCursor } from "./entry_cursor.ts";
import { firstReaching } from "./table_meta.ts";
import type { TableReader } from "./table_reader.ts";

/** The first blocks of a walk are read one by one, since most walks are short; then ever more at once. */
const READ_AHEAD_BYTES_MIN = 8 * 1024;
const READ_AHEAD_BYTES_MAX = 128 * 1024;

/**
 * Over tables that are sorted and do not overlap: a level, or one table. `keep`: blocks go through the cache, as readers
 * want; without it, a slice's bytes are read at once.
 */
export class TableCursor implements EntryCursor {
  readonly #tables: readonly TableReader[];
  readonly #keep: boolean;
  #table = 0;
  #index: Block | null = null;
  #row = 0;
  #block: Block | null = null;
  #entry = 0;
  /** Blocks behind the one here that are read already. */
  #ahead: Block[] = [];
  #aheadBytes = READ_AHEAD_BYTES_MIN;
  key: Uint8Array | null = null;

  constructor(tables: readonly TableReader[], keep: boolean) {
    this.#tables = tables;
    this.#keep = keep;
  }

  get sequence(): number {
    return this.#block!.sequenceAt(this.#entry);
  }

  get timestamp(): number {
    return this.#block!.timestampAt(this.#entry);
  }

  value(): Uint8Array | null {
    return this.#block!.valueAt(this.#entry);
  }

  seekUp(key: Uint8Array | null): Answer<void> {
    this.#leave();
    const table = key === null ? 0 : firstReaching(this.#tables, key);
    if (table < this.#tables.length) return this.#seekUpIn(table, key);
  }

  seekDown(key: Uint8Array | null): Answer<void> {
    this.#leave();
    const last = this.#tables.length - 1;
    // The first table that reaches the key may hold keys before it; if not, the one before does.
    const table = key === null ? last : Math.min(firstReaching(this.#tables, key), last);
    if (table >= 0) return this.#seekDownIn(table, key);
  }

  up(): Answer<void> {
    this.#entry += 1;
    if (this.#entry < this.#block!.count) {
      this.key = this.#block!.keyAt(this.#entry);
      return;
    }
    return this.#nextBlock();
  }

  down(): Answer<void> {
    this.#entry -= 1;
    if (this.#entry >= 0) {
      this.key = this.#block!.keyAt(this.#entry);
      return;
    }
    this.#ahead = [];
    return this.#blockBefore();
  }

  #leave(): void {
    this.#index = this.#block = this.key = null;
    this.#ahead = [];
    this.#aheadBytes = READ_AHEAD_BYTES_MIN;
  }

  #stand(block: Block, entry: number): void {
    this.#block = block;
    this.#entry = entry;
    this.key = block.keyAt(entry);
  }

  async #seekUpIn(table: number, key: Uint8Array | null): Promise<void> {
    this.#table = table;
    const index = this.#index = await this.#tables[table]!.index();
    this.#row = key === null ? 0 : Math.max(0, index.lastAtOrBefore(key));
    const block = await this.#blockHere();
    const entry = key === null ? 0 : block.lowerBound(key);
    if (entry < block.count) return this.#stand(block, entry);
    this.#block = block;
    await this.#nextBlock();
  }

  async #seekDownIn(table: number, key: Uint8Array | null): Promise<void> {
    this.#table = table;
    const index = this.#index = await this.#tables[table]!.index();
    this.#row = key === null ? index.count - 1 : Math.max(0, index.lastAtOrBefore(key));
    const block = await this.#tables[table]!.blockAt(index, this.#row);
    const entry = (key === null ? block.count : block.lowerBound(key)) - 1;
    if (entry >= 0) return this.#stand(block, entry);
    await this.#blockBefore();
  }

  #nextBlock(): Answer<void> {
    const ready = this.#ahead.shift();
    if (ready !== undefined) {
      this.#row += 1;
      return this.#stand(ready, 0);
    }
    const index = this.#index!;
    if (this.#row + 1 >= index.count) return this.#nextTable();
    this.#row += 1;
    const cached = this.#tables[this.#table]!.cachedBlockAt(index, this.#row);
    if (cached !== null) return this.#stand(cached, 0);
    return this.#blockHere().then((block) => this.#stand(block, 0));
  }

  /** Reads the block of the row, and some behind it. */
  async #blockHere(): Promise<Block> {
    const bytes = this.#keep ? this.#aheadBytes : LIMITS.lsmSliceBytes;
    this.#aheadBytes = Math.min(READ_AHEAD_BYTES_MAX, 2 * this.#aheadBytes);
    const blocks = await this.#tables[this.#table]!.blocksFrom(this.#index!, this.#row, bytes, this.#keep);
    this.#ahead = blocks.slice(1);
    return blocks[0]!;
  }

  async #nextTable(): Promise<void> {
    this.#block = this.key = null;
    if (this.#table + 1 >= this.#tables.length) return;
    this.#table += 1;
    this.#index = await this.#tables[this.#table]!.index();
    this.#row = 0;
    this.#stand(await this.#blockHere(), 0);
  }

  async #blockBefore(): Promise<void> {
    this.#block = this.key = null;
    if (this.#row === 0) {
      if (this.#table === 0) return;
      this.#table -= 1;
      this.#index = await this.#tables[this.#table]!.index();
      this.#row = this.#index.count;
    }
    this.#row -= 1;
    const block = await this.#tables[this.#table]!.blockAt(this.#index!, this.#row);
    this.#stand(block, block.count - 1);
  }
}
