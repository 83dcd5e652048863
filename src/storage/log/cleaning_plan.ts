/** What of a log may be cleaned, whether it should be, and which segments become one (Kafka's LogCleanerManager and Cleaner). */
import type { Offset } from "../../base/ids.ts";
import type { CleaningBounds, CleaningNeed, CompactionSettings } from "../log_cleaning.ts";
import type { LogSettings } from "../partition_log.ts";
import type { CleanableLog, CleanableSegment, SegmentTimes } from "./cleanable_log.ts";
import { RELATIVE_OFFSET_MAX } from "./must_roll.ts";

export interface CleaningPlan<Kind extends CleanableSegment> {
  /** Everything below was under a key map before. */
  readonly firstDirty: Offset;
  /** All that may be cleaned, from the log's first segment on; the last one ends the dirty part. */
  readonly segments: readonly Kind[];
  readonly need: CleaningNeed;
}

/** Null when no sealed segment below `bounds.upTo` has anything that was not under a key map. */
export async function planCleaning<Kind extends CleanableSegment>(
  log: CleanableLog<Kind>,
  settings: CompactionSettings,
  bounds: CleaningBounds,
): Promise<CleaningPlan<Kind> | null> {
  const firstDirty = Math.max(log.cleanOffset, log.state.startOffset);
  const segments: Kind[] = [];
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let isOverdue = false;
  for (const segment of log.segments.slice(0, -1)) {
    if (segment.endOffset > bounds.upTo) break;
    if (segment.endOffset <= firstDirty) cleanBytes += segment.sizeBytes;
    else {
      const { first, newest } = await timesOf(log, segment, settings);
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

/** Asked only where a lag wants to know. */
async function timesOf<Kind extends CleanableSegment>(
  log: CleanableLog<Kind>,
  segment: Kind,
  settings: CompactionSettings,
): Promise<SegmentTimes> {
  const isAsked = settings.lagMsMin > 0 || settings.lagMsMax < Number.MAX_SAFE_INTEGER;
  return isAsked ? await log.timesOf(segment) : { first: -1, newest: -1 };
}

/** Neighbours that fit into one segment together are written as one, so that compaction leaves no crowd of small files. */
export function groupSegments<Kind extends CleanableSegment>(
  segments: readonly Kind[],
  settings: LogSettings,
): Kind[][] {
  const groups: Kind[][] = [];
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
