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
}

/**
 * Walks the batches of a segment from one position to another, checking what the checksum covers and what it does not:
 * offsets follow each other, epochs do not go back (a stale or misdirected sector passes the checksum). Stops at the
 * first batch that is wrong, or that `onBatch` finds a fault with. Reads piece by piece; holds one piece or one batch.
 */
export async function scanSegment(
  file: DiskFile,
  options: ScanOptions,
  onBatch: (batch: RecordBatch, position: number) => string | null,
): Promise<ScanEnd> {
  let position = options.from;
  let expectedOffset = options.expectedOffset;
  let epochMin = options.epochMin;
  const pieceBytesDefault = options.pieceBytes ?? LIMITS.segmentReadBytes;
  let pieceBytes = pieceBytesDefault;
  const end = (fault: string | null): ScanEnd => ({ position, nextOffset: expectedOffset ?? 0, fault });
  while (position < options.to) {
    const piece = new Uint8Array(Math.min(pieceBytes, options.to - position));
    const count = await file.readAt(position, piece);
    const isLast = position + count >= options.to || count < piece.length;
    let at = 0;
    while (at < count) {
      const batch = parseRecordBatch(piece.subarray(0, count), at, {
        verifyCrc: true,
        batchBytesMax: LIMITS.batchBytesMax,
      });
      if (isBatchFault(batch)) {
        if (batch.fault === "short" && !isLast) break;
        return end(batch.detail);
      }
      const offset = batch.baseOffset;
      if (expectedOffset !== null && (options.contiguous ? offset !== expectedOffset : offset < expectedOffset)) {
        return end(`offset ${offset} where ${expectedOffset} is due`);
      }
      if (batch.leaderEpoch < epochMin) return end(`epoch ${batch.leaderEpoch} after ${epochMin}`);
      const fault = onBatch(batch, position);
      if (fault !== null) return end(fault);
      epochMin = batch.leaderEpoch;
      expectedOffset = batch.endOffset;
      position += batch.sizeBytes;
      at += batch.sizeBytes;
    }
    if (count === 0) return end("the file ends here");
    pieceBytes = at === 0 ? batchBytesAt(piece) : pieceBytesDefault;
  }
  return end(null);
}

/** Size of a batch that did not fit into a piece; its header did, and its length was checked against the limit. */
function batchBytesAt(piece: Uint8Array): number {
  return new DataView(piece.buffer).getInt32(8) + BATCH_LENGTH_END;
}
