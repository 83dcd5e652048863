import type { Epoch, Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { DiskFile } from "../../platform/disk.ts";
import { BATCH_LENGTH_END, isBatchFault, parseRecordBatch } from "../../records/record_batch.ts";
import type { RecordBatch } from "../../records/record_batch.ts";

/** Where a scan stopped, and why if that was before `to`. */
export interface ScanEnd {
  /** Byte after the last good batch. */
  readonly position: number;
  /** The offset that the next batch must have. */
  readonly nextOffset: Offset;
  readonly fault: string | null;
}

export interface ScanOptions {
  readonly from: number;
  readonly to: number;
  /** The first batch's base offset; null: taken as it is. */
  readonly expectedOffset: Offset | null;
  /** Epochs never go back: the scan stops at a batch with a smaller one. */
  readonly epochMin: Epoch;
  /** False where compaction may have left gaps. */
  readonly contiguous: boolean;
  /** Bytes of one read. Default `segmentReadBytes`. */
  readonly pieceBytes?: number;
  /**
   * Whether each piece is read over the one before: then batches are good only until the next piece is asked for. A new
   * buffer for each piece costs the page faults of its memory, which take longer than its checksum. Default false.
   */
  readonly overwrites?: boolean;
}

/** Where a piece's batch starts in the file. */
export interface PlacedBatch {
  readonly batch: RecordBatch;
  readonly position: number;
}

/**
 * Walks the batches of a segment from one position to another, checking what the checksum covers and what it does not:
 * offsets follow each other, epochs do not go back (a stale or misdirected sector passes the checksum). Reads piece by
 * piece; holds one piece or one batch.
 */
export class SegmentScanner {
  readonly #file: Pick<DiskFile, "readAt">;
  readonly #options: ScanOptions;
  readonly #pieceBytesDefault: number;
  #pieceBytes: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #position: number;
  #expectedOffset: Offset | null;
  #epochMin: Epoch;
  #fault: string | null = null;

  constructor(file: Pick<DiskFile, "readAt">, options: ScanOptions) {
    this.#file = file;
    this.#options = options;
    this.#pieceBytesDefault = options.pieceBytes ?? LIMITS.segmentReadBytes;
    this.#pieceBytes = this.#pieceBytesDefault;
    this.#position = options.from;
    this.#expectedOffset = options.expectedOffset;
    this.#epochMin = options.epochMin;
  }

  /** Behind the last batch that `next` gave, and what is wrong there. */
  get end(): ScanEnd {
    return { position: this.#position, nextOffset: this.#expectedOffset ?? 0, fault: this.#fault };
  }

  /** The next batches; null at the end or where something is wrong. Some may be given before a fault is told. */
  async next(): Promise<readonly PlacedBatch[] | null> {
    while (this.#fault === null && this.#position < this.#options.to) {
      const piece = this.#makePiece(Math.min(this.#pieceBytes, this.#options.to - this.#position));
      const count = await this.#file.readAt(this.#position, piece);
      const found = this.#parse(piece, count);
      if (found.length > 0) return found;
    }
    return null;
  }

  #makePiece(bytes: number): Uint8Array {
    if (this.#options.overwrites !== true || bytes > this.#buffer.length) this.#buffer = new Uint8Array(bytes);
    return this.#buffer.subarray(0, bytes);
  }

  #parse(piece: Uint8Array, count: number): PlacedBatch[] {
    const found: PlacedBatch[] = [];
    const filled = piece.subarray(0, count);
    const isLast = this.#position + count >= this.#options.to || count < piece.length;
    let at = 0;
    while (at < count && this.#fault === null) {
      const batch = parseRecordBatch(filled, at, {
        verifyCrc: true,
        batchBytesMax: LIMITS.batchBytesMax,
      });
      if (isBatchFault(batch)) {
        if (batch.fault === "short" && !isLast) break;
        this.#fault = batch.detail;
        break;
      }
      this.#fault = this.#faultOf(batch);
      if (this.#fault !== null) break;
      found.push({ batch, position: this.#position });
      this.#epochMin = batch.leaderEpoch;
      this.#expectedOffset = batch.endOffset;
      this.#position += batch.sizeBytes;
      at += batch.sizeBytes;
    }
    if (count === 0) this.#fault ??= "the file ends here";
    this.#pieceBytes = at === 0 && count >= BATCH_LENGTH_END ? batchBytesAt(piece) : this.#pieceBytesDefault;
    return found;
  }

  #faultOf(batch: RecordBatch): string | null {
    const offset = batch.baseOffset;
    const expected = this.#expectedOffset;
    if (expected !== null && (this.#options.contiguous ? offset !== expected : offset < expected)) {
      return `offset ${offset} where ${expected} is due`;
    }
    return batch.leaderEpoch < this.#epochMin ? `epoch ${batch.leaderEpoch} after ${this.#epochMin}` : null;
  }
}

/**
 * Walks batches as `SegmentScanner` does. Stops at the first one that is wrong, or that `onBatch` finds a fault with. A
 * batch is good only until its `onBatch` returns: the next piece is read over it.
 */
export async function scanSegment(
  file: DiskFile,
  options: ScanOptions,
  onBatch: (batch: RecordBatch, position: number) => string | null,
): Promise<ScanEnd> {
  const scanner = new SegmentScanner(file, { ...options, overwrites: true });
  let nextOffset = options.expectedOffset ?? 0;
  for (let piece = await scanner.next(); piece !== null; piece = await scanner.next()) {
    for (const { batch, position } of piece) {
      const fault = onBatch(batch, position);
      if (fault !== null) return { position, nextOffset, fault };
      nextOffset = batch.endOffset;
    }
  }
  return scanner.end;
}

/** Size of a batch that did not fit into a piece; its header did, and its length was checked against the limit. */
function batchBytesAt(piece: Uint8Array): number {
  return new DataView(piece.buffer).getInt32(8) + BATCH_LENGTH_END;
}
