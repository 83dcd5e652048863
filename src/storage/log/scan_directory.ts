import type { Offset } from "../../base/ids.ts";
import type { Disk } from "../../platform/disk.ts";
import type { CleanerCheckpointFiles } from "./cleaner_checkpoint.ts";
import { Segment } from "./segment.ts";
import { parseSegmentFileName } from "./segment_file_name.ts";
import { settleCleaning } from "./swap_cleaned.ts";

/**
 * All segments of a directory by base offset. Files that a crash left half made are removed; they never counted. What the
 * cleaner was about to swap in is there, or gone, and what it has written is marked so.
 */
export async function scanDirectory(
  disk: Disk,
  directory: string,
  checkpoint: CleanerCheckpointFiles,
): Promise<Segment[]> {
  await settleCleaning(disk, directory, checkpoint);
  const names = await disk.list(directory);
  const bases = new Set<Offset>();
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed?.kind === "log") bases.add(parsed.baseOffset);
    if (name.endsWith(".tmp")) await disk.remove(`${directory}/${name}`);
  }
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed !== null && !bases.has(parsed.baseOffset)) await disk.remove(`${directory}/${name}`);
  }
  const sorted = [...bases].sort((left, right) => left - right);
  const segments: Segment[] = [];
  for (const [at, baseOffset] of sorted.entries()) {
    const segment = new Segment(disk, directory, baseOffset, sorted[at + 1] ?? baseOffset);
    segment.sizeBytes = (await disk.status(segment.logPath))?.sizeBytes ?? 0;
    segments.push(segment);
  }
  const cleaned = new Map(checkpoint.current.segments.map((each) => [each.baseOffset, each]));
  // The last one never is: writers go on in it.
  for (const segment of segments.slice(0, -1)) segment.cleaned = cleaned.get(segment.baseOffset) ?? null;
  return segments;
}
