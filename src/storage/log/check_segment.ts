/** What can be known of a sealed segment without its readers: that it ends where it must, and that its gaps are compaction's. */
import { LIMITS } from "../../base/limits.ts";
import type { Disk } from "../../platform/disk.ts";
import { CleanedSummary } from "./cleaner_checkpoint.ts";
import type { CleanedSegment } from "./cleaner_checkpoint.ts";
import { corruption } from "./corruption.ts";
import { OFFSET_INDEX_ENTRY_BYTES } from "./offset_index.ts";
import { scanSegment } from "./scan_segment.ts";
import type { ScanEnd } from "./scan_segment.ts";
import type { Segment } from "./segment.ts";

/** Fails unless the batches of a sealed segment end where the next one begins, going by its last indexed batch. */
export async function checkSegmentEnd(disk: Disk, segment: Segment): Promise<void> {
  if (segment.cleaned !== null) return checkCleanedSize(segment, segment.cleaned);
  await segment.openForReading();
  try {
    const from = await lastIndexedPosition(disk, segment);
    let end = await scanEnd(segment, from);
    if (from > 0 && (end.fault !== null || end.nextOffset !== segment.endOffset)) end = await scanEnd(segment, 0);
    if (end.fault !== null) throw corruption(segment.logPath, end.position, end.fault);
    if (end.nextOffset !== segment.endOffset) {
      throw corruption(
        segment.logPath,
        end.position,
        `it ends at offset ${end.nextOffset} and the next segment begins at ${segment.endOffset}`,
      );
    }
  } finally {
    await segment.closeFile();
  }
}

/** Fails unless the open file of a cleaned segment holds exactly what the cleaner wrote. */
export async function checkCleaned(segment: Segment): Promise<void> {
  const { file, sizeBytes, baseOffset, cleaned } = segment;
  const summary = new CleanedSummary();
  const options = { from: 0, to: sizeBytes, expectedOffset: baseOffset, epochMin: -1, contiguous: false };
  const end = await scanSegment(file, { ...options, pieceBytes: LIMITS.cleanerSliceBytes }, (batch) => {
    summary.add(batch);
    return null;
  });
  const isAsCleaned = cleaned !== null && summary.isOf(cleaned);
  const fault = end.fault ?? (isAsCleaned ? null : "its batches are not those that the cleaner wrote");
  if (fault !== null) throw corruption(segment.logPath, end.position, fault);
  segment.reader.noteVerified(0, sizeBytes);
}

function checkCleanedSize(segment: Segment, { endOffset, sizeBytes }: CleanedSegment): void {
  if (segment.sizeBytes !== sizeBytes) {
    throw corruption(segment.logPath, segment.sizeBytes, `the cleaner wrote ${sizeBytes} bytes`);
  }
  if (segment.endOffset !== endOffset) {
    const detail = `the cleaner ended it at offset ${endOffset} and the next segment begins at ${segment.endOffset}`;
    throw corruption(segment.logPath, sizeBytes, detail);
  }
}

function scanEnd(segment: Segment, from: number): Promise<ScanEnd> {
  const expectedOffset = from === 0 ? segment.baseOffset : null;
  const options = { from, to: segment.sizeBytes, expectedOffset, epochMin: -1, contiguous: true };
  return scanSegment(segment.file, options, () => null);
}

/** Where the index's last entry points, 0 without one that can be used. */
async function lastIndexedPosition(disk: Disk, segment: Segment): Promise<number> {
  const path = segment.indexes.path("index");
  const sizeBytes = (await disk.status(path))?.sizeBytes ?? 0;
  if (sizeBytes < OFFSET_INDEX_ENTRY_BYTES || sizeBytes % OFFSET_INDEX_ENTRY_BYTES !== 0) return 0;
  const file = await disk.open(path, "read");
  try {
    const entry = new Uint8Array(OFFSET_INDEX_ENTRY_BYTES);
    await file.readAt(sizeBytes - OFFSET_INDEX_ENTRY_BYTES, entry);
    const position = new DataView(entry.buffer).getUint32(4);
    return position < segment.sizeBytes ? position : 0;
  } finally {
    await file.close();
  }
}
