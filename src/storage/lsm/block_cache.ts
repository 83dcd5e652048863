/** Checked blocks of tables, up to a number of bytes for the whole tree; the longest unused goes first. */

interface CacheEntry {
  readonly owner: TableBlocks;
  readonly position: number;
  readonly block: Cacheable;
  before: CacheEntry | null;
  after: CacheEntry | null;
}

export interface Cacheable {
  readonly sizeBytes: number;
}

/** What an entry takes beside its bytes, about. */
const ENTRY_BYTES = 200;

export class BlockCache {
  budgetBytes: number;
  usedBytes = 0;
  hits = 0;
  misses = 0;
  #newest: CacheEntry | null = null;
  #oldest: CacheEntry | null = null;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  /** The blocks of one table. */
  blocksOf(): TableBlocks {
    return new TableBlocks(this);
  }

  /** For `TableBlocks` alone. */
  touch(entry: CacheEntry): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#linkNewest(entry);
  }

  add(entry: CacheEntry): void {
    this.#linkNewest(entry);
    this.usedBytes += entry.block.sizeBytes + ENTRY_BYTES;
    while (this.usedBytes > this.budgetBytes && this.#oldest !== null) this.#oldest.owner.drop(this.#oldest.position);
  }

  remove(entry: CacheEntry): void {
    this.#unlink(entry);
    this.usedBytes -= entry.block.sizeBytes + ENTRY_BYTES;
  }

  #linkNewest(entry: CacheEntry): void {
    entry.before = null;
    entry.after = this.#newest;
    if (this.#newest !== null) this.#newest.before = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: CacheEntry): void {
    if (entry.before === null) this.#newest = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === null) this.#oldest = entry.before;
    else entry.after.before = entry.before;
  }
}

/** One table's share of the cache, by the blocks' positions in the file. */
export class TableBlocks {
  readonly #cache: BlockCache;
  readonly #entries = new Map<number, CacheEntry>();

  constructor(cache: BlockCache) {
    this.#cache = cache;
  }

  get(position: number): Cacheable | null {
    const entry = this.#entries.get(position);
    if (entry === undefined) {
      this.#cache.misses += 1;
      return null;
    }
    this.#cache.hits += 1;
    this.#cache.touch(entry);
    return entry.block;
  }

  put(position: number, block: Cacheable): void {
    this.drop(position);
    const entry: CacheEntry = { owner: this, position, block, before: null, after: null };
    this.#entries.set(position, entry);
    this.#cache.add(entry);
  }

  drop(position: number): void {
    const entry = this.#entries.get(position);
    if (entry === undefined) return;
    this.#entries.delete(position);
    this.#cache.remove(entry);
  }

  clear(): void {
    for (const position of [...this.#entries.keys()]) this.drop(position);
  }
}
