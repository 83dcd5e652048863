/**
 * A disk in memory, for `--memory` and for tests. It behaves as the conformance suite says; nothing outlives the
 * process, and a sync has nothing to do.
 */
import { PlatformError } from "../../src/base/errors.ts";
import type { Disk, DiskFile, DiskLock, DiskSpace, FileStatus, OpenMode } from "../../src/platform/disk.ts";

/** Unit in which files grow: a growing file never copies what it holds. */
const CHUNK_BYTES = 64 * 1024;
/** The first chunk starts with this and doubles: a partition without records is four small files, and there may be many. */
const FIRST_CHUNK_BYTES_MIN = 256;

export interface MemoryDiskOptions {
  /** Above it, writes fail with `no_space`. Default: none. */
  readonly capacityBytes?: number;
}

/** A new, empty disk. Its root directory exists; a relative path counts from there. */
export function memoryDisk(options: MemoryDiskOptions = {}): Disk {
  return new MemoryDisk(options.capacityBytes ?? Number.MAX_SAFE_INTEGER);
}

/** Chunks that all files of one disk may still take. */
class Room {
  readonly capacityBytes: number;
  freeBytes: number;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
    this.freeBytes = capacityBytes;
  }
}

class FileNode {
  readonly kind = "file";
  readonly chunks: Uint8Array[] = [];
  sizeBytes = 0;
  locked = false;
  readonly #room: Room;
  /** Open files, and one for the name: the last of them frees the bytes, as in a real file system. */
  #references = 1;

  constructor(room: Room) {
    this.#room = room;
  }

  hold(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.resize(0);
  }

  read(position: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - position));
    for (let done = 0; done < count;) {
      const from = (position + done) % CHUNK_BYTES;
      const length = Math.min(count - done, CHUNK_BYTES - from);
      const chunk = this.chunks[Math.floor((position + done) / CHUNK_BYTES)]!;
      into.set(chunk.subarray(from, from + length), done);
      done += length;
    }
    return count;
  }

  /** False when there is no room; what was there stays. */
  write(position: number, bytes: Uint8Array): boolean {
    const end = position + bytes.length;
    if (end > this.sizeBytes && !this.resize(end)) return false;
    for (let done = 0; done < bytes.length;) {
      const to = (position + done) % CHUNK_BYTES;
      const length = Math.min(bytes.length - done, CHUNK_BYTES - to);
      this.chunks[Math.floor((position + done) / CHUNK_BYTES)]!.set(bytes.subarray(done, done + length), to);
      done += length;
    }
    return true;
  }

  /** Cuts the file, or makes it longer with zeros. */
  resize(sizeBytes: number): boolean {
    const chunkCount = Math.ceil(sizeBytes / CHUNK_BYTES);
    const firstBytes = chunkCount === 0 ? 0 : Math.max(firstChunkBytes(sizeBytes), this.chunks[0]?.length ?? 0);
    const heldBytes = this.chunks.length === 0 ? 0 : this.chunks[0]!.length + (this.chunks.length - 1) * CHUNK_BYTES;
    const neededBytes = firstBytes + Math.max(0, chunkCount - 1) * CHUNK_BYTES - heldBytes;
    if (neededBytes > this.#room.freeBytes) return false;
    this.#room.freeBytes -= neededBytes;
    this.chunks.length = Math.min(this.chunks.length, chunkCount);
    if (firstBytes > (this.chunks[0]?.length ?? 0)) {
      const larger = new Uint8Array(firstBytes);
      if (this.chunks[0] !== undefined) larger.set(this.chunks[0]);
      this.chunks[0] = larger;
    }
    while (this.chunks.length < chunkCount) this.chunks.push(new Uint8Array(CHUNK_BYTES));
    // Bytes behind the end must read as zeros when the file grows over them again.
    if (sizeBytes < this.sizeBytes && sizeBytes % CHUNK_BYTES > 0) {
      this.chunks[chunkCount - 1]!.fill(0, sizeBytes % CHUNK_BYTES);
    }
    this.sizeBytes = sizeBytes;
    return true;
  }
}

/** A power of two that holds the file, up to a whole chunk. */
function firstChunkBytes(sizeBytes: number): number {
  let bytes = FIRST_CHUNK_BYTES_MIN;
  while (bytes < sizeBytes && bytes < CHUNK_BYTES) bytes *= 2;
  return bytes;
}

class DirectoryNode {
  readonly kind = "directory";
  readonly entries = new Map<string, TreeNode>();
}

type TreeNode = FileNode | DirectoryNode;

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

class MemoryDisk implements Disk {
  readonly #root = new DirectoryNode();
  readonly #room: Room;

  constructor(capacityBytes: number) {
    this.#room = new Room(capacityBytes);
  }

  // The methods are `async` so that a failure is a rejected promise, as it is on a real disk.

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new MemoryFile(path, this.#openNode(path, mode), mode === "read");
  }

