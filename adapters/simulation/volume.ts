/**
 * What a simulated disk holds: the file tree as the operating system shows it, and behind it what has reached the device.
 * The two differ by changes that are *pending*, in the order in which they were made (reliability §4.4):
 *
 * - a write or a cut of a file is durable after a sync of that file;
 * - a name that was made, moved or removed is durable after a sync of its directory, and of nothing else.
 *
 * A killed process leaves the volume as it is. A power loss leaves the durable part with some of the pending changes,
 * see `power_loss.ts`.
 */
import { crc32c } from "../../src/bytes/crc32c.ts";
import { Content } from "./disk_content.ts";

/** The unit in which room is taken, as in most file systems. */
export const BLOCK_BYTES = 4096;

export type FileChange =
  | { readonly sequence: number; readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array }
  | { readonly sequence: number; readonly kind: "truncate"; readonly sizeBytes: number };

/** One or two names that change at once; two in a rename. */
export interface EntryChange {
  readonly sequence: number;
  readonly entries: readonly EntryOfChange[];
}

export interface EntryOfChange {
  readonly directory: DirectoryNode;
  readonly name: string;
  /** Null: the name is gone. */
  readonly node: TreeNode | null;
}

export class FileNode {
  readonly kind = "file";
  visible = new Content();
  durable = new Content();
  pending: FileChange[] = [];
  /** Names and open files; the last of them frees the room. */
  references = 0;
}

export class DirectoryNode {
  readonly kind = "directory";
  entries = new Map<string, TreeNode>();
  durableEntries = new Map<string, TreeNode>();
}

export type TreeNode = FileNode | DirectoryNode;

export function applyFileChange(content: Content, change: FileChange): void {
  if (change.kind === "write") content.write(change.position, change.bytes);
  else content.resize(change.sizeBytes);
}

const blocksOf = (sizeBytes: number): number => Math.ceil(sizeBytes / BLOCK_BYTES);

export class Volume {
  root = new DirectoryNode();
  pendingEntries: EntryChange[] = [];
  /** Most bytes of all files, in whole blocks. May be changed at any time. */
  capacityBytes: number = 2 ** 40;
  /** Who holds the lock on a file: the process, as an object of its own. */
  readonly locks = new Map<FileNode, object>();
  #usedBlocks = 0;
  #sequence = 0;

