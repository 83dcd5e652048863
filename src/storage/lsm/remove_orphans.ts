import type { Disk } from "../../platform/disk.ts";
import { MANIFEST_FILE, parseNumberedFile, tableFileName, TEMPORARY_SUFFIX } from "./file_names.ts";
import type { ManifestState } from "./manifest.ts";

/**
 * Removes the tables and logs among `names` that the manifest does not need, and files that were made only half (I39).
 * Returns how many.
 */
export async function removeOrphans(
  place: { readonly disk: Disk; readonly directory: string },
  names: readonly string[],
  state: Pick<ManifestState, "logNumber" | "tables">,
): Promise<number> {
  const live = new Set(state.tables.map(({ meta }) => tableFileName(meta.writtenLevel, meta.number)));
  let orphans = 0;
  for (const name of names) {
    const file = parseNumberedFile(name);
    const isOrphan = file === null
      ? name.endsWith(TEMPORARY_SUFFIX) && name !== `${MANIFEST_FILE}${TEMPORARY_SUFFIX}`
      : file.kind === "log"
      ? file.number < state.logNumber
      : !live.has(name);
    if (!isOrphan) continue;
    await place.disk.remove(`${place.directory}/${name}`);
    orphans += 1;
  }
  return orphans;
}
