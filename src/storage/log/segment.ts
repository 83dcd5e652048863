/**
 * One segment of a log: its `.log` file and the two indexes over it (facts Y9, Y10). Only the active segment is
 * appended to; a sealed one never changes, and its files are opened when somebody reads it.
 */
import { OFFSET_MAX } from "../../base/ids.ts";
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { assert } from "../../base/assert.ts";
import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Disk, DiskFile } from "../../platform/disk.ts";
import { BATCH_LENGTH_END, isBatchFault, parseRecordBatch } from "../../records/record_batch.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { readSmallFile, replaceFile } from "../small_file.ts";
import { corruption } from "./corruption.ts";
import { OFFSET_INDEX_ENTRY_BYTES, OffsetIndex } from "./offset_index.ts";
import { scanSegment } from "./scan_segment.ts";
import { segmentFileName } from "./segment_file_name.ts";
import { TIME_INDEX_ENTRY_BYTES, TimeIndex } from "./time_index.ts";
import { VerifiedRegions } from "./verified_regions.ts";

/** Offsets where a reader will probably go on, with their positions: a reader in sequence needs no index lookup. */
const READ_HINTS_MAX = 32;

/** A segment is full when its index is: Kafka's segment.index.bytes (10 MiB) in entries. */
const INDEX_ENTRIES_MAX = 1_310_720;
/** A file larger than that many entries of either index is none of ours, and is not read into memory. */
const INDEX_BYTES_MAX = INDEX_ENTRIES_MAX * TIME_INDEX_ENTRY_BYTES + TIME_INDEX_ENTRY_BYTES;

/** Kafka's index.interval.bytes, for a rebuild by a reader, who does not know the topic's own. */
const INDEX_INTERVAL_BYTES_DEFAULT = 4_096;

/** Where a replay begins. */
export interface ReplayStart {
  readonly from: number;
  /** Base offset that the batch there must have; null behind an index entry, which does not tell it. */
  readonly offset: Offset | null;
  /** Last offset that it must have; null at the start of the file. */
  readonly lastOffset: Offset | null;
}

export class Segment {
  readonly directory: string;
  readonly baseOffset: Offset;
  /** Bytes of whole batches in the file. */
  sizeBytes = 0;
  /** Offset after the last batch in the file. */
  endOffset: Offset;
  /** Largest timestamp so far and the last offset of the batch that carried it; −1 without records. */
  maxTimestamp: TimestampMs = -1;
  maxTimestampOffset: Offset = -1;
  /** Largest timestamp of the first batch: what `segment.ms` counts from. −1 without records. */
  firstTimestamp: TimestampMs = -1;

  readonly #disk: Disk;
  #file: DiskFile | null = null;
  #index: OffsetIndex;
  #timeIndex: TimeIndex;
  /** Whether the indexes in memory are complete; a sealed segment's are loaded when needed. */
  #loaded = false;
  #loading: Promise<void> | null = null;
  /** Entries that the index files hold. */
  #storedIndexEntries = 0;
  #storedTimeEntries = 0;
  /** Readers that are inside: the files stay open while there are any. */
  #readers = 0;
  #onNoReaders: (() => void) | null = null;
  readonly #verified = new VerifiedRegions();
  readonly #hints = new Map<Offset, number>();

  constructor(disk: Disk, directory: string, baseOffset: Offset, endOffset: Offset = baseOffset) {
    this.#disk = disk;
    this.directory = directory;
    this.baseOffset = baseOffset;
    this.endOffset = endOffset;
    this.#index = new OffsetIndex(baseOffset);
    this.#timeIndex = new TimeIndex(baseOffset);
  }

  get logPath(): string {
    return this.#path("log");
  }

  get isOpen(): boolean {
    return this.#file !== null;
  }

