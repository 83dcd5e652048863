/**
 * How a cleaned segment takes its sources' place, so that a crash at any moment leaves the old segments or the new one
 * (Kafka's `.cleaned` and `.swap`, with a checkpoint between the two that says which):
 *
 *   1. `….log.cleaned` is written and synced. A start removes it.
 *   2. It is renamed to `….log.swap`, and the directory synced. A start removes it, unless the checkpoint names it.
 *   3. The checkpoint names it: from here on a start finishes what follows.
 *   4. The old indexes and the other sources go, and the directory is synced: no index may outlive its log.
 *   5. `.swap` takes the log's name, and the directory is synced. Then come the new indexes, which are caches.
 */
import type { Offset } from "../../base/ids.ts";
import type { Disk } from "../../platform/disk.ts";
import type { CleanedSegmentWriter } from "./cleaned_segment_writer.ts";
import { CleanedSummary } from "./cleaner_checkpoint.ts";
import type { CleanedSegment, CleanerCheckpointFiles } from "./cleaner_checkpoint.ts";
import type { LogState } from "./log_state.ts";
import { scanSegment } from "./scan_segment.ts";
import type { Segment } from "./segment.ts";
import { cleanedFileName, parseCleanedFileName, parseSegmentFileName, segmentFileName } from "./segment_file_name.ts";
import { isFull } from "./write_failures.ts";

/** What a swap tells whoever owns the log. */
export interface SwapHooks {
  /** Runs what leaves nobody knows what if it fails: it ends the log's writes then. */
  readonly orFail: (work: () => Promise<void>) => Promise<void>;
  /** The sources are no longer the log's; the written segment is, and must stay open until the swap has ended. */
  readonly onReplaced: (sources: readonly Segment[]) => void;
}

/**
 * Puts `written` in the place of `sources`, neighbours in the log. The caller sees to it that nobody else changes the list
 * of segments. A failure before the checkpoint leaves everything as it was.
 */
export async function swapCleaned(
  state: LogState,
  sources: readonly Segment[],
  written: CleanedSegmentWriter,
  cleanOffset: Offset,
  hooks: SwapHooks,
): Promise<void> {
  const { disk, directory, segments } = state;
  const { segment } = written;
  const swapPath = `${directory}/${cleanedFileName(segment.baseOffset, "swap")}`;
  const at = segments.indexOf(sources[0]!);
  try {
    await disk.rename(written.path, swapPath);
    await disk.syncDirectory(directory);
    const after = [...segments.slice(0, at), segment, ...segments.slice(at + sources.length)];
    await storeOrFail(state, { cleanOffset, segments: cleanedOf(after) }, hooks);
  } catch (thrown) {
    await segment.closeFile();
    // Where the log has failed, the checkpoint may name it.
    if (state.failure === null) await disk.remove(swapPath).catch(ignore);
    throw thrown;
  }
  segments.splice(at, sources.length, segment);
  state.tailCache.dropBefore(segment.endOffset);
  hooks.onReplaced(sources);
  // While a reader is inside, nobody closes the file: its name is not the segment's yet.
  await segment.withReader(() =>
    hooks.orFail(async () => {
      await removeSources(disk, directory, sources.map(({ baseOffset }) => baseOffset));
      await disk.rename(swapPath, segment.logPath);
      await disk.syncDirectory(directory);
    })
  );
  try {
    await segment.finishIndexes();
  } catch (thrown) {
    // Readers make them again.
    if (!isFull(thrown)) throw thrown;
  }
}

/** What the checkpoint says of these segments. */
export function cleanedOf(segments: readonly Segment[]): CleanedSegment[] {
  return segments.flatMap(({ cleaned }) => (cleaned === null ? [] : [cleaned]));
}

/** A disk without room has changed nothing; after any other failure nobody knows which checkpoint counts. */
export async function storeOrFail(
  state: LogState,
  checkpoint: CleanerCheckpointFiles["current"],
  hooks: Pick<SwapHooks, "orFail">,
): Promise<void> {
  let full: unknown = null;
  await hooks.orFail(async () => {
    try {
      await state.cleanerCheckpoint.store(checkpoint);
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown;
      full = thrown;
    }
  });
  if (full !== null) throw full;
}

/** Removes the sources but for the first one's log, which is about to be replaced. Gone for good when it resolves. */
async function removeSources(disk: Disk, directory: string, bases: readonly Offset[]): Promise<void> {
  for (const [at, base] of bases.entries()) {
    for (const kind of ["timeindex", "index", "log"] as const) {
      if (kind === "log" && at === 0) continue;
      const path = `${directory}/${segmentFileName(base, kind)}`;
      if (await disk.status(path) !== null) await disk.remove(path);
    }
  }
  await disk.syncDirectory(directory);
}

/** At a start: finishes what the checkpoint has announced, and removes what it has not. */
export async function settleCleaning(
  disk: Disk,
  directory: string,
  checkpoint: CleanerCheckpointFiles,
): Promise<void> {
  await checkpoint.mend();
  const names = await disk.list(directory);
  const bases = names.map(parseSegmentFileName).filter((parsed) => parsed?.kind === "log").map((parsed) =>
    parsed!.baseOffset
  );
  const byBase = new Map(checkpoint.current.segments.map((cleaned) => [cleaned.baseOffset, cleaned]));
  for (const name of names) {
    const parsed = parseCleanedFileName(name);
    if (parsed === null) continue;
    const path = `${directory}/${name}`;
    const cleaned = byBase.get(parsed.baseOffset);
    if (parsed.suffix === "swap" && cleaned !== undefined && await isCleaned(disk, path, cleaned)) {
      await removeSources(disk, directory, [cleaned.baseOffset, ...inside(bases, cleaned)]);
      await disk.rename(path, `${directory}/${segmentFileName(cleaned.baseOffset, "log")}`);
      await disk.syncDirectory(directory);
    } else await disk.remove(path);
  }
}

function inside(bases: readonly Offset[], { baseOffset, endOffset }: CleanedSegment): Offset[] {
  return bases.filter((base) => base > baseOffset && base < endOffset);
}

/** Whether a file holds exactly the batches that the checkpoint describes. */
export async function isCleaned(disk: Disk, path: string, cleaned: CleanedSegment): Promise<boolean> {
  const sizeBytes = (await disk.status(path))?.sizeBytes ?? 0;
  if (sizeBytes !== cleaned.sizeBytes) return false;
  const file = await disk.open(path, "read");
  try {
    const summary = new CleanedSummary();
    const options = { from: 0, to: sizeBytes, expectedOffset: cleaned.baseOffset, epochMin: -1, contiguous: false };
    const end = await scanSegment(file, options, (batch) => {
      summary.add(batch);
      return null;
    });
    return end.fault === null && summary.isOf(cleaned);
  } finally {
    await file.close();
  }
}

function ignore(): void {}
