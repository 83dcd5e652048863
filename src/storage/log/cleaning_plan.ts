/** What of a log may be cleaned, whether it should be, and which segments become one (Kafka's LogCleanerManager and Cleaner). */
import type { Offset } from "../../base/ids.ts";
import type { CleaningBounds, CleaningNeed, CompactionSettings } from "../log_cleaning.ts";
import type { LogSettings } from "../partition_log.ts";
import type { LogState } from "./log_state.ts";
import { RELATIVE_OFFSET_MAX } from "./must_roll.ts";
import type { Segment } from "./segment.ts";

export interface CleaningPlan {
  /** Everything below was under a key map before. */
  readonly firstDirty: Offset;
  /** All that may be cleaned, from the log's first segment on; the last one ends the dirty part. */
  readonly segments: readonly Segment[];
  readonly need: CleaningNeed;
}

/**
 * Null when no sealed segment below `bounds.upTo` has anything that was not under a key map. `onRead`: a segment was read,
 * and its file is open now.
 */
export async function planCleaning(
  state: LogState,
  settings: CompactionSettings,
  bounds: CleaningBounds,
  onRead: (segment: Segment) => void,
): Promise<CleaningPlan | null> {
  const firstDirty = Math.max(state.cleanerCheckpoint.current.cleanOffset, state.startOffset);
  const segments: Segment[] = [];
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let isOverdue = false;
  for (const segment of state.segments.slice(0, -1)) {
    if (segment.endOffset > bounds.upTo) break;
    if (segment.endOffset <= firstDirty) cleanBytes += segment.sizeBytes;
    else {
      const { first, newest } = await timesOf(segment, settings, onRead);
      if (settings.lagMsMin > 0 && newest > bounds.nowMs - settings.lagMsMin) break;
      if (first >= 0 && first < bounds.nowMs - settings.lagMsMax) isOverdue = true;
      dirtyBytes += segment.sizeBytes;
    }
    segments.push(segment);
  }
  if (dirtyBytes === 0) return null;
  const dirtyRatio = dirtyBytes / (cleanBytes + dirtyBytes);
  return {
    firstDirty,
    segments,
    need: { dirtyBytes, dirtyRatio, isDue: isOverdue || dirtyRatio > settings.dirtyRatioMin },
  };
}

/** Read from the files only where a lag asks for them. */
async function timesOf(
  segment: Segment,
  settings: CompactionSettings,
  onRead: (segment: Segment) => void,
): Promise<{ readonly first: number; readonly newest: number }> {
  if (segment.isRetired || (settings.lagMsMin === 0 && settings.lagMsMax >= Number.MAX_SAFE_INTEGER)) {
    return { first: -1, newest: -1 };
  }
  if (segment.firstTimestamp < 0 || segment.maxTimestamp < 0) {
    await segment.withReader(() => segment.loadFirstTimestamp());
    onRead(segment);
  }
  return { first: segment.firstTimestamp, newest: segment.maxTimestamp };
}

/** Neighbours that fit into one segment together are written as one, so that compaction leaves no crowd of small files. */
export function groupSegments(segments: readonly Segment[], settings: LogSettings): Segment[][] {
  const groups: Segment[][] = [];
  let bytes = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    const fits = group !== undefined && bytes + segment.sizeBytes <= settings.segmentBytes &&
      segment.endOffset - 1 - group[0]!.baseOffset <= RELATIVE_OFFSET_MAX;
    if (fits) {
      group.push(segment);
      bytes += segment.sizeBytes;
    } else {
      groups.push([segment]);
      bytes = segment.sizeBytes;
    }
  }
  return groups;
}
