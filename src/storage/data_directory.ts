/**
 * The directory that a broker owns: its lock, its identity and its format version.
 *
 * `meta.properties` is Kafka's file, one `name=value` a line: `version=1`, `cluster.id`, `node.id`, `directory.id`, and
 * our own `sentinel.format`, the version of everything below the directory. It is written last when a directory is
 * initialised: one without it was never used.
 */
import { makeUuid, parseUuid } from "../base/ids.ts";
import type { NodeId } from "../base/ids.ts";
import { isPlatformError, SentinelError } from "../base/errors.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { Disk, DiskLock } from "../platform/disk.ts";
import type { Random } from "../platform/random.ts";
import { readSmallFile, replaceFile } from "./small_file.ts";

const META_FILE = "meta.properties";
const META_BYTES_MAX = 64 * 1024;
const LOCK_FILE = ".lock";
/** Raised with every change that an older build cannot read. */
const FORMAT_VERSION = 1;

export interface DirectoryIdentity {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly directoryId: string;
}

export interface DataDirectory extends DirectoryIdentity {
  readonly path: string;
  /** Not initialised before: nothing may be expected in it. */
  readonly isNew: boolean;
  readonly lock: DiskLock;
}

/**
 * Makes, locks and identifies the directory. Fails with `storage_error` when another process has it, when it belongs to
 * another node, when its format is newer, or when it holds something and has no identity.
 */
export async function openDataDirectory(
  disk: Disk,
  random: Random,
  path: string,
  nodeId: NodeId,
): Promise<DataDirectory> {
  await makeRoot(disk, path);
  const lock = await lockDirectory(disk, path);
  try {
    const bytes = await readSmallFile(disk, `${path}/${META_FILE}`, META_BYTES_MAX);
    if (bytes === null) {
      await assertUnused(disk, path);
      const uuid = (): string => makeUuid((into) => random.fill(into));
      return { path, isNew: true, lock, clusterId: uuid(), nodeId, directoryId: uuid() };
    }
    const identity = parseMeta(bytes, path);
    if (identity.nodeId !== nodeId) {
      throw new SentinelError(
        "storage_error",
        `The data directory ${path} belongs to node ${identity.nodeId}, this is node ${nodeId}`,
      );
    }
    return { path, isNew: false, lock, ...identity };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

/** Writes the identity: from now on the directory is initialised. Durable when it resolves. */
export function storeIdentity(disk: Disk, path: string, identity: DirectoryIdentity): Promise<void> {
  const lines = [
    "version=1",
    `cluster.id=${identity.clusterId}`,
    `node.id=${identity.nodeId}`,
    `directory.id=${identity.directoryId}`,
    `sentinel.format=${FORMAT_VERSION}`,
  ];
  return replaceFile(disk, path, META_FILE, new TextEncoder().encode(`${lines.join("\n")}\n`));
}

/** Whose directory it is, as it says; null: it does not. Nothing is locked or changed. */
export async function readIdentity(disk: Disk, path: string): Promise<DirectoryIdentity | null> {
  const bytes = await readSmallFile(disk, `${path}/${META_FILE}`, META_BYTES_MAX);
  return bytes === null ? null : parseMeta(bytes, path);
}

async function makeRoot(disk: Disk, path: string): Promise<void> {
  const status = await disk.status(path);
  if (status !== null && status.kind !== "directory") {
    // A symbolic link too: what it points to may change while the broker runs.
    throw new SentinelError("storage_error", `The data directory ${path} is not a directory`);
  }
  if (status !== null) return;
  // The directory's own name must outlive a power loss too, and those of the parents that are made with it.
  const made: string[] = [];
  for (let missing = path; await disk.status(missing) === null; missing = parentOf(missing)) {
    made.push(parentOf(missing));
  }
  await disk.makeDirectory(path);
  for (const parent of made) await disk.syncDirectory(parent);
}

function parentOf(path: string): string {
  const slash = path.replace(/\/+$/, "").lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

async function lockDirectory(disk: Disk, path: string): Promise<DiskLock> {
  try {
    return await disk.lock(`${path}/${LOCK_FILE}`);
  } catch (thrown) {
    if (!isPlatformError(thrown, "locked")) throw thrown;
    throw new SentinelError("storage_error", `The data directory ${path} is in use by another broker`, {
      cause: thrown,
    });
  }
}

async function assertUnused(disk: Disk, path: string): Promise<void> {
  for (const name of await disk.list(path)) {
    // The metadata log is made before the identity; a crash between the two leaves it alone here.
    if (
      name === LOCK_FILE || name === "lost+found" || name.endsWith(".tmp") || name.startsWith("__cluster_metadata-")
    ) continue;
    const detail =
      `The data directory ${path} holds ${name} and no ${META_FILE}: it is not a new one, and not a broker's`;
    throw new SentinelError("storage_error", detail);
  }
}

function parseMeta(bytes: Uint8Array, path: string): DirectoryIdentity {
  const values = new Map<string, string>();
  for (const line of (decodeUtf8(bytes) ?? "").split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0 && !line.startsWith("#")) values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  const format = values.get("sentinel.format");
  if (format !== undefined && /^\d{1,9}$/.test(format) && Number(format) > FORMAT_VERSION) {
    throw new SentinelError(
      "storage_error",
      `The data directory ${path} has format ${format}; this program reads up to ${FORMAT_VERSION}`,
    );
  }
  const clusterId = values.get("cluster.id") ?? "";
  const directoryId = values.get("directory.id") ?? "";
  const nodeId = values.get("node.id") ?? "";
  const isWhole = format === String(FORMAT_VERSION) && values.get("version") === "1" && clusterId !== "" &&
    parseUuid(directoryId) !== null && /^\d{1,10}$/.test(nodeId);
  if (!isWhole) throw new SentinelError("storage_error", `The file ${path}/${META_FILE} is damaged`);
  return { clusterId, directoryId, nodeId: Number(nodeId) };
}
