/**
 * Walks a sealed segment's batches, and holds its indexes against them. Nothing is taken for good that was checked before.
 * Behind damage it goes on at the next batch that the index names: one bad sector must not hide the next.
 */
import type { Epoch, Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { DiskFile } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { CleanedSummary } from "./cleaner_checkpoint.ts";
import type { CleanedSegment } from "./cleaner_checkpoint.ts";
import type { OffsetIndex } from "./offset_index.ts";
import { SegmentScanner } from "./scan_segment.ts";
import type { TimeIndex } from "./time_index.ts";

/** What a sealed segment must be. */
export interface SealedSegment {
  readonly baseOffset: Offset;
  readonly endOffset: Offset;
  readonly sizeBytes: number;
  readonly cleaned: CleanedSegment | null;
  /** The epoch that a batch must have; null: nobody knows any more. */
  readonly epochOf: (batch: RecordBatch) => Epoch | null;
}

/** Its indexes as they lie on the disk; null: missing, or none that could be true. */
export interface StoredIndexes {
  readonly offsets: OffsetIndex | null;
  readonly times: TimeIndex | null;
}

interface Fault {
  readonly position: number;
  readonly detail: string;
}

export interface ScrubbedSegment {
  /** In the `.log`, ascending. */
  readonly faults: readonly Fault[];
  /** Entries that say what is not so; null: none. */
  readonly offsetFault: string | null;
  readonly timeFault: string | null;
}

/** `fileBytes`: how long the file is. */
export async function scrubSegment(
  file: Pick<DiskFile, "readAt">,
  fileBytes: number,
  segment: SealedSegment,
  indexes: StoredIndexes,
): Promise<ScrubbedSegment> {
  return await new SegmentScrub(file, segment, indexes).run(fileBytes);
}

class SegmentScrub {
  readonly #file: Pick<DiskFile, "readAt">;
  readonly #segment: SealedSegment;
  readonly #indexes: StoredIndexes;
  readonly #summary = new CleanedSummary();
  readonly #faults: Fault[] = [];
  /** The first entries that no batch before has answered. */
  #offsetEntry = 0;
  #timeEntry = 0;
  #offsetFault: string | null = null;
  #timeFault: string | null = null;

  constructor(file: Pick<DiskFile, "readAt">, segment: SealedSegment, indexes: StoredIndexes) {
    this.#file = file;
    this.#segment = segment;
    this.#indexes = indexes;
  }

  async run(fileBytes: number): Promise<ScrubbedSegment> {
    const { baseOffset, cleaned, sizeBytes } = this.#segment;
    let from: { readonly position: number; readonly lastOffset: Offset | null } | null = {
      position: 0,
      lastOffset: null,
    };
    // Where the file ends too early nothing behind its end is told beside that.
    while (from !== null && from.position < sizeBytes && (from.position === 0 || from.position < fileBytes)) {
      const fault: Fault | null = await this.#walk(
        from.position,
        from.position === 0 ? baseOffset : null,
        from.lastOffset,
      );
      if (fault === null) break;
      this.#faults.push(fault);
      from = this.#faults.length < LIMITS.scrubFaultsOfFileMax ? this.#placeBehind(fault.position) : null;
    }
    if (this.#faults.length > 0) return this.#found;
    if (cleaned !== null && !this.#summary.isOf(cleaned)) {
      this.#faults.push({ position: 0, detail: "its batches are not those that the cleaner wrote" });
    }
    const { offsets } = this.#indexes;
    if (offsets !== null && this.#offsetEntry < offsets.count) {
      this.#offsetFault ??= `the entry ${offsets.last()!.lastOffset} lies behind the last batch`;
    }
    return this.#found;
  }

  get #found(): ScrubbedSegment {
    return { faults: this.#faults, offsetFault: this.#offsetFault, timeFault: this.#timeFault };
  }

  /** Up to the end, or to what is wrong. */
  async #walk(from: number, expectedOffset: Offset | null, lastOffset: Offset | null): Promise<Fault | null> {
    const { sizeBytes, endOffset, cleaned } = this.#segment;
    const scanner = new SegmentScanner(this.#file, {
      from,
      to: sizeBytes,
      expectedOffset,
      epochMin: -1,
      contiguous: cleaned === null,
      pieceBytes: LIMITS.scrubSliceBytes,
      overwrites: true,
    });
    for (let piece = await scanner.next(); piece !== null; piece = await scanner.next()) {
      for (const { batch, position } of piece) {
        if (position === from && lastOffset !== null && batch.lastOffset !== lastOffset) {
          return { position, detail: `a batch that ends at ${batch.lastOffset} where the index names ${lastOffset}` };
        }
        const detail = this.#visit(batch, position);
        if (detail !== null) return { position, detail };
      }
    }
    const { position, nextOffset, fault } = scanner.end;
    if (fault !== null) return { position, detail: fault };
    if (nextOffset === endOffset) return null;
    return { position, detail: `it ends at offset ${nextOffset} and the next segment begins at ${endOffset}` };
  }

  #visit(batch: RecordBatch, position: number): string | null {
    const { baseOffset, endOffset, epochOf } = this.#segment;
    if (batch.baseOffset < baseOffset || batch.endOffset > endOffset) {
      return `offset ${batch.baseOffset} in a segment of ${baseOffset}–${endOffset}`;
    }
    const epoch = epochOf(batch);
    if (epoch !== null && epoch !== batch.leaderEpoch) {
      return `epoch ${batch.leaderEpoch} where the checkpoint says ${epoch}`;
    }
    this.#summary.add(batch);
    this.#checkOffsets(batch, position);
    this.#checkTimes(batch);
    return null;
  }

  #checkOffsets({ lastOffset }: RecordBatch, position: number): void {
    const { offsets } = this.#indexes;
    if (offsets === null || this.#offsetFault !== null) return;
    while (this.#offsetEntry < offsets.count) {
      const entry = offsets.at(this.#offsetEntry);
      if (entry.position > position) return;
      this.#offsetEntry += 1;
      // What lies inside of damage nobody can answer.
      const isAnswered = entry.position === position && entry.lastOffset === lastOffset;
      if (isAnswered || this.#faults.length > 0) continue;
      this.#offsetFault = `the entry ${entry.lastOffset}@${entry.position} names no batch`;
      return;
    }
  }

  #checkTimes({ lastOffset, maxTimestamp }: RecordBatch): void {
    const { times } = this.#indexes;
    if (times === null || this.#timeFault !== null) return;
    while (this.#timeEntry < times.count) {
      const entry = times.at(this.#timeEntry);
      if (entry.lastOffset > lastOffset) return;
      this.#timeEntry += 1;
      const isAnswered = entry.lastOffset === lastOffset && entry.timestamp === maxTimestamp;
      if (isAnswered || this.#faults.length > 0) continue;
      this.#timeFault = `the entry ${entry.timestamp}@${entry.lastOffset} names no batch`;
      return;
    }
  }

  /** The next batch that the index names, behind damage. */
  #placeBehind(position: number): { readonly position: number; readonly lastOffset: Offset } | null {
    const { offsets } = this.#indexes;
    if (offsets === null || this.#offsetFault !== null) return null;
    for (let entry = this.#offsetEntry; entry < offsets.count; entry++) {
      const place = offsets.at(entry);
      if (place.position > position) return place;
    }
    return null;
  }
}
