/** The directory that a tree owns: its making, its lock, and what may not be in it. */
import { isPlatformError, SentinelError } from "../../base/errors.ts";
import type { DiskLock } from "../../platform/disk.ts";
import { corruption } from "../log/corruption.ts";
import { LOCK_FILE, MANIFEST_FILE, TEMPORARY_SUFFIX } from "./file_names.ts";
import type { TreeLocation } from "./tree_state.ts";

/** The seed's own files, format version 0. */
const VERSION_ZERO_REGEXP = /^(?:wal\.log|L\d_\d{1,9}\.sst)$/;

/** Makes it, durably, when it is not there. */
export async function makeTreeDirectory({ disk, directory }: TreeLocation): Promise<void> {
  // The names of parents that are made with it must outlive a power loss too.
  const parents: string[] = [];
  for (let missing = directory; await disk.status(missing) === null; missing = parentOf(missing)) {
    parents.push(parentOf(missing));
  }
  if (parents.length === 0) return;
  await disk.makeDirectory(directory);
  for (const parent of parents) await disk.syncDirectory(parent);
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

/** Fails with `storage_error` when another process, or another open of it, has the tree (facts T16). */
export async function lockTree({ disk, directory }: Pick<TreeLocation, "disk" | "directory">): Promise<DiskLock> {
  try {
    return await disk.lock(`${directory}/${LOCK_FILE}`);
  } catch (thrown) {
    if (!isPlatformError(thrown, "locked")) throw thrown;
    throw new SentinelError("storage_error", `The tree ${directory} is in use by another process`, { cause: thrown });
  }
}

/** A directory without a manifest holds nothing of a tree: what is there instead was one, or is not ours. */
export function mustBeUnused(directory: string, names: readonly string[]): void {
  for (const name of names) {
    if (VERSION_ZERO_REGEXP.test(name)) {
      const detail = `The directory ${directory} holds ${name}, a file of format version 0; it has to be imported`;
      throw new SentinelError("storage_error", detail);
    }
    if (name === LOCK_FILE || name === "lost+found" || name.endsWith(TEMPORARY_SUFFIX)) continue;
    throw corruption(`${directory}/${MANIFEST_FILE}`, 0, `the manifest is missing, and there is ${name}`);
  }
}
