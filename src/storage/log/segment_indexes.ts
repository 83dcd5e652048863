/**
 * The two indexes of one segment, in memory and in their files.
 *
 * The files are caches, but what they leave out must not be missed: a time index without its last entries would let
 * retention and searches by time take a segment for older than it is. So the time index is synced before a byte of the
 * offset index is written: an entry of `.index` proves that the time entries up to its offset are in the file. Replay
 * walks everything behind the last entry of `.index` again.
 */
import type { Offset, TimestampMs } from "../../base/ids.ts";
import type { Disk } from "../../platform/disk.ts";
import { Mutex } from "../mutex.ts";
import { readSmallFile, replaceFile } from "../small_file.ts";
import { OFFSET_INDEX_ENTRY_BYTES, OffsetIndex } from "./offset_index.ts";
import { segmentFileName } from "./segment_file_name.ts";
import { TIME_INDEX_ENTRY_BYTES, TimeIndex } from "./time_index.ts";

/** A segment is full when its index is: Kafka's segment.index.bytes (10 MiB) in entries. */
const INDEX_ENTRIES_MAX = 1_310_720;
/** A file larger than that many entries of either index is none of ours, and is not read into memory. */
export const INDEX_BYTES_MAX = (INDEX_ENTRIES_MAX + 1) * TIME_INDEX_ENTRY_BYTES;
/** While a segment is written, its index files are brought up to date after so many entries: what a start walks again. */
const UNSTORED_ENTRIES_MAX = 256;

/** What is known of one of the two files. */
interface IndexFile {
  readonly kind: "index" | "timeindex";
  readonly entryBytes: number;
  /** Entries at its start that are as in memory. */
  stored: number;
  /** Whether it is there, and holds nothing but those. */
  isExact: boolean;
  isSynced: boolean;
}

