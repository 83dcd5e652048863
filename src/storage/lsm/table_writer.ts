/**
 * Writes one table: data blocks as they fill, then filter, index and footer (facts S10, 1.1b). Nothing reads the file
 * before it is whole, synced, renamed and named by the manifest.
 *
 * Layout of the file: data blocks, filter block, index block, footer (`table_footer.ts`). The index is a block whose keys
 * are the data blocks' first keys and whose values are position u64 and bytes u64 (checksum and length included). The
 * filter is checksum and length as a block has them, then `bloom_filter.ts`'s form.
 */
import { assert } from "../../base/assert.ts";
import { LIMITS } from "../../base/limits.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { Disk, DiskFile } from "../../platform/disk.ts";
import { BLOCK_HEADER_BYTES, BlockBuilder, ENTRY_HEADER_BYTES, sealBlock } from "./block.ts";
import { encodeBloomFilter, filterHash } from "./bloom_filter.ts";
import { tableFileName, TEMPORARY_SUFFIX } from "./file_names.ts";
import { fileSeed, seedAt } from "./file_seed.ts";
import { writeUint64 } from "./int64_le.ts";
import { encodeTableFooter } from "./table_footer.ts";
import type { TableMeta } from "./table_meta.ts";

export interface TablePlace {
  readonly disk: Disk;
  readonly directory: string;
  readonly identity: Uint8Array;
}

export class TableWriter {
  readonly #place: TablePlace;
  readonly #number: number;
  readonly #level: number;
  readonly #seed: number;
  readonly #data = new BlockBuilder();
  readonly #index = new BlockBuilder();
  /** Finished blocks that are not written. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Bytes before the block that is being filled. */
  #position = 0;
  #writtenBytes = 0;
  #file: DiskFile | null = null;
  #entryCount = 0;
  #lastSequence = 0;
  #hashes = new Int32Array(1_024);
  #hashCount = 0;
  #minKey: Uint8Array | null = null;
  #blockKey: Uint8Array = new Uint8Array(0);
  #lastKey: Uint8Array = new Uint8Array(0);
  #lastKeySequence = 0;

  constructor(place: TablePlace, number: number, level: number) {
    this.#place = place;
    this.#number = number;
    this.#level = level;
    this.#seed = fileSeed(place.identity, "table", number);
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** About how large the file is. */
  get sizeBytes(): number {
    return this.#position + this.#data.sizeBytes;
  }

  /** Bytes that wait for `flush`. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * The next entry: keys ascending, of one key the newest first (facts T19: anything else is refused). `key` and `value`
   * are copied, but `key` must not change before the next call.
   */
  add(key: Uint8Array, value: Uint8Array | null, timestamp: number, sequence: number): void {
    const isFirst = this.#minKey === null;
    const order = isFirst ? -1 : compareBytes(this.#lastKey, key);
    assert(
      order < 0 || (order === 0 && sequence < this.#lastKeySequence),
      () => `A table's entries must be sorted: entry ${this.#entryCount} is not behind the one before it`,
    );
    if (order !== 0) {
      // Only before a new key: all entries of one key are in one block.
      if (this.#data.sizeBytes >= LIMITS.lsmBlockBytes) this.#finishBlock();
      if (this.#data.count === 0) this.#blockKey = key.slice();
      this.#addHash(filterHash(key));
    }
    if (isFirst) this.#minKey = key.slice();
    this.#data.add(key, value, timestamp, sequence);
    this.#lastKey = key;
    this.#lastKeySequence = sequence;
    this.#lastSequence = Math.max(this.#lastSequence, sequence);
    this.#entryCount += 1;
  }

  /** Writes the blocks that are finished. */
  async flush(): Promise<void> {
    const { disk } = this.#place;
    if (this.#file === null) {
      this.#file = await disk.open(this.#temporaryPath, "write");
      await this.#file.truncate(0);
    }
    const slices = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (slices.length === 0) return;
    await this.#file.writeAt(this.#writtenBytes, slices);
    for (const slice of slices) this.#writtenBytes += slice.length;
  }

  /**
   * Ends, writes and syncs the file, and gives it its name, which is durable with the directory. `onSync` runs the sync:
   * its failure means more than that of a write.
   */
  async finish(onSync: (sync: () => Promise<void>) => Promise<void>): Promise<TableMeta> {
    assert(this.#entryCount > 0, "A table has an entry");
    this.#finishBlock();
    const filterPosition = this.#position;
    const filter = encodeBloomFilter(this.#hashes, this.#hashCount);
    const filterBlock = new Uint8Array(BLOCK_HEADER_BYTES + filter.length);
    filterBlock.set(filter, BLOCK_HEADER_BYTES);
    sealBlock(filterBlock, seedAt(this.#seed, filterPosition));
    this.#queue(filterBlock);
    const indexPosition = this.#position;
    const index = this.#index.finish(seedAt(this.#seed, indexPosition));
    this.#queue(index);
    const meta = {
      entryCount: this.#entryCount,
      lastSequence: this.#lastSequence,
      minKey: this.#minKey!,
      maxKey: this.#lastKey.slice(),
    };
    const footer = encodeTableFooter(
      { ...meta, indexPosition, indexBytes: index.length, filterPosition, filterBytes: filterBlock.length },
      this.#seed,
      this.#position,
    );
    this.#queue(footer);
    await this.flush();
    const file = this.#file!;
    await onSync(() => file.sync());
    await this.#close();
    const { disk, directory } = this.#place;
    const path = `${directory}/${tableFileName(this.#level, this.#number)}`;
    await disk.rename(this.#temporaryPath, path);
    await onSync(() => disk.syncDirectory(directory));
    const footerCrc = new DataView(footer.buffer).getUint32(footer.length - 8, true);
    return { ...meta, number: this.#number, writtenLevel: this.#level, sizeBytes: this.#writtenBytes, footerCrc };
  }

  /** Takes back what was written; the file may have either name. Never fails: what is left is removed by the next start. */
  async abandon(): Promise<void> {
    const { disk, directory } = this.#place;
    await this.#close().catch(() => {});
    for (const path of [this.#temporaryPath, `${directory}/${tableFileName(this.#level, this.#number)}`]) {
      await disk.remove(path).catch(() => {});
    }
  }

  get #temporaryPath(): string {
    return `${this.#place.directory}/${tableFileName(this.#level, this.#number)}${TEMPORARY_SUFFIX}`;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  #finishBlock(): void {
    if (this.#data.count === 0) return;
    const position = this.#position;
    const bytes = this.#data.finish(seedAt(this.#seed, position));
    const place = new Uint8Array(16);
    const view = new DataView(place.buffer);
    writeUint64(view, 0, position);
    writeUint64(view, 8, bytes.length);
    this.#index.add(this.#blockKey, place, 0, 0);
    this.#queue(bytes);
  }

  #queue(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#position += bytes.length;
  }

  #addHash(hash: number): void {
    if (this.#hashCount === this.#hashes.length) {
      const larger = new Int32Array(2 * this.#hashCount);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#hashCount++] = hash;
  }
}

/** What an entry adds to a table, about. */
export function entryBytes(key: Uint8Array, value: Uint8Array | null): number {
  return ENTRY_HEADER_BYTES + 4 + key.length + (value?.length ?? 0);
}
