import type { Offset } from "../../base/ids.ts";
import type { SentinelError } from "../../base/errors.ts";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Disk } from "../../platform/disk.ts";
import type { LogSettings } from "../partition_log.ts";
import type { ProducerStates } from "../producer_states.ts";
import type { CleanerCheckpointFiles } from "./cleaner_checkpoint.ts";
import type { LeaderEpochs } from "./leader_epochs.ts";
import type { ProducerSnapshots } from "./producer_snapshots.ts";
import type { RecoveryPoint, RecoveryPointFile } from "./recovery_point.ts";
import type { Segment } from "./segment.ts";
import type { TailCache } from "./tail_cache.ts";

/**
 * What the parts of one open log share. Invariants, checked by `assertLogState`:
 *
 * - there is at least one segment, and each one's base offset is the end offset of the one before it
 * - the last segment is the active one and ends at `writtenOffset`; compaction never touches it
 * - durableOffset ≤ writtenOffset ≤ endOffset, startOffset ≤ endOffset
 */
export interface LogState {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  readonly tailCache: TailCache;
  readonly recoveryPointFile: RecoveryPointFile;
  readonly cleanerCheckpoint: CleanerCheckpointFiles;
  readonly segments: Segment[];
  readonly epochs: LeaderEpochs;
  /** Of all that is appended. */
  readonly producers: ProducerStates;
  readonly snapshots: ProducerSnapshots;
  settings: LogSettings;
  startOffset: Offset;
  endOffset: Offset;
  writtenOffset: Offset;
  durableOffset: Offset;
  generation: number;
  /** Truncations that are complete: a read that began before one ended has seen files on their way. */
  truncations: number;
  /** As it stands in the file. */
  recoveryPoint: RecoveryPoint;
  /** No more writes until a restart. */
  failure: SentinelError | null;
  /** No more reads either: what is on the disk is not what was stored. */
  offline: SentinelError | null;
}

export function activeSegment(state: LogState): Segment {
  const active = state.segments.at(-1);
  assert(active !== undefined, "a log has an active segment");
  return active;
}

/** The segment that holds `offset`, or would. */
export function segmentOf({ segments }: LogState, offset: Offset): Segment {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (segments[middle]!.baseOffset <= offset) low = middle;
    else high = middle - 1;
  }
  return segments[low]!;
}

export function assertLogState(state: LogState): void {
  let previous: Segment | null = null;
  for (const segment of state.segments) {
    assert(
      previous === null || previous.endOffset === segment.baseOffset,
      () => `segment ${segment.baseOffset} does not follow the one that ends at ${previous?.endOffset}`,
    );
    previous = segment;
  }
  assert(activeSegment(state).cleaned === null, "the active segment is never a cleaned one");
  const { startOffset, durableOffset, writtenOffset, endOffset } = state;
  assert(activeSegment(state).endOffset === writtenOffset, () => `the active segment does not end at ${writtenOffset}`);
  assert(
    durableOffset <= writtenOffset && writtenOffset <= endOffset && startOffset <= endOffset,
    () => `start ${startOffset}, durable ${durableOffset}, written ${writtenOffset}, end ${endOffset} are out of order`,
  );
}