export class SegmentIndexes {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #baseOffset: Offset;
  /** One change of the files at a time: the writer stores entries while a reader may be rebuilding. */
  readonly #mutex = new Mutex();
  #offsets: OffsetIndex;
  #times: TimeIndex;
  #offsetFile: IndexFile = {
    kind: "index",
    entryBytes: OFFSET_INDEX_ENTRY_BYTES,
    stored: 0,
    isExact: false,
    isSynced: false,
  };
  #timeFile: IndexFile = {
    kind: "timeindex",
    entryBytes: TIME_INDEX_ENTRY_BYTES,
    stored: 0,
    isExact: false,
    isSynced: false,
  };

  constructor(disk: Disk, directory: string, baseOffset: Offset) {
    this.#disk = disk;
    this.#directory = directory;
    this.#baseOffset = baseOffset;
    this.#offsets = new OffsetIndex(baseOffset);
    this.#times = new TimeIndex(baseOffset);
  }

  get offsets(): OffsetIndex {
    return this.#offsets;
  }

  get times(): TimeIndex {
    return this.#times;
  }

  get isFull(): boolean {
    return this.#offsets.count >= INDEX_ENTRIES_MAX;
  }

  /** Whether enough entries are in memory alone to be worth a write. */
  get shouldStore(): boolean {
    return this.#offsets.count - this.#offsetFile.stored >= UNSTORED_ENTRIES_MAX;
  }

  /** Entries for a batch that starts at `position`, by Kafka's rule; the largest timestamp is the segment's so far. */
  note(
    batch: { readonly lastOffset: Offset; readonly position: number },
    intervalBytes: number,
    largest: { readonly timestamp: TimestampMs; readonly lastOffset: Offset },
  ): void {
    if (batch.position - (this.#offsets.last()?.position ?? 0) <= intervalBytes) return;
    this.#offsets.append(batch.lastOffset, batch.position);
    this.#times.maybeAppend(largest.timestamp, largest.lastOffset);
  }

  /** Takes what the files say, as far as it can be true of a segment of this size and end; false when it cannot, or a file is missing. */
  async load(segmentBytes: number, endOffset: Offset): Promise<boolean> {
    return await this.#mutex.run(async () => {
      const offsetBytes = await readSmallFile(this.#disk, this.path("index"), INDEX_BYTES_MAX);
      const timeBytes = await readSmallFile(this.#disk, this.path("timeindex"), INDEX_BYTES_MAX);
      const offsets = offsetBytes === null ? null : OffsetIndex.decode(this.#baseOffset, offsetBytes, segmentBytes);
      const times = timeBytes === null ? null : TimeIndex.decode(this.#baseOffset, timeBytes, endOffset);
      if (offsets === null || times === null) return false;
      this.#offsets = offsets;
      this.#times = times;
      const loaded = { isExact: true, isSynced: false };
      this.#offsetFile = { ...this.#offsetFile, ...loaded, stored: offsets.count };
      this.#timeFile = { ...this.#timeFile, ...loaded, stored: times.count };
      return true;
    });
  }

  /** Takes the entries of indexes that were built anew; the files are replaced at the next store. */
  adopt(built: SegmentIndexes): void {
    this.#offsets = built.#offsets;
    this.#times = built.#times;
    this.#forgetFiles();
  }

  /** Forgets all entries; the files stay as they are. */
  clear(): void {
    this.#offsets = new OffsetIndex(this.#baseOffset);
    this.#times = new TimeIndex(this.#baseOffset);
    this.#forgetFiles();
  }

  /** Drops the entries of batches that start at `position` or later, where `endOffset` is due. */
  truncateFrom(position: number, endOffset: Offset): void {
    this.#offsets.truncateFrom(position);
    this.#times.truncateFrom(endOffset);
    this.#offsetFile = afterCut(this.#offsetFile, this.#offsets.count);
    this.#timeFile = afterCut(this.#timeFile, this.#times.count);
  }

  /** The last time entry, as Kafka writes it when a segment is sealed or closed. */
  noteEnd(largest: { readonly timestamp: TimestampMs; readonly lastOffset: Offset }): void {
    this.#times.maybeAppend(largest.timestamp, largest.lastOffset);
  }

  /** Brings the files up to date; `durable` syncs both. */
  store(options: { readonly durable: boolean }): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#storeFile(this.#timeFile, this.#times, true);
      await this.#storeFile(this.#offsetFile, this.#offsets, options.durable);
    });
  }

  async #storeFile(file: IndexFile, index: OffsetIndex | TimeIndex, durable: boolean): Promise<void> {
    const { stored, entryBytes, kind } = file;
    const count = index.count;
    if (count === stored && file.isExact && (file.isSynced || !durable)) return;
    if (stored === 0) {
      // Whole or not at all: a part of an index that is built anew would pass for the whole.
      await replaceFile(this.#disk, this.#directory, segmentFileName(this.#baseOffset, kind), index.encode());
      Object.assign(file, { stored: count, isExact: true, isSynced: true });
      return;
    }
    file.isExact = false;
    file.isSynced = false;
    const opened = await this.#disk.open(this.path(kind), "write");
    try {
      await opened.truncate(stored * entryBytes);
      const entries = index.encode(stored).subarray(0, (count - stored) * entryBytes);
      if (entries.length > 0) await opened.writeAt(stored * entryBytes, [entries]);
      if (durable) await opened.sync();
    } finally {
      await opened.close();
    }
    // A file that was forgotten meanwhile is another object: this one's marks touch nothing then.
    Object.assign(file, { stored: count, isExact: true, isSynced: durable });
  }

  #forgetFiles(): void {
    const unknown = { stored: 0, isExact: false, isSynced: false };
    this.#offsetFile = { ...this.#offsetFile, ...unknown };
    this.#timeFile = { ...this.#timeFile, ...unknown };
  }

  path(kind: "index" | "timeindex"): string {
    return `${this.#directory}/${segmentFileName(this.#baseOffset, kind)}`;
  }
}

function afterCut(file: IndexFile, count: number): IndexFile {
  return file.stored <= count ? file : { ...file, stored: count, isExact: false, isSynced: false };
}
