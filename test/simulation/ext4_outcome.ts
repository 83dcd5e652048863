/** Whether what a real file system kept after a power loss is something that the simulated disk could have kept, too. */
import { Content } from "../../adapters/simulation/disk_content.ts";
import { applyEntry, applyFileChange } from "../../adapters/simulation/volume.ts";
import type { DirectoryNode, FileNode, TreeNode, Volume } from "../../adapters/simulation/volume.ts";

/** What was found: a file's bytes, or a directory's names. */
export type FoundTree = Uint8Array | Map<string, FoundTree>;

const SECTOR_BYTES = 512;

/** What the model cannot explain, one line each. */
export function unexplained(volume: Volume, found: FoundTree): string[] {
  return explainDirectory(volume, volume.root, found, "");
}

function explainDirectory(volume: Volume, directory: DirectoryNode, found: FoundTree, path: string): string[] {
  if (found instanceof Uint8Array) return [`${path} is a file`];
  const lines: string[] = [];
  const states = possibleEntries(volume, directory);
  for (const name of new Set([...found.keys(), ...states.flatMap((state) => [...state.keys()])])) {
    const nodes = new Set(states.map((state) => state.get(name)));
    const there = found.get(name);
    if (there === undefined) {
      if (!nodes.has(undefined)) lines.push(`${path}/${name} is missing`);
      continue;
    }
    const faults = [...nodes].filter((node) => node !== undefined).map((node) =>
      explainNode(volume, node, there, `${path}/${name}`)
    );
    if (faults.length === 0) lines.push(`${path}/${name} should not be there`);
    else if (faults.every((each) => each.length > 0)) lines.push(...faults[0]!);
  }
  return lines;
}

function explainNode(volume: Volume, node: TreeNode, found: FoundTree, path: string): string[] {
  if (node.kind === "directory") return explainDirectory(volume, node, found, path);
  if (!(found instanceof Uint8Array)) return [`${path} is a directory`];
  return explainFile(node, found, path);
}

/** The names after each prefix of the pending changes: a journal keeps their order. */
function possibleEntries(volume: Volume, directory: DirectoryNode): Map<string, TreeNode>[] {
  const state = new Map(directory.durableEntries);
  const states = [new Map(state)];
  for (const change of volume.pendingEntries) {
    for (const entry of change.entries) if (entry.directory === directory) applyEntry(state, entry);
    states.push(new Map(state));
  }
  return states;
}

/** Each sector must be one that the file had at some moment since it was durable, or zeros where it grew. */
function explainFile(file: FileNode, found: Uint8Array, path: string): string[] {
  const content = file.durable.copy();
  const versions: Content[] = [content.copy()];
  for (const change of file.pending) {
    applyFileChange(content, change);
    versions.push(content.copy());
  }
  const sizes = versions.map((version) => version.sizeBytes);
  if (found.length < Math.min(...sizes) || found.length > Math.max(...sizes)) {
    return [`${path} has ${found.length} bytes, not ${Math.min(...sizes)} to ${Math.max(...sizes)}`];
  }
  for (let at = 0; at < found.length; at += SECTOR_BYTES) {
    const sector = found.subarray(at, at + SECTOR_BYTES);
    const isZero = sector.every((byte) => byte === 0) && at + sector.length > file.durable.sizeBytes;
    if (!isZero && !versions.some((version) => startsAlike(version.view().subarray(at), sector))) {
      return [`${path}: the sector at ${at} was never so`];
    }
  }
  return [];
}

/** The bytes that both have are the same; a version may end inside the sector, then the rest is zeros. */
function startsAlike(version: Uint8Array, sector: Uint8Array): boolean {
  return sector.every((byte, at) => byte === (version[at] ?? 0));
}
