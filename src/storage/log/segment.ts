/**
 * One segment of a log: its `.log` file and the two indexes over it (facts Y9, Y10). Only the active segment is
 * appended to; a sealed one never changes, and its files are opened when somebody reads it.
 */
import { OFFSET_MAX } from "../../base/ids.ts";
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { assert } from "../../base/assert.ts";
import { PlatformError } from "../../base/errors.ts";
import type { Disk, DiskFile } from "../../platform/disk.ts";
import { BATCH_HEADER_BYTES } from "../../records/record_batch.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { checkCleaned } from "./check_segment.ts";
import type { CleanedSegment } from "./cleaner_checkpoint.ts";
import { corruption } from "./corruption.ts";
import { scanSegment } from "./scan_segment.ts";
import { segmentFileName } from "./segment_file_name.ts";
import { SegmentIndexes } from "./segment_indexes.ts";
import { SegmentReader } from "./segment_reader.ts";

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
  readonly indexes: SegmentIndexes;
  readonly reader: SegmentReader;
  /** Bytes of whole batches in the file. */
  sizeBytes = 0;
  /** Offset after the last batch in the file. */
  endOffset: Offset;
  /** Largest timestamp so far and the last offset of the batch that carried it; −1 without records. */
  maxTimestamp: TimestampMs = -1;
  maxTimestampOffset: Offset = -1;
  /** Largest timestamp of the first batch: what `segment.ms` counts from. −1 without records. */
  firstTimestamp: TimestampMs = -1;
  /** Set when compaction has written it: what it must be then, gaps and all. */
  cleaned: CleanedSegment | null = null;
  /** Another segment has taken its place: what is read of it from now on means nothing. */
  isRetired = false;

  readonly #disk: Disk;
  #file: DiskFile | null = null;
  #isWritable = false;
  /** Whether the indexes in memory are complete; a sealed segment's are loaded when needed. */
  #loaded = false;
  #loading: Promise<void> | null = null;
  /** A cleaned segment is checked as a whole before it is first read: nothing else tells its gaps from damage. */
  #isCleanedChecked = false;
  /** Readers that are inside: the files stay open while there are any. */
  #readers = 0;
  #onNoReaders: (() => void)[] = [];

  constructor(disk: Disk, directory: string, baseOffset: Offset, endOffset: Offset = baseOffset) {
    this.#disk = disk;
    this.directory = directory;
    this.baseOffset = baseOffset;
    this.endOffset = endOffset;
    this.indexes = new SegmentIndexes(disk, directory, baseOffset);
    this.reader = new SegmentReader(this);
  }

  get logPath(): string {
    return `${this.directory}/${segmentFileName(this.baseOffset, "log")}`;
  }

  /** The `.log` file; only the log that owns the segment writes to it. */
  get file(): DiskFile {
    assert(this.#file !== null, () => `segment ${this.logPath} is not open`);
    return this.#file;
  }

  get hasReaders(): boolean {
    return this.#readers > 0;
  }

  /** Makes the file of a new, empty segment. Durable after the directory is synced. What an earlier try left is emptied. */
  async create(): Promise<void> {
    await this.openForWriting();
    await this.file.truncate(0);
    this.#loaded = true;
  }

  /** Opens the file for writing, for the segment that is or becomes active. Indexes are not loaded. */
  async openForWriting(): Promise<void> {
    if (this.#file !== null && this.#isWritable) return;
    const opened = await this.#disk.open(this.logPath, "write");
    const previous = this.#file;
    this.#file = opened;
    this.#isWritable = true;
    if (previous === null) return;
    // Those who are inside may still use the descriptor that they began with.
    if (this.#readers === 0) await previous.close();
    else this.#onNoReaders.push(() => void previous.close().catch(ignore));
  }

  /** Lets `work` read while the files are held open; loads a sealed segment first. */
  async withReader<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#readers += 1;
    try {
      await this.#load();
      return await work();
    } finally {
      this.#readers -= 1;
      if (this.#readers === 0) { for (const noReaders of this.#onNoReaders.splice(0)) noReaders(); }
    }
  }

  // -- Appending --------------------------------------------------------------------------------------------------

  /** Takes note of a batch that was written at the end of the file: size, timestamps, index entries. */
  noteAppended(batch: RecordBatch, indexIntervalBytes: number): void {
    const position = this.sizeBytes;
    const { lastOffset, maxTimestamp } = batch;
    if (position === 0) this.firstTimestamp = maxTimestamp;
    // A batch that compaction has emptied keeps its time for its producer's sake; no record has it.
    if (maxTimestamp > this.maxTimestamp && batch.recordCount > 0) {
      this.maxTimestamp = maxTimestamp;
      this.maxTimestampOffset = lastOffset;
    }
    this.indexes.note({ lastOffset, position }, indexIntervalBytes, this.#largest);
    this.sizeBytes = position + batch.sizeBytes;
    this.endOffset = batch.endOffset;
  }

  /** The last time entry, then both index files, synced: nobody looks behind them again. */
  async finishIndexes(): Promise<void> {
    this.indexes.noteEnd(this.#largest);
    await this.indexes.store({ durable: true });
  }

  // -- Recovery ---------------------------------------------------------------------------------------------------

  /**
   * Loads the index files as far as they speak of bytes below `trustedBytes`, and says from which position the batches
   * must be walked to know the rest: the last indexed batch (whose base offset the index does not tell), or 0.
   */
  async beginReplay(fileBytes: number, trustedBytes: number): Promise<ReplayStart> {
    this.sizeBytes = fileBytes;
    this.endOffset = OFFSET_MAX;
    if (!(await this.indexes.load(fileBytes, OFFSET_MAX))) return this.beginReplayWithoutIndexes();
    const { offsets } = this.indexes;
    // As it is in the file, too: an entry that rot has moved behind the end would go without a word, and with it the
    // segment's newest time.
    if (!(await this.#isLastTimeTrue())) return this.beginReplayWithoutIndexes();
    offsets.truncateFrom(trustedBytes);
    this.indexes.truncateFrom(trustedBytes, (offsets.last()?.lastOffset ?? -1) + 1);
    this.#loaded = true;
    if (!(await this.#isLastTimeTrue())) return this.beginReplayWithoutIndexes();
    return this.#replayStart();
  }

  async #isLastTimeTrue(): Promise<boolean> {
    const time = this.indexes.times.last();
    return time === null || await this.reader.isBatch(time.lastOffset, time.timestamp);
  }

  /** As `beginReplay`, from position 0. */
  beginReplayWithoutIndexes(): ReplayStart {
    this.indexes.clear();
    this.#loaded = true;
    return this.#replayStart();
  }

  #replayStart(): ReplayStart {
    this.#takeLargest();
    this.firstTimestamp = -1;
    const last = this.indexes.offsets.last();
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
    this.reader.noteVerified(position, position + batch.sizeBytes);
  }

  /** The largest timestamp of the first batch, for `segment.ms`; read from the file when replay began behind it. */
  async loadFirstTimestamp(): Promise<void> {
    if (this.firstTimestamp >= 0 || this.sizeBytes === 0) return;
    const header = new Uint8Array(BATCH_HEADER_BYTES);
    if (await this.file.readAt(0, header) < header.length) return;
    this.firstTimestamp = Number(new DataView(header.buffer).getBigInt64(35));
  }

  // -- Reading ----------------------------------------------------------------------------------------------------

  async openForReading(): Promise<void> {
    if (this.#file !== null) return;
    const opened = await this.#disk.open(this.logPath, "read");
    if (this.#file === null) {
      this.#file = opened;
      this.#isWritable = false;
    } else await opened.close();
  }

  /** Takes a file that is open already and whose batches were all noted: its name is about to become this segment's. */
  adoptCleaned(file: DiskFile, cleaned: CleanedSegment): void {
    assert(this.#file === null && this.sizeBytes === cleaned.sizeBytes, "A cleaned segment is adopted once and whole");
    this.#file = file;
    this.#loaded = true;
    this.cleaned = cleaned;
  }

  /** Nothing from `position` on passes for checked any more: who reads there checks it again, and hears of the damage. */
  distrustFrom(position: number): void {
    this.reader.truncateFrom(position);
    if (this.cleaned === null) return;
    this.#isCleanedChecked = false;
    this.#loaded = false;
  }

  /** Another segment stands in its place. Resolves when the last reader has left and the file is closed. */
  async retire(): Promise<void> {
    this.isRetired = true;
    await this.closeAfterReaders();
  }

  /** Opens a sealed segment's file and loads or rebuilds its indexes. */
  #load(): Promise<void> {
    if (this.#loaded && this.#file !== null) return Promise.resolve();
    this.#loading ??= this.#openAndLoad();
    return this.#loading;
  }

  async #openAndLoad(): Promise<void> {
    try {
      await this.openForReading();
      if (this.cleaned !== null && !this.#isCleanedChecked) {
        await checkCleaned(this);
        this.#isCleanedChecked = true;
      }
      if (!this.#loaded && !(await this.#loadIndexes())) await this.rebuildIndexes();
      this.#loaded = true;
    } catch (thrown) {
      await this.closeFile();
      throw thrown;
    } finally {
      this.#loading = null;
    }
  }

  /** False when the files do not fit the log: retention and searches by time go by the last time entry, so it is looked up. */
  async #loadIndexes(): Promise<boolean> {
    if (!(await this.indexes.load(this.sizeBytes, this.endOffset))) return false;
    const time = this.indexes.times.last();
    if (time === null || !(await this.reader.isBatch(time.lastOffset, time.timestamp))) return false;
    if (await this.#isNewerBehindIndex(time.timestamp)) return false;
    this.#takeLargest();
    return true;
  }

  /** Whether a batch behind the last index entry has a larger timestamp: the time index has lost its end. */
  async #isNewerBehindIndex(timestamp: TimestampMs): Promise<boolean> {
    const from = this.indexes.offsets.last()?.position ?? 0;
    const options = { from, to: this.sizeBytes, expectedOffset: null, epochMin: -1, contiguous: false };
    const end = await scanSegment(
      this.file,
      options,
      (batch) => batch.maxTimestamp > timestamp && batch.recordCount > 0 ? "newer" : null,
    );
    return end.fault !== null;
  }

  /** Walks the whole file and writes both indexes anew: they were missing, or said what is not so. */
  async rebuildIndexes(indexIntervalBytes = INDEX_INTERVAL_BYTES_DEFAULT): Promise<void> {
    const rebuilt = new Segment(this.#disk, this.directory, this.baseOffset);
    do {
      // The active segment may grow meanwhile: what is adopted must reach its end.
      const end = await scanSegment(
        this.file,
        { from: rebuilt.sizeBytes, to: this.sizeBytes, expectedOffset: null, epochMin: -1, contiguous: false },
        (batch, position) => {
          rebuilt.noteReplayed(batch, position, indexIntervalBytes);
          return null;
        },
      );
      if (end.fault !== null) throw corruption(this.logPath, end.position, end.fault);
    } while (rebuilt.sizeBytes < this.sizeBytes);
    this.indexes.adopt(rebuilt.indexes);
    this.maxTimestamp = rebuilt.maxTimestamp;
    this.maxTimestampOffset = rebuilt.maxTimestampOffset;
    this.reader.noteVerified(0, this.sizeBytes);
    this.reader.forgetHints();
    this.#loaded = true;
    try {
      await this.finishIndexes();
    } catch (thrown) {
      // The reader has what it needs in memory; a disk that takes no file is told by the writes that matter.
      if (!(thrown instanceof PlatformError)) throw thrown;
    }
  }

  // -- Shrinking and closing ----------------------------------------------------------------------------------------

  /** Cuts the file and the indexes; `endOffset` is the offset at `position`. The file is not synced. */
  async truncateFrom(position: number, endOffset: Offset): Promise<void> {
    await this.file.truncate(position);
    this.indexes.truncateFrom(position, endOffset);
    this.reader.truncateFrom(position);
    this.sizeBytes = position;
    this.endOffset = endOffset;
    this.#takeLargest();
    if (position === 0) this.firstTimestamp = -1;
    // A sealed segment that becomes the active one again must roll in time.
    else await this.loadFirstTimestamp();
    const from = this.indexes.offsets.last()?.position ?? 0;
    await scanSegment(
      this.file,
      { from, to: position, expectedOffset: null, epochMin: -1, contiguous: false },
      (batch) => {
        if (batch.maxTimestamp > this.maxTimestamp && batch.recordCount > 0) {
          this.maxTimestamp = batch.maxTimestamp;
          this.maxTimestampOffset = batch.lastOffset;
        }
        return null;
      },
    );
    await this.indexes.store({ durable: false });
  }

  get #largest(): { readonly timestamp: TimestampMs; readonly lastOffset: Offset } {
    return { timestamp: this.maxTimestamp, lastOffset: this.maxTimestampOffset };
  }

  /** The largest timestamp that the time index knows of. */
  #takeLargest(): void {
    const time = this.indexes.times.last();
    this.maxTimestamp = time?.timestamp ?? -1;
    this.maxTimestampOffset = time?.lastOffset ?? -1;
  }

  /** Closes the file and forgets the indexes; a later read loads them again. */
  async unload(): Promise<void> {
    // Forgotten before the first wait: a reader that comes meanwhile must load, not find half of it.
    this.#loaded = false;
    this.indexes.clear();
    this.reader.forgetHints();
    await this.closeFile();
  }

  async closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file !== null) await file.close();
  }

  /** Closes the file once the last reader has left. */
  async closeAfterReaders(): Promise<void> {
    if (this.#readers > 0) await new Promise<void>((resolve) => this.#onNoReaders.push(resolve));
    await this.closeFile();
  }

  /**
   * Closes and removes all three files when the last reader has left; the caller has taken the segment from its list.
   * The log goes last: indexes without a log are swept at the next start.
   */
  async remove(): Promise<void> {
    await this.closeAfterReaders();
    for (const path of [this.indexes.path("timeindex"), this.indexes.path("index"), this.logPath]) {
      if (await this.#disk.status(path) !== null) await this.#disk.remove(path);
    }
  }
}

function ignore(): void {}
