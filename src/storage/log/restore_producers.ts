/** Making the producers' state of a log out of what lies on its disk: the newest whole snapshot, and the batches above it. */
import type { Offset } from "../../base/ids.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Disk } from "../../platform/disk.ts";
import type { ProducerStates } from "../producer_states.ts";
import { corruption } from "./corruption.ts";
import type { ProducerSnapshots } from "./producer_snapshots.ts";
import { scanSegment } from "./scan_segment.ts";
import type { Segment } from "./segment.ts";

export interface ProducerSource {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  readonly segments: readonly Segment[];
  readonly snapshots: ProducerSnapshots;
}

/**
 * Fills `producers` with what the log says up to `endOffset`, which is where its files end now. Snapshots above it are
 * gone for good before this resolves, and so before anything can be appended. Fails with a `storage_error` when a batch
 * that has to be read is damaged.
 */
export async function restoreProducers(
  source: ProducerSource,
  endOffset: Offset,
  producers: ProducerStates,
): Promise<void> {
  const { snapshots, segments, clock, disk, directory } = source;
  if (await snapshots.removeAbove(endOffset)) await disk.syncDirectory(directory);
  const loaded = await snapshots.loadNewest();
  producers.restore(loaded?.states ?? [], clock.monotonicMs());
  const from = loaded?.offset ?? 0;
  for (const segment of segments) {
    if (segment.endOffset <= from || segment.sizeBytes === 0) continue;
    snapshots.bytesAbove += await replaySegment(segment, from, producers, clock.monotonicMs());
    // The active segment's file stays open; the others' do only while somebody reads them.
    if (segment !== segments.at(-1) && !segment.hasReaders) await segment.unload();
  }
}

/** Returns how many bytes were read. */
function replaySegment(segment: Segment, from: Offset, producers: ProducerStates, nowMs: number): Promise<number> {
  return segment.withReader(async () => {
    const start = from > segment.baseOffset ? await segment.reader.positionOf(from) ?? 0 : 0;
    const end = await scanSegment(
      segment.file,
      { from: start, to: segment.sizeBytes, expectedOffset: null, epochMin: -1, contiguous: false },
      (batch) => {
        if (batch.baseOffset >= from) producers.replay(batch, nowMs);
        return null;
      },
    );
    if (end.fault !== null) throw corruption(segment.logPath, end.position, end.fault);
    return end.position - start;
  });
}
