import { parseUuid } from "../base/ids.ts";
import type { Disk } from "../platform/disk.ts";
import { readIdentity } from "../storage/data_directory.ts";
import { lockTree } from "../storage/lsm/tree_directory.ts";
import { type TreeSummary, verifyTree } from "../storage/lsm/verify_tree.ts";
import type { VerifyOptions } from "../storage/verify_finding.ts";
import { TREE_DIRECTORY } from "./node_tree.ts";

/**
 * Checks the tree of a data directory that no broker has open; null: it has none. Fails with `storage_error` when a broker
 * has it, or when the directory does not say whose it is, since a tree's checksums begin with that.
 */
export async function verifyNodeTree(
  disk: Disk,
  dataPath: string,
  options: VerifyOptions,
): Promise<TreeSummary | null> {
  const directory = `${dataPath}/${TREE_DIRECTORY}`;
  if ((await disk.status(directory))?.kind !== "directory") return null;
  const identity = parseUuid((await readIdentity(disk, dataPath))?.directoryId ?? "");
  if (identity === null) {
    const path = `${dataPath}/meta.properties`;
    options.onFinding({ severity: "damage", path, position: 0, detail: "the file is missing, and there is a tree" });
    return { tables: 0, logs: 0, bytes: 0, damaged: 1 };
  }
  const lock = await lockTree({ disk, directory });
  try {
    return await verifyTree({ disk, directory, identity }, options);
  } finally {
    await lock.release();
  }
}
