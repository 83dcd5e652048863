import type { Offset, TimestampMs } from "../../base/ids.ts";
import type { LogSettings } from "../partition_log.ts";

/** What retention must know of a segment, in whatever engine. */
export interface RetainedSegment {
  readonly endOffset: Offset;
  readonly sizeBytes: number;
}

/** Where retention moves the log start, and what that frees. */
export interface RetentionPoint {
  readonly trimTo: Offset;
  readonly freedBytes: number;
}

/**
 * Whole inactive segments that are too much or too old, from the oldest on. `newestOf`: a segment's largest timestamp, or
 * null when it is not known now. A segment without any time goes with the next one that goes: compaction may have left
 * nothing in it but a header.
 */
export async function retentionPoint<Kind extends RetainedSegment>(
  log: { readonly settings: LogSettings; readonly segments: readonly Kind[]; readonly startOffset: Offset },
  nowMs: TimestampMs,
  newestOf: (segment: Kind) => Promise<TimestampMs | null>,
): Promise<RetentionPoint> {
  const { settings: { retentionMs, retentionBytes }, segments, startOffset } = log;
  let totalBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  let passedBytes = 0;
  let point: RetentionPoint = { trimTo: startOffset, freedBytes: 0 };
  for (const segment of segments.slice(0, -1)) {
    totalBytes -= segment.sizeBytes;
    passedBytes += segment.sizeBytes;
    let goes = retentionBytes >= 0 && totalBytes >= retentionBytes;
    if (!goes) {
      const newest = retentionMs < 0 ? null : await newestOf(segment);
      if (newest === null) break;
      goes = newest >= 0 && newest < nowMs - retentionMs;
      if (newest >= 0 && !goes) break;
    }
    if (goes) point = { trimTo: segment.endOffset, freedBytes: passedBytes };
  }
  return point;
}
