/**
 * Reads one table: footer, filter and index once, data blocks as they are asked for, all by positional reads (facts T13)
 * and through the block cache. Every length is held against the file's size before anything is allocated, every block
 * against its checksum; damage is a `storage_error` that names the file (T6).
 */
import type { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { Answer } from "../key_value_store.ts";
import { corruption } from "../log/corruption.ts";
import { type Block, BLOCK_HEADER_BYTES, decodeBlock, openBlock } from "./block.ts";
import type { BlockCache, TableBlocks } from "./block_cache.ts";
import { type BloomFilter, decodeBloomFilter, filterHash } from "./bloom_filter.ts";
import { tableFileName } from "./file_names.ts";
import { fileSeed, seedAt } from "./file_seed.ts";
import { readUint64 } from "./int64_le.ts";
import type { TableFiles } from "./table_files.ts";
import { decodeTableFooter, FOOTER_END_BYTES, footerBytesOf, type TableFooter } from "./table_footer.ts";
import type { TableMeta } from "./table_meta.ts";

/** The positions of the data blocks; kept while the table is in use. */
interface BlockPlace {
  readonly position: number;
  readonly sizeBytes: number;
}

export interface TableSource {
  readonly directory: string;
  readonly identity: Uint8Array;
  readonly files: Pick<TableFiles, "readAt" | "close">;
  readonly cache: BlockCache;
  readonly counts: TableCounts;
}

/** What reads of tables have cost; see `StoreStats`. */
export interface TableCounts {
  blocksRead: number;
  tablesAsked: number;
  filterRejections: number;
  filterFalsePositives: number;
}

export function noTableCounts(): TableCounts {
  return { blocksRead: 0, tablesAsked: 0, filterRejections: 0, filterFalsePositives: 0 };
}

export class TableReader {
  readonly meta: TableMeta;
  readonly path: string;
  readonly #files: TableSource["files"];
  readonly #seed: number;
  readonly #blocks: TableBlocks;
  readonly #counts: TableCounts;
  #footer: TableFooter | null = null;

  constructor(source: TableSource, meta: TableMeta) {
    this.meta = meta;
    this.path = `${source.directory}/${tableFileName(meta.writtenLevel, meta.number)}`;
    this.#files = source.files;
    this.#seed = fileSeed(source.identity, "table", meta.number);
    this.#blocks = source.cache.blocksOf();
    this.#counts = source.counts;
  }

  /** The newest value that a reader at `sequence` sees; null: deleted; undefined: this table knows nothing of the key. */
  get(key: Uint8Array, sequence: number): Answer<Uint8Array | null | undefined> {
    if (compareBytes(key, this.meta.minKey) < 0 || compareBytes(key, this.meta.maxKey) > 0) return undefined;
    this.#counts.tablesAsked += 1;
    const footer = this.#footer;
    if (footer === null) return this.#getLater(key, sequence);
    const filter = this.#blocks.get(footer.filterPosition) as BloomFilter | null;
    if (filter === null) return this.#getLater(key, sequence);
    if (!filter.mayHold(filterHash(key))) return this.#rejected();
    const index = this.#blocks.get(footer.indexPosition) as Block | null;
    if (index === null) return this.#getLater(key, sequence);
    const row = index.lastAtOrBefore(key);
    if (row < 0) return this.#sentInVain();
    const block = this.#blocks.get(this.#placeAt(index, row).position) as Block | null;
    return block === null ? this.#getLater(key, sequence) : this.#valueIn(block, key, sequence);
  }

  async #getLater(key: Uint8Array, sequence: number): Promise<Uint8Array | null | undefined> {
    if (!(await this.#filter()).mayHold(filterHash(key))) return this.#rejected();
    const index = await this.index();
    const row = index.lastAtOrBefore(key);
    if (row < 0) return this.#sentInVain();
    return this.#valueIn(await this.blockAt(index, row), key, sequence);
  }

  #rejected(): undefined {
    this.#counts.filterRejections += 1;
    return undefined;
  }

  #sentInVain(): undefined {
    this.#counts.filterFalsePositives += 1;
    return undefined;
  }

  #valueIn(block: Block, key: Uint8Array, sequence: number): Uint8Array | null | undefined {
    const entry = block.find(key, sequence);
    return entry < 0 ? this.#sentInVain() : block.valueAt(entry);
  }

  /** The index: row n is data block n, by its first key. */
  index(): Answer<Block> {
    const cached = this.#footer === null ? null : this.#blocks.get(this.#footer.indexPosition);
    return cached === null ? this.#loadIndex() : cached as Block;
  }

  blockAt(index: Block, row: number): Answer<Block> {
    const place = this.#placeAt(index, row);
    const cached = this.#blocks.get(place.position);
    if (cached !== null) return cached as Block;
    return this.#loadBlocks(index, row, 1, true).then((blocks) => blocks[0]!);
  }

  /** The block if it is in memory. */
  cachedBlockAt(index: Block, row: number): Block | null {
    return this.#blocks.get(this.#placeAt(index, row).position) as Block | null;
  }

  /**
   * Blocks from `row` on, read at once, that take `bytesMax` together, at least one. `keep`: put them into the cache, as a
   * reader wants; a compaction reads each block once.
   */
  async blocksFrom(index: Block, row: number, bytesMax: number, keep: boolean): Promise<Block[]> {
    let bytes = this.#placeAt(index, row).sizeBytes;
    let count = 1;
    while (row + count < index.count) {
      bytes += this.#placeAt(index, row + count).sizeBytes;
      if (bytes > bytesMax) break;
      count += 1;
    }
    return await this.#loadBlocks(index, row, count, keep);
  }

  /** Reads every block, as nobody has cached them: what was written must be what is read. Fails where it is not. */
  async verify(): Promise<void> {
    this.#footer = null;
    const index = await this.#loadIndex();
    await this.#filter();
    let entries = 0;
    for (let row = 0; row < index.count;) {
      const blocks = await this.blocksFrom(index, row, LIMITS.lsmSliceBytes, false);
      for (const block of blocks) entries += block.count;
      row += blocks.length;
    }
    const { entryCount } = this.meta;
    if (entries !== entryCount) throw this.#damage(0, `the table has ${entries} entries, ${entryCount} were written`);
  }

  /** Gives up cache and file. */
  async release(): Promise<void> {
    this.#blocks.clear();
    await this.#files.close(this.path);
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  #placeAt(index: Block, row: number): BlockPlace {
    const value = index.valueViewAt(row)!;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    return { position: readUint64(view, 0), sizeBytes: readUint64(view, 8) };
  }

  async #loadFooter(): Promise<TableFooter> {
    if (this.#footer !== null) return this.#footer;
    const { sizeBytes, footerCrc } = this.meta;
    const end = new Uint8Array(FOOTER_END_BYTES);
    const count = await this.#files.readAt(this.path, Math.max(0, sizeBytes - FOOTER_END_BYTES), end);
    if (count !== FOOTER_END_BYTES) throw this.#damage(0, `the file is shorter than the manifest's ${sizeBytes} bytes`);
    const footerBytes = footerBytesOf(end, sizeBytes);
    if (typeof footerBytes === "string") throw this.#damage(sizeBytes - FOOTER_END_BYTES, footerBytes);
    const position = sizeBytes - footerBytes;
    const bytes = new Uint8Array(footerBytes);
    await this.#fill(position, bytes);
    const footer = decodeTableFooter(bytes, this.#seed, position);
    if (typeof footer === "string") throw this.#damage(position, footer);
    if (new DataView(bytes.buffer).getUint32(footerBytes - 8, true) !== footerCrc) {
      throw this.#damage(position, "the footer is not the one that the manifest knows");
    }
    this.#footer = footer;
    return footer;
  }

  async #loadIndex(): Promise<Block> {
    const footer = await this.#loadFooter();
    const { indexPosition, indexBytes, filterPosition } = footer;
    const opened = await this.#open(indexPosition, indexBytes);
    const index = decodeBlock(opened);
    if (typeof index === "string") throw this.#damage(indexPosition, index);
    if (index.count === 0) throw this.#damage(indexPosition, "the index is empty");
    // Every place is checked once, so that no later read has to.
    let position = 0;
    for (let row = 0; row < index.count; row++) {
      if (index.valueViewAt(row)?.length !== 16) {
        throw this.#damage(indexPosition, `row ${row} of the index is no place`);
      }
      const place = this.#placeAt(index, row);
      if (place.position !== position || place.sizeBytes <= BLOCK_HEADER_BYTES) {
        throw this.#damage(indexPosition, `row ${row} of the index does not follow the row before it`);
      }
      position += place.sizeBytes;
    }
    if (position !== filterPosition) {
      throw this.#damage(indexPosition, "the index does not end where the filter begins");
    }
    this.#blocks.put(indexPosition, index);
    return index;
  }

  async #filter(): Promise<BloomFilter> {
    const { filterPosition, filterBytes } = await this.#loadFooter();
    const cached = this.#blocks.get(filterPosition);
    if (cached !== null) return cached as BloomFilter;
    const filter = decodeBloomFilter(await this.#open(filterPosition, filterBytes));
    if (filter === null) throw this.#damage(filterPosition, "the filter is none");
    this.#blocks.put(filterPosition, filter);
    return filter;
  }

  async #loadBlocks(index: Block, row: number, count: number, keep: boolean): Promise<Block[]> {
    const first = this.#placeAt(index, row);
    const last = this.#placeAt(index, row + count - 1);
    const bytes = new Uint8Array(last.position + last.sizeBytes - first.position);
    await this.#fill(first.position, bytes);
    if (keep) this.#counts.blocksRead += count;
    const blocks: Block[] = [];
    for (let at = row; at < row + count; at++) {
      const { position, sizeBytes } = this.#placeAt(index, at);
      const from = position - first.position;
      // A block of several keeps no more than itself alive.
      const own = count === 1 || !keep ? bytes.subarray(from, from + sizeBytes) : bytes.slice(from, from + sizeBytes);
      const opened = openBlock(own, seedAt(this.#seed, position));
      const block = typeof opened === "string" ? opened : decodeBlock(opened);
      if (typeof block === "string") throw this.#damage(position, block);
      if (block.count === 0) throw this.#damage(position, "the block is empty");
      if (keep) this.#blocks.put(position, block);
      blocks.push(block);
    }
    return blocks;
  }

  async #open(position: number, sizeBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(sizeBytes);
    await this.#fill(position, bytes);
    const opened = openBlock(bytes, seedAt(this.#seed, position));
    if (typeof opened === "string") throw this.#damage(position, opened);
    return opened;
  }

  async #fill(position: number, into: Uint8Array): Promise<void> {
    const count = await this.#files.readAt(this.path, position, into);
    if (count !== into.length) throw this.#damage(position + count, "the file ends too early");
  }

  #damage(position: number, detail: string): SentinelError {
    return corruption(this.path, position, detail);
  }
}