  /** The `.log` file; only the log that owns the segment writes to it. */
  get file(): DiskFile {
    assert(this.#file !== null, () => `segment ${this.logPath} is not open`);
    return this.#file;
  }

  /** Makes the file of a new, empty segment. Durable after the directory is synced. What an earlier try left is emptied. */
  async create(): Promise<void> {
    await this.openForWriting();
    await this.file.truncate(0);
    this.#loaded = true;
  }

  /** Opens the file for writing, for the segment that is or becomes active. Indexes are not loaded. */
  async openForWriting(): Promise<void> {
    this.#file ??= await this.#disk.open(this.logPath, "write");
  }

  get isFull(): boolean {
    return this.#index.count >= INDEX_ENTRIES_MAX;
  }

  get hasReaders(): boolean {
    return this.#readers > 0;
  }

  /** Lets `work` read while the files are held open; loads a sealed segment first. */
  async withReader<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#readers += 1;
    try {
      await this.load();
      return await work();
    } finally {
      this.#readers -= 1;
      if (this.#readers === 0) this.#onNoReaders?.();
    }
  }

  // -- Appending --------------------------------------------------------------------------------------------------

  /** Takes note of a batch that was written at the end of the file: size, timestamps, index entries by Kafka's rule. */
  noteAppended(batch: RecordBatch, indexIntervalBytes: number): void {
    const position = this.sizeBytes;
    const lastOffset = batch.lastOffset;
    const maxTimestamp = batch.maxTimestamp;
    if (position === 0) this.firstTimestamp = maxTimestamp;
    if (maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp;
      this.maxTimestampOffset = lastOffset;
    }
    if (position - (this.#index.last()?.position ?? 0) > indexIntervalBytes) {
      this.#index.append(lastOffset, position);
      this.#timeIndex.maybeAppend(this.maxTimestamp, this.maxTimestampOffset);
    }
    this.sizeBytes = position + batch.sizeBytes;
    this.endOffset = batch.endOffset;
  }

  /** Appends what the index files lack. Caches: not synced, checked when they are loaded. */
  async storeIndexes(): Promise<void> {
    this.#storedIndexEntries = await this.#storeEntries(
      "index",
      this.#index,
      this.#storedIndexEntries,
      OFFSET_INDEX_ENTRY_BYTES,
    );
    this.#storedTimeEntries = await this.#storeEntries(
      "timeindex",
      this.#timeIndex,
      this.#storedTimeEntries,
      TIME_INDEX_ENTRY_BYTES,
    );
  }

  /** The last time entry, as Kafka writes it when a segment is sealed or closed, then both files. */
  async finishIndexes(): Promise<void> {
    this.#timeIndex.maybeAppend(this.maxTimestamp, this.maxTimestampOffset);
    await this.storeIndexes();
  }

