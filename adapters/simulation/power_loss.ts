/**
 * What a power loss leaves of a volume: the durable part and some of the pending changes. The choices are FoundationDB's
 * (AsyncFileNonDurable) and those that an exhaustive run needs; every one of them is what some real disk may do.
 */
import { Content } from "./disk_content.ts";
import type { SimulatedRandom } from "./random.ts";
import { applyEntry, applyFileChange, DirectoryNode, FileNode, Volume } from "./volume.ts";
import type { EntryChange, FileChange, TreeNode } from "./volume.ts";

/** Which pending changes are on the disk when the power comes back. */
export type PowerLoss =
  | { readonly kind: "all-lost" }
  | { readonly kind: "all-kept" }
  /** All but one; `index` counts the pending changes from the oldest. */
  | { readonly kind: "one-lost"; readonly index: number }
  /**
   * Each write is kept, lost, or torn by pages and sectors. `names`: those pending are a random prefix, as a journal
   * gives, or any subset, as nothing forbids.
   */
  | { readonly kind: "random"; readonly random: SimulatedRandom; readonly names: "prefix" | "subset" };

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

/** The sequences of all changes that a power loss could take, oldest first. */
export function pendingSequences(volume: Volume): number[] {
  const sequences = volume.pendingEntries.map((change) => change.sequence);
  for (const file of filesOf(volume)) for (const change of file.pending) sequences.push(change.sequence);
  return sequences.sort((a, b) => a - b);
}

/** A new volume as the next start finds it. The old one stays as it was: many losses can be tried on one moment. */
export function afterPowerLoss(volume: Volume, loss: PowerLoss): Volume {
  const lostSequence = loss.kind === "one-lost" ? pendingSequences(volume)[loss.index] : undefined;
  const keptEntries = new Map<DirectoryNode, Map<string, TreeNode>>();
  for (const change of keptNames(volume.pendingEntries, loss, lostSequence)) {
    for (const entry of change.entries) {
      const entries = keptEntries.get(entry.directory) ?? new Map(entry.directory.durableEntries);
      applyEntry(entries, entry);
      keptEntries.set(entry.directory, entries);
    }
  }
  const files = new Map<FileNode, FileNode>();
  const directories = new Set<DirectoryNode>();
  const build = (old: DirectoryNode): DirectoryNode => {
    const directory = new DirectoryNode();
    directories.add(old);
    for (const [name, child] of sortedEntries(keptEntries.get(old) ?? old.durableEntries)) {
      if (child.kind === "file") {
        const file = files.get(child) ?? fileAfter(child, loss, lostSequence);
        files.set(child, file);
        directory.entries.set(name, file);
      } else if (!directories.has(child)) directory.entries.set(name, build(child));
    }
    directory.durableEntries = new Map(directory.entries);
    return directory;
  };
  const after = new Volume();
  after.root = build(volume.root);
  after.capacityBytes = volume.capacityBytes;
  after.recount(volume.sequence);
  return after;
}

function filesOf(volume: Volume): Set<FileNode> {
  const files = new Set<FileNode>();
  const seen = new Set<DirectoryNode>();
  const visit = (node: TreeNode): void => {
    if (node.kind === "file") {
      files.add(node);
      return;
    }
    if (seen.has(node)) return;
    seen.add(node);
    for (const child of node.entries.values()) visit(child);
    for (const child of node.durableEntries.values()) visit(child);
  };
  visit(volume.root);
  for (const change of volume.pendingEntries) for (const { node } of change.entries) if (node !== null) visit(node);
  return files;
}

/** By name: which draws a file gets must not depend on the order in which names were made. */
function sortedEntries(entries: ReadonlyMap<string, TreeNode>): [string, TreeNode][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function keptNames(pending: readonly EntryChange[], loss: PowerLoss, lost: number | undefined): readonly EntryChange[] {
  switch (loss.kind) {
    case "all-lost":
      return [];
    case "all-kept":
      return pending;
    case "one-lost":
      return pending.filter((change) => change.sequence !== lost);
    case "random":
      if (loss.names === "prefix") return pending.slice(0, loss.random.below(pending.length + 1));
      return pending.filter(() => loss.random.chance(1, 2));
  }
}

function fileAfter(file: FileNode, loss: PowerLoss, lost: number | undefined): FileNode {
  const content = file.durable.copy();
  for (const change of file.pending) {
    if (loss.kind === "random") applySome(content, change, loss.random);
    else if (loss.kind !== "all-lost" && change.sequence !== lost) applyFileChange(content, change);
  }
  const after = new FileNode();
  after.durable = content;
  after.visible = content.copy();
  return after;
}

function applySome(content: Content, change: FileChange, random: SimulatedRandom): void {
  const fate = random.below(3);
  if (fate === 0) return;
  if (fate === 1 || change.kind === "truncate") {
    applyFileChange(content, change);
    return;
  }
  const { position, bytes } = change;
  const end = position + bytes.length;
  // The new size may be there without the data; then the data reads as zeros.
  if (random.chance(1, 2) && content.sizeBytes < end) content.resize(end);
  forEachUnit(position, end, PAGE_BYTES, (from, to) => {
    const pageFate = random.below(3);
    if (pageFate === 0) return;
    if (pageFate === 1) content.write(from, bytes.subarray(from - position, to - position));
    else {forEachUnit(from, to, SECTOR_BYTES, (start, stop) =>
        applySector(content, start, bytes.subarray(start - position, stop - position), random));}
  });
}

/**
 * One sector: old, new or garbage. Never garbage in the bytes at its beginning that are written as they are already: a log
 * grows inside a sector, and a start writes its kept tail once more in its place. Both rely on a device that does not lose
 * what it is given unchanged (SQLite's "powersafe overwrite").
 */
function applySector(content: Content, position: number, bytes: Uint8Array, random: SimulatedRandom): void {
  switch (random.below(4)) {
    case 0:
      return;
    case 1: {
      const same = sameBytes(content.view().subarray(position, position + bytes.length), bytes);
      content.write(position, bytes.subarray(0, same));
      content.write(position + same, random.bytes(bytes.length - same));
      return;
    }
    default:
      content.write(position, bytes);
  }
}

/** How many bytes both begin with. */
function sameBytes(one: Uint8Array, other: Uint8Array): number {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

/** Calls `visit` for each part of [from, end) that lies in one unit. */
function forEachUnit(from: number, end: number, unitBytes: number, visit: (from: number, to: number) => void): void {
  for (let at = from; at < end;) {
    const to = Math.min(end, (Math.floor(at / unitBytes) + 1) * unitBytes);
    visit(at, to);
    at = to;
  }
}
