import type { Offset } from "../../base/ids.ts";
import type { Disk } from "../../platform/disk.ts";
import { CLEANER_CHECKPOINT_FILES, CleanerCheckpointFiles, decodeCleanerCheckpoint } from "./cleaner_checkpoint.ts";
import type { CleanedSegment } from "./cleaner_checkpoint.ts";
import { readSmallFile } from "../small_file.ts";
import { parseCleanedFileName, parseSegmentFileName } from "./segment_file_name.ts";
import { isCleaned } from "./swap_cleaned.ts";

/** What compaction has done to a directory, without touching it. */
export interface InspectedCleaning {
  readonly cleaned: ReadonlyMap<Offset, CleanedSegment>;
  /** Segments that still lie under another name: the next start gives them their own. */
  readonly paths: ReadonlyMap<Offset, string>;
  /** Segments that another has replaced: the next start removes them. */
  readonly replaced: ReadonlySet<Offset>;
}

/** As `settleCleaning`, but that it tells what it would do. */
export async function inspectCleaning(
  disk: Disk,
  directory: string,
  identity: Uint8Array,
  onNote: (path: string, detail: string) => void,
): Promise<InspectedCleaning> {
  for (const name of CLEANER_CHECKPOINT_FILES) {
    const path = `${directory}/${name}`;
    const bytes = await readSmallFile(disk, path, 64 * 1024 * 1024);
    if (bytes !== null && decodeCleanerCheckpoint(bytes, identity) === null) onNote(path, "the file is not readable");
  }
  const { current } = await CleanerCheckpointFiles.load(disk, directory, identity);
  const cleaned = new Map(current.segments.map((segment) => [segment.baseOffset, segment]));
  const paths = new Map<Offset, string>();
  const replaced = new Set<Offset>();
  const names = await disk.list(directory);
  for (const name of names) {
    const parsed = parseCleanedFileName(name);
    if (parsed === null) continue;
    const path = `${directory}/${name}`;
    const segment = cleaned.get(parsed.baseOffset);
    if (parsed.suffix === "swap" && segment !== undefined && await isCleaned(disk, path, segment)) {
      paths.set(parsed.baseOffset, path);
      onNote(path, "a cleaned segment takes its place at the next start");
    } else onNote(path, "a compaction that was not finished; the next start removes the file");
  }
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed?.kind !== "log") continue;
    const base = parsed.baseOffset;
    if (current.segments.every(({ baseOffset, endOffset }) => base <= baseOffset || base >= endOffset)) continue;
    replaced.add(base);
    onNote(`${directory}/${name}`, "a cleaned segment holds what is in it; the next start removes it");
  }
  return { cleaned, paths, replaced };
}