  async #storeEntries(
    kind: "index" | "timeindex",
    index: OffsetIndex | TimeIndex,
    stored: number,
    entryBytes: number,
  ): Promise<number> {
    const count = index.count;
    // The files exist from the first batch on, also empty: Kafka's tools want the pair.
    if (count === stored && stored > 0) return stored;
    const file = await this.#disk.open(this.#path(kind), "write");
    try {
      await file.truncate(stored * entryBytes);
      if (count > stored) await file.writeAt(stored * entryBytes, [index.encode(stored)]);
    } finally {
      await file.close();
    }
    return count;
  }

  // -- Recovery ---------------------------------------------------------------------------------------------------

  /**
   * Loads the index files as far as they speak of bytes below `trustedBytes`, and says from which position the batches
   * must be walked to know the rest: the last indexed batch (whose base offset the index does not tell), or 0.
   */
  async beginReplay(fileBytes: number, trustedBytes: number): Promise<ReplayStart> {
    this.sizeBytes = fileBytes;
    this.endOffset = OFFSET_MAX;
    const { index, timeIndex } = await this.#readIndexFiles();
    if (index === null || timeIndex === null) return this.beginReplayWithoutIndexes();
    index.truncateFrom(trustedBytes);
    timeIndex.truncateFrom((index.last()?.lastOffset ?? -1) + 1);
    return this.#beginReplayWith(index, timeIndex);
  }

  /** As `beginReplay`, from position 0. */
  beginReplayWithoutIndexes(): ReplayStart {
    return this.#beginReplayWith(new OffsetIndex(this.baseOffset), new TimeIndex(this.baseOffset));
  }

  #beginReplayWith(index: OffsetIndex, timeIndex: TimeIndex): ReplayStart {
    this.#index = index;
    this.#timeIndex = timeIndex;
    this.#storedIndexEntries = index.count;
    this.#storedTimeEntries = timeIndex.count;
    this.#loaded = true;
    const time = timeIndex.last();
    this.maxTimestamp = time?.timestamp ?? -1;
    this.maxTimestampOffset = time?.lastOffset ?? -1;
    this.firstTimestamp = -1;
    const last = index.last();
    if (last === null) return { from: 0, offset: this.baseOffset, lastOffset: null };
    return { from: last.position, offset: null, lastOffset: last.lastOffset };
  }

  /** Replay found no good batch. */
  becomeEmpty(): void {
    this.sizeBytes = 0;
    this.endOffset = this.baseOffset;
  }

  /** A batch that replay found; the first may be one that the index names already. */
  noteReplayed(batch: RecordBatch, position: number, indexIntervalBytes: number): void {
    this.sizeBytes = position;
    this.noteAppended(batch, indexIntervalBytes);
    this.#verified.add(position, position + batch.sizeBytes);
  }

  /** The largest timestamp of the first batch, for `segment.ms`; read from the file when replay began behind it. */
  async loadFirstTimestamp(): Promise<void> {
    if (this.firstTimestamp >= 0 || this.sizeBytes === 0) return;
    const header = new Uint8Array(61);
    if (await this.file.readAt(0, header) < header.length) return;
    this.firstTimestamp = Number(new DataView(header.buffer).getBigInt64(35));
  }

  // -- Reading ----------------------------------------------------------------------------------------------------

  /** Opens a sealed segment's file and loads or rebuilds its indexes. */
  load(): Promise<void> {
    if (this.#loaded && this.#file !== null) return Promise.resolve();
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    try {
      this.#file ??= await this.#disk.open(this.logPath, "read");
      if (!this.#loaded) {
        const { index, timeIndex } = await this.#readIndexFiles();
        if (index !== null && timeIndex !== null && timeIndex.count > 0) {
          this.#index = index;
          this.#timeIndex = timeIndex;
          this.maxTimestamp = timeIndex.last()!.timestamp;
          this.maxTimestampOffset = timeIndex.last()!.lastOffset;
          this.#loaded = true;
        } else await this.rebuildIndexes();
      }
    } finally {
      this.#loading = null;
    }
  }

  /** Walks the whole file and writes both indexes anew: they were missing, or said what is not so. */
  async rebuildIndexes(indexIntervalBytes = INDEX_INTERVAL_BYTES_DEFAULT): Promise<void> {
    const rebuilt = new Segment(this.#disk, this.directory, this.baseOffset);
    const end = await scanSegment(
      this.file,
      { from: 0, to: this.sizeBytes, expectedOffset: null, epochMin: -1, contiguous: false },
      (batch, position) => {
        rebuilt.noteReplayed(batch, position, indexIntervalBytes);
        return null;
      },
    );
    if (end.fault !== null) throw corruption(this.logPath, end.position, end.fault);
    rebuilt.#timeIndex.maybeAppend(rebuilt.maxTimestamp, rebuilt.maxTimestampOffset);
    this.#index = rebuilt.#index;
    this.#timeIndex = rebuilt.#timeIndex;
    this.maxTimestamp = rebuilt.maxTimestamp;
    this.maxTimestampOffset = rebuilt.maxTimestampOffset;
    this.#verified.add(0, this.sizeBytes);
    this.#hints.clear();
    this.#loaded = true;
    await replaceFile(this.#disk, this.directory, segmentFileName(this.baseOffset, "index"), this.#index.encode());
    await replaceFile(this.#disk, this.directory, segmentFileName(this.baseOffset, "timeindex"), this.#timeIndex.encode());
    this.#storedIndexEntries = this.#index.count;
    this.#storedTimeEntries = this.#timeIndex.count;
  }

  /**
   * Whole batches from the first whose last offset is at or after `from`, below `upTo`, up to about `maxBytes`, within
   * this segment. Each is checked before it is returned, once per process and region.
   */
  async read(from: Offset, maxBytes: number, upTo: Offset): Promise<RecordBatch[]> {
    const found: RecordBatch[] = [];
    const sizeBytes = this.sizeBytes;
    const entry = this.#index.lookup(from);
    let position = this.#hints.get(from) ?? entry?.position ?? 0;
    let mustMatchIndex = position === entry?.position ? entry.lastOffset : null;
    // Behind an index entry come up to one interval's worth of batches that end before `from`.
    let readBytes = Math.min(maxBytes, LIMITS.fetchBytesMax) + 2 * INDEX_INTERVAL_BYTES_DEFAULT;
    let foundBytes = 0;
    while (position < sizeBytes) {
      const piece = new Uint8Array(Math.min(readBytes, sizeBytes - position));
      const count = await this.file.readAt(position, piece);
      let at = 0;
      while (at < count) {
        const batch = this.#batchAt(piece.subarray(0, count), at, position + at);
        if (batch === null) break;
        if (mustMatchIndex !== null) {
          if (batch.lastOffset !== mustMatchIndex) {
            await this.rebuildIndexes();
            return this.read(from, maxBytes, upTo);
          }
          mustMatchIndex = null;
        }
        if (batch.endOffset > upTo || (foundBytes > 0 && foundBytes + batch.sizeBytes > maxBytes)) {
          return this.#found(found, position + at);
        }
        at += batch.sizeBytes;
        if (batch.lastOffset < from) continue;
        found.push(batch);
        foundBytes += batch.sizeBytes;
      }
      if (found.length > 0) return this.#found(found, position + at);
      if (count < piece.length) throw corruption(this.logPath, position + count, "the file is shorter than it was");
      position += at;
      if (at === 0) readBytes = batchBytesAt(piece);
    }
    return found;
  }

  /** The first batch at or after `from` with a timestamp at or after `timestamp`, starting below `upTo`; null without one. */
  async batchForTimestamp(timestamp: TimestampMs, from: Offset, upTo: Offset): Promise<RecordBatch | null> {
    const before = this.#timeIndex.lookupBefore(timestamp);
    let next = Math.max(from, before === null ? this.baseOffset : before.lastOffset + 1);
    while (next < upTo && next < this.endOffset) {
      const batches = await this.read(next, LIMITS.segmentReadBytes, upTo);
      if (batches.length === 0) return null;
      for (const batch of batches) {
        if (batch.maxTimestamp >= timestamp) return batch;
        next = batch.endOffset;
      }
    }
    return null;
  }

  /** Position of the batch whose base offset is `boundary`; null when no batch starts there. */
  async positionOf(boundary: Offset): Promise<number | null> {
    if (boundary === this.endOffset) return this.sizeBytes;
    if (boundary === this.baseOffset) return 0;
    const position = this.#index.lookup(boundary - 1)?.position ?? 0;
    let found: number | null = null;
    await scanSegment(
      this.file,
      { from: position, to: this.sizeBytes, expectedOffset: null, epochMin: -1, contiguous: false },
      (batch, at) => {
        if (batch.baseOffset === boundary) found = at;
        return null;
      },
    );
    return found;
  }

  // -- Shrinking and closing ----------------------------------------------------------------------------------------

  /** Cuts the file and the indexes; `endOffset` is the offset at `position`. Not synced. */
  async truncateFrom(position: number, endOffset: Offset): Promise<void> {
    await this.file.truncate(position);
    this.#index.truncateFrom(position);
    this.#timeIndex.truncateFrom(endOffset);
    this.#storedIndexEntries = Math.min(this.#storedIndexEntries, this.#index.count);
    this.#storedTimeEntries = Math.min(this.#storedTimeEntries, this.#timeIndex.count);
    this.#verified.truncateFrom(position);
    this.#hints.clear();
    this.sizeBytes = position;
    this.endOffset = endOffset;
    await this.#recomputeMaxTimestamp();
    await this.storeIndexes();
  }

  async #recomputeMaxTimestamp(): Promise<void> {
    const time = this.#timeIndex.last();
    this.maxTimestamp = time?.timestamp ?? -1;
    this.maxTimestampOffset = time?.lastOffset ?? -1;
    if (this.sizeBytes === 0) this.firstTimestamp = -1;
    await scanSegment(
      this.file,
      {
        from: this.#index.last()?.position ?? 0,
        to: this.sizeBytes,
        expectedOffset: null,
        epochMin: -1,
        contiguous: false,
      },
      (batch) => {
        if (batch.maxTimestamp > this.maxTimestamp) {
          this.maxTimestamp = batch.maxTimestamp;
          this.maxTimestampOffset = batch.lastOffset;
        }
        return null;
      },
    );
  }

  /** Closes the file and forgets the indexes; a later read loads them again. */
  async unload(): Promise<void> {
    await this.closeFile();
    this.#loaded = false;
    this.#index = new OffsetIndex(this.baseOffset);
    this.#timeIndex = new TimeIndex(this.baseOffset);
    this.#hints.clear();
  }

  async closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file !== null) await file.close();
  }

  /**
   * Closes and removes all three files when the last reader has left; the caller has taken the segment from its list.
   * The log goes last: indexes without a log are swept at the next start.
   */
  async remove(): Promise<void> {
    if (this.#readers > 0) await new Promise<void>((resolve) => this.#onNoReaders = resolve);
    await this.closeFile();
    for (const kind of ["timeindex", "index", "log"] as const) {
      if (await this.#disk.status(this.#path(kind)) !== null) await this.#disk.remove(this.#path(kind));
    }
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** The batch at `at`, checked; null when the piece ends inside it. Damage is a `storage_error`. */
  #batchAt(piece: Uint8Array, at: number, position: number): RecordBatch | null {
    const verifyCrc = !this.#verified.covers(position, position + 1);
    const batch = parseRecordBatch(piece, at, { verifyCrc, batchBytesMax: LIMITS.batchBytesMax });
    if (isBatchFault(batch)) {
      if (batch.fault === "short" && position - at + piece.length < this.sizeBytes) return null;
      throw corruption(this.logPath, position, batch.detail);
    }
    if (batch.baseOffset < this.baseOffset || batch.endOffset > this.endOffset) {
      throw corruption(this.logPath, position, `offset ${batch.baseOffset} in a segment of ${this.baseOffset}–${this.endOffset}`);
    }
    if (verifyCrc) this.#verified.add(position, position + batch.sizeBytes);
    return batch;
  }

  /** What a read returns, noting where the next one in sequence starts. */
  #found(batches: RecordBatch[], endPosition: number): RecordBatch[] {
    const last = batches.at(-1);
    if (last !== undefined) this.#addHint(last.endOffset, endPosition);
    return batches;
  }

  #addHint(offset: Offset, position: number): void {
    this.#hints.delete(offset);
    this.#hints.set(offset, position);
    if (this.#hints.size > READ_HINTS_MAX) {
      for (const oldest of this.#hints.keys()) {
        this.#hints.delete(oldest);
        break;
      }
    }
  }

  async #readIndexFiles(): Promise<{ index: OffsetIndex | null; timeIndex: TimeIndex | null }> {
    const indexBytes = await readSmallFile(this.#disk, this.#path("index"), INDEX_BYTES_MAX);
    const timeBytes = await readSmallFile(this.#disk, this.#path("timeindex"), INDEX_BYTES_MAX);
    return {
      index: indexBytes === null ? null : OffsetIndex.decode(this.baseOffset, indexBytes, this.sizeBytes),
      timeIndex: timeBytes === null ? null : TimeIndex.decode(this.baseOffset, timeBytes, this.endOffset),
    };
  }

  #path(kind: "log" | "index" | "timeindex"): string {
    return `${this.directory}/${segmentFileName(this.baseOffset, kind)}`;
  }
}

/** Size of the batch at the start of a piece that is too small for it. */
function batchBytesAt(piece: Uint8Array): number {
  if (piece.length < BATCH_LENGTH_END) throw new SentinelError("storage_error", "A piece of a segment holds no batch header");
  return new DataView(piece.buffer).getInt32(8) + BATCH_LENGTH_END;
}
