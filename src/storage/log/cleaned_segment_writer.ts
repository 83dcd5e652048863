import { assert } from "../../base/assert.ts";
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { DiskFile } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { CleanedSummary } from "./cleaner_checkpoint.ts";
import type { CleanedSegment } from "./cleaner_checkpoint.ts";
import { corruption } from "./corruption.ts";
import type { LogState } from "./log_state.ts";
import { Segment } from "./segment.ts";
import { cleanedFileName } from "./segment_file_name.ts";

/** Writes the segment that takes the place of a group, under a name that the next start removes. */
export class CleanedSegmentWriter {
  readonly segment: Segment;
  readonly path: string;
  readonly #state: LogState;
  readonly #endOffset: Offset;
  readonly #summary = new CleanedSummary();
  #file: DiskFile | null = null;
  #slices: Uint8Array[] = [];
  #sliceBytes = 0;
  #writtenBytes = 0;

  constructor(state: LogState, baseOffset: Offset, endOffset: Offset) {
    this.#state = state;
    this.#endOffset = endOffset;
    this.segment = new Segment(state.disk, state.directory, baseOffset);
    this.path = `${state.directory}/${cleanedFileName(baseOffset, "cleaned")}`;
  }

  get sizeBytes(): number {
    return this.#summary.sizeBytes;
  }

  async open(): Promise<void> {
    this.#file = await this.#state.disk.open(this.path, "write");
    // What a pass that was stopped has left under this name.
    await this.#file.truncate(0);
  }

  async append(batch: RecordBatch): Promise<void> {
    if (this.sizeBytes + batch.sizeBytes > LIMITS.segmentBytesMax) {
      throw corruption(this.path, this.sizeBytes, "compressed anew, the batches no longer fit into one segment");
    }
    this.#summary.add(batch);
    this.segment.noteAppended(batch, this.#state.settings.indexIntervalBytes);
    this.#slices.push(batch.bytes);
    this.#sliceBytes += batch.sizeBytes;
    if (this.#sliceBytes >= LIMITS.segmentReadBytes) await this.#write();
  }

  /** Everything is on the disk; the segment can be read, under its old name, from now on. */
  async finish(): Promise<void> {
    await this.#write();
    await this.#file!.sync();
    await this.#closeFile();
    const { endOffset, batches, checksum, sizeBytes } = this.#summary;
    assert(endOffset === this.#endOffset, () => `a cleaned segment ends at ${endOffset}, not at ${this.#endOffset}`);
    const reader = await this.#state.disk.open(this.path, "read");
    const cleaned: CleanedSegment = { baseOffset: this.segment.baseOffset, endOffset, sizeBytes, batches, checksum };
    this.segment.adoptCleaned(reader, cleaned);
  }

  /** Leaves nothing behind, as far as the disk lets it; the next start removes the rest. */
  async discard(): Promise<void> {
    await this.#closeFile();
    await this.segment.closeFile();
    await this.#state.disk.remove(this.path);
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #write(): Promise<void> {
    if (this.#slices.length === 0) return;
    await this.#file!.writeAt(this.#writtenBytes, this.#slices);
    this.#writtenBytes += this.#sliceBytes;
    this.#slices = [];
    this.#sliceBytes = 0;
  }
}