  async list(directory: string): Promise<string[]> {
    return [...this.#directory("list", directory).entries.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  async status(path: string): Promise<FileStatus | null> {
    const node = this.#find(path);
    return node === null ? null : { kind: node.kind, sizeBytes: node.kind === "file" ? node.sizeBytes : 0 };
  }

  async makeDirectory(path: string): Promise<void> {
    let directory = this.#root;
    for (const part of partsOf(path)) {
      let next = directory.entries.get(part);
      if (next === undefined) directory.entries.set(part, next = new DirectoryNode());
      if (next.kind === "file") throw new PlatformError("not_a_directory", "make directory", path);
      directory = next;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#parent("rename", from);
    const node = source.directory.entries.get(source.name);
    if (node === undefined) throw new PlatformError("not_found", "rename", from);
    const target = this.#parent("rename", to);
    const replaced = target.directory.entries.get(target.name);
    if (replaced === node) return;
    if (replaced !== undefined) this.#checkReplace(node, replaced, to);
    source.directory.entries.delete(source.name);
    target.directory.entries.set(target.name, node);
    if (replaced?.kind === "file") replaced.release();
  }

  async remove(path: string): Promise<void> {
    const { directory, name } = this.#parent("remove", path);
    const node = directory.entries.get(name);
    if (node === undefined) throw new PlatformError("not_found", "remove", path);
    if (node.kind === "directory" && node.entries.size > 0) {
      throw new PlatformError("directory_not_empty", "remove", path);
    }
    directory.entries.delete(name);
    if (node.kind === "file") node.release();
  }

  async syncDirectory(path: string): Promise<void> {
    this.#directory("sync directory", path);
  }

  async lock(path: string): Promise<DiskLock> {
    const node = this.#openNode(path, "write");
    if (node.locked) {
      node.release();
      throw new PlatformError("locked", "lock", path);
    }
    node.locked = true;
    let released = false;
    return {
      release() {
        if (!released) {
          node.locked = false;
          node.release();
        }
        released = true;
        return Promise.resolve();
      },
    };
  }

  async space(path: string): Promise<DiskSpace> {
    if (this.#find(path) === null) throw new PlatformError("not_found", "measure", path);
    const { capacityBytes, freeBytes } = this.#room;
    return { totalBytes: capacityBytes === Number.MAX_SAFE_INTEGER ? null : capacityBytes, freeBytes };
  }

  /** The file, held once more for its opener. */
  #openNode(path: string, mode: OpenMode): FileNode {
    const { directory, name } = this.#parent("open", path);
    let node = directory.entries.get(name);
    if (node !== undefined && mode === "create") throw new PlatformError("already_exists", "open", path);
    if (node === undefined && mode === "read") throw new PlatformError("not_found", "open", path);
    if (node?.kind === "directory") throw new PlatformError("io", "open", path, { detail: "EISDIR" });
    if (node === undefined) directory.entries.set(name, node = new FileNode(this.#room));
    node.hold();
    return node;
  }

  #checkReplace(node: TreeNode, replaced: TreeNode, to: string): void {
    if (node.kind === "directory" && replaced.kind === "file") throw new PlatformError("not_a_directory", "rename", to);
    if (node.kind === "file" && replaced.kind === "directory") {
      throw new PlatformError("io", "rename", to, { detail: "EISDIR" });
    }
    if (replaced.kind === "directory" && replaced.entries.size > 0) {
      throw new PlatformError("directory_not_empty", "rename", to);
    }
  }

  #find(path: string): TreeNode | null {
    let node: TreeNode = this.#root;
    for (const part of partsOf(path)) {
      const next: TreeNode | undefined = node.kind === "directory" ? node.entries.get(part) : undefined;
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  #directory(operation: string, path: string): DirectoryNode {
    const node = this.#find(path);
    if (node === null) throw new PlatformError("not_found", operation, path);
    if (node.kind === "file") throw new PlatformError("not_a_directory", operation, path);
    return node;
  }

  #parent(operation: string, path: string): { directory: DirectoryNode; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw new PlatformError("permission_denied", operation, path, { detail: "it is the root" });
    return { directory: this.#directory(operation, parts.join("/")), name };
  }
}

class MemoryFile implements DiskFile {
  readonly #path: string;
  readonly #node: FileNode;
  readonly #isReadOnly: boolean;
  #closed = false;

  constructor(path: string, node: FileNode, isReadOnly: boolean) {
    this.#path = path;
    this.#isReadOnly = isReadOnly;
    this.#node = node;
  }

  async readAt(position: number, into: Uint8Array): Promise<number> {
    this.#mustBeOpen("read");
    return this.#node.read(position, into);
  }

  async writeAt(position: number, slices: readonly Uint8Array[]): Promise<void> {
    this.#mustBeOpen("write");
    this.#mustBeWritable("write");
    let at = position;
    for (const slice of slices) {
      if (!this.#node.write(at, slice)) throw new PlatformError("no_space", "write", this.#path);
      at += slice.length;
    }
  }

  async sync(): Promise<void> {
    this.#mustBeOpen("sync");
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#mustBeOpen("truncate");
    this.#mustBeWritable("truncate");
    if (!this.#node.resize(sizeBytes)) throw new PlatformError("no_space", "truncate", this.#path);
  }

  async sizeBytes(): Promise<number> {
    this.#mustBeOpen("measure");
    return this.#node.sizeBytes;
  }

  close(): Promise<void> {
    if (!this.#closed) this.#node.release();
    this.#closed = true;
    return Promise.resolve();
  }

  #mustBeOpen(operation: string): void {
    if (this.#closed) throw new PlatformError("closed", operation, this.#path);
  }

  #mustBeWritable(operation: string): void {
    if (this.#isReadOnly) {
      throw new PlatformError("permission_denied", operation, this.#path, { detail: "opened for reading" });
    }
  }
}