  get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.#usedBlocks * BLOCK_BYTES);
  }

  /** The number of the newest change. */
  get sequence(): number {
    return this.#sequence;
  }

  // -- Files --------------------------------------------------------------------------------------------------------

  /** Writes what there is room for; returns how many bytes that were. */
  write(file: FileNode, position: number, bytes: Uint8Array): number {
    const roomBytes = this.freeBytes + blocksOf(file.visible.sizeBytes) * BLOCK_BYTES - position;
    const written = bytes.subarray(0, Math.max(0, Math.min(bytes.length, roomBytes)));
    if (written.length > 0) {
      this.#change(file, { sequence: ++this.#sequence, kind: "write", position, bytes: written.slice() });
    }
    return written.length;
  }

  /** False when there is no room. */
  truncate(file: FileNode, sizeBytes: number): boolean {
    if ((blocksOf(sizeBytes) - blocksOf(file.visible.sizeBytes)) * BLOCK_BYTES > this.freeBytes) return false;
    this.#change(file, { sequence: ++this.#sequence, kind: "truncate", sizeBytes });
    return true;
  }

  /** Makes the changes up to `sequence` durable. */
  sync(file: FileNode, sequence: number): void {
    for (const change of file.pending) if (change.sequence <= sequence) applyFileChange(file.durable, change);
    file.pending = file.pending.filter((change) => change.sequence > sequence);
  }

  /** What a failed sync does on Linux: the pages count as written and are not (ATC'20, Rebello et al.). */
  loseSync(file: FileNode, sequence: number): void {
    file.pending = file.pending.filter((change) => change.sequence > sequence);
  }

  hold(file: FileNode): void {
    file.references += 1;
  }

  release(file: FileNode): void {
    file.references -= 1;
    if (file.references === 0) this.#usedBlocks -= blocksOf(file.visible.sizeBytes);
  }

  #change(file: FileNode, change: FileChange): void {
    const blocksBefore = blocksOf(file.visible.sizeBytes);
    applyFileChange(file.visible, change);
    file.pending.push(change);
    this.#usedBlocks += blocksOf(file.visible.sizeBytes) - blocksBefore;
  }

  // -- Names --------------------------------------------------------------------------------------------------------

  /** Changes names, all at once. */
  changeEntries(entries: readonly EntryOfChange[]): void {
    for (const { directory, name, node } of entries) {
      const before = directory.entries.get(name);
      if (node === null) directory.entries.delete(name);
      else directory.entries.set(name, node);
      if (node?.kind === "file") this.hold(node);
      if (before?.kind === "file") this.release(before);
    }
    this.pendingEntries.push({ sequence: ++this.#sequence, entries });
  }

  /**
   * Makes a directory's changes up to `sequence` durable; a rename between two directories takes along what came before
   * it in the other.
   */
  syncDirectory(directory: DirectoryNode, sequence: number): void {
    const touched = new Set([directory]);
    const done = new Set<EntryChange>();
    for (let at = this.pendingEntries.length - 1; at >= 0; at--) {
      const change = this.pendingEntries[at]!;
      if (change.sequence > sequence || !change.entries.some((entry) => touched.has(entry.directory))) continue;
      done.add(change);
      for (const entry of change.entries) touched.add(entry.directory);
    }
    for (const change of this.pendingEntries) {
      if (done.has(change)) { for (const entry of change.entries) applyEntry(entry.directory.durableEntries, entry); }
    }
    this.pendingEntries = this.pendingEntries.filter((change) => !done.has(change));
  }

  // -- Looking ------------------------------------------------------------------------------------------------------

  find(path: string): TreeNode | null {
    let node: TreeNode = this.root;
    for (const part of partsOf(path)) {
      const next: TreeNode | undefined = node.kind === "directory" ? node.entries.get(part) : undefined;
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  /** Paths of all files, sorted. */
  filePaths(): string[] {
    const paths: string[] = [];
    const walk = (directory: DirectoryNode, path: string): void => {
      for (const [name, node] of directory.entries) {
        if (node.kind === "directory") walk(node, `${path}/${name}`);
        else paths.push(`${path}/${name}`);
      }
    };
    walk(this.root, "");
    return paths.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** Two volumes with the same hash show the same files now and after a power loss that loses everything. */
  hash(): string {
    const parts: string[] = [];
    const walk = (directory: DirectoryNode, which: "entries" | "durableEntries", path: string): void => {
      const names = [...directory[which].keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      for (const name of names) {
        const node = directory[which].get(name)!;
        if (node.kind === "directory") {
          parts.push(`${path}/${name}/`);
          walk(node, which, `${path}/${name}`);
        } else {
          const content = which === "entries" ? node.visible : node.durable;
          const bytes = content.view();
          // Two checksums of different kinds: with one alone, many images would make a false equality likely.
          parts.push(`${path}/${name} ${bytes.length} ${crc32c(bytes)} ${sumOf(bytes)}`);
        }
      }
    };
    walk(this.root, "entries", "");
    parts.push("durable");
    walk(this.root, "durableEntries", "");
    const text = new TextEncoder().encode(parts.join("\n"));
    return `${crc32c(text).toString(16)}-${(sumOf(text) >>> 0).toString(16)}`;
  }

  /** Counts the room that the visible files take; for a volume that was put together from parts. */
  recount(sequence: number): void {
    this.#sequence = sequence;
    this.#usedBlocks = 0;
    for (const path of this.filePaths()) {
      const file = this.find(path) as FileNode;
      file.references += 1;
      if (file.references === 1) this.#usedBlocks += blocksOf(file.visible.sizeBytes);
    }
  }

  /** An independent volume in the same state, as it is after every process was killed. */
  copy(): Volume {
    const copies = new Map<TreeNode, TreeNode>();
    const copyOf = (node: TreeNode): TreeNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      if (node.kind === "file") return copyFile(node, copies);
      const directory = new DirectoryNode();
      copies.set(node, directory);
      for (const [name, child] of node.entries) directory.entries.set(name, copyOf(child));
      for (const [name, child] of node.durableEntries) directory.durableEntries.set(name, copyOf(child));
      return directory;
    };
    const volume = new Volume();
    volume.root = copyOf(this.root) as DirectoryNode;
    volume.capacityBytes = this.capacityBytes;
    volume.pendingEntries = this.pendingEntries.map(({ sequence, entries }) => ({
      sequence,
      entries: entries.map(({ directory, name, node }) => ({
        directory: copyOf(directory) as DirectoryNode,
        name,
        node: node === null ? null : copyOf(node),
      })),
    }));
    volume.recount(this.#sequence);
    return volume;
  }
}

function copyFile(node: FileNode, copies: Map<TreeNode, TreeNode>): FileNode {
  const file = new FileNode();
  file.visible = node.visible.copy();
  file.durable = node.durable.copy();
  file.pending = [...node.pending];
  copies.set(node, file);
  return file;
}

export function applyEntry(entries: Map<string, TreeNode>, { name, node }: EntryOfChange): void {
  if (node === null) entries.delete(name);
  else entries.set(name, node);
}

export const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

function sumOf(bytes: Uint8Array): number {
  let sum = 1;
  for (let at = 0; at < bytes.length; at++) sum = Math.imul(sum, 0x01000193) + bytes[at]! | 0;
  return sum;
}
