/**
 * A disk in memory that knows what a power loss would leave. Each file keeps its synced bytes and the writes since;
 * each directory keeps its synced entries. `crash` makes the disk that the next start would see.
 *
 * Hooks see every effect: `before` may hold it back or throw, which is how a test makes one fail; `after` may take a
 * crash image at that very point.
 */
import { PlatformError } from "../../src/base/errors.ts";
import type { PlatformErrorCode } from "../../src/base/errors.ts";
import type { Disk, DiskFile, DiskLock, DiskSpace, FileStatus, OpenMode } from "../../src/platform/disk.ts";
import type { SeededRandom } from "../seeded_random.ts";

export type Operation =
  | "open"
  | "create"
  | "write"
  | "truncate"
  | "sync"
  | "rename"
  | "remove"
  | "sync directory"
  | "make directory";

export interface Effect {
  readonly operation: Operation;
  readonly path: string;
}

/**
 * What of the unsynced survives: `kill` everything (the process died, the machine lives), `lost` nothing, `some` an
 * arbitrary part of the writes and of the directory entries, writes torn at any byte.
 */
export type CrashMode = "kill" | "lost" | "some";

type Change = { readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array } | {
  readonly kind: "size";
  readonly bytes: number;
};

class FileNode {
  readonly kind = "file";
  bytes = new Uint8Array(0);
  synced = new Uint8Array(0);
  unsynced: Change[] = [];
  locked = false;

  apply(change: Change): void {
    this.bytes = applied(this.bytes, change);
    this.unsynced.push(change);
  }

  sync(): void {
    this.synced = this.bytes.slice();
    this.unsynced = [];
  }
}

class DirectoryNode {
  readonly kind = "directory";
  entries = new Map<string, FileNode | DirectoryNode>();
  synced = new Map<string, FileNode | DirectoryNode>();
}

function applied(bytes: Uint8Array, change: Change): Uint8Array<ArrayBuffer> {
  const sizeBytes = change.kind === "size"
    ? change.bytes
    : Math.max(bytes.length, change.position + change.bytes.length);
  const changed = new Uint8Array(sizeBytes);
  changed.set(bytes.subarray(0, sizeBytes));
  if (change.kind === "write") changed.set(change.bytes, change.position);
  return changed;
}

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

export class FaultyDisk implements Disk {
  readonly root = new DirectoryNode();
  before: (effect: Effect) => void | Promise<void> = () => {};
  after: (effect: Effect) => void = () => {};
  readonly effects: Effect[] = [];
  /** Files that are open now: what is left at the end was leaked. */
  openFiles = 0;

  /** How many effects of one kind there were, on paths that end so. */
  count(operation: Operation, suffix = ""): number {
    return this.effects.filter((effect) => effect.operation === operation && effect.path.endsWith(suffix)).length;
  }

  /** Lets the next effect of this kind, on a path that ends so, fail; `skip` of them go well before. */
  failNext(
    operation: Operation,
    code: PlatformErrorCode,
    options: { readonly suffix?: string; readonly skip?: number } = {},
  ): void {
    const { suffix = "" } = options;
    let skip = options.skip ?? 0;
    const { before } = this;
    this.before = async (effect) => {
      if (effect.operation === operation && effect.path.endsWith(suffix) && skip-- === 0) {
        this.before = before;
        throw new PlatformError(code, operation, effect.path);
      }
      await before(effect);
    };
  }

  /** The disk as the next start finds it. This one goes on as if nothing had happened. */
  crash(mode: CrashMode, random?: SeededRandom): FaultyDisk {
    const disk = new FaultyDisk();
    const copies = new Map<FileNode | DirectoryNode, FileNode | DirectoryNode>();
    const survives = (): boolean => mode === "kill" || (mode === "some" && random!.below(2) === 0);
    const copy = (node: FileNode | DirectoryNode): FileNode | DirectoryNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const made = node.kind === "file" ? copyFile(node) : new DirectoryNode();
      copies.set(node, made);
      if (node.kind === "directory") copyEntries(node, made as DirectoryNode);
      return made;
    };
    const copyFile = (node: FileNode): FileNode => {
      const file = new FileNode();
      file.bytes = node.synced.slice();
      for (const change of node.unsynced) {
        if (!survives()) continue;
        const isTorn = mode === "some" && change.kind === "write" && random!.below(3) === 0;
        file.bytes = applied(
          file.bytes,
          isTorn ? { ...change, bytes: change.bytes.slice(0, random!.below(change.bytes.length + 1)) } : change,
        );
      }
      file.sync();
      return file;
    };
    const copyEntries = (node: DirectoryNode, made: DirectoryNode): void => {
      for (const name of new Set([...node.synced.keys(), ...node.entries.keys()])) {
        const before = node.synced.get(name);
        const now = node.entries.get(name);
        const kept = before === now || !survives() ? before : now;
        if (kept !== undefined) made.entries.set(name, copy(kept));
      }
      made.synced = new Map(made.entries);
    };
    copyEntries(this.root, disk.root);
    return disk;
  }

  /** The bytes of a file as they are now, for tests that look or do damage. */
  bytesOf(path: string): Uint8Array {
    return this.#file(path).bytes;
  }

  /** Puts bytes into a file, synced, as if they had always been there. */
  put(path: string, bytes: Uint8Array): void {
    const { directory, name } = this.#parent("open", path);
    const node = directory.entries.get(name) ?? new FileNode();
    if (node.kind !== "file") throw new PlatformError("io", "open", path);
    node.bytes = bytes.slice();
    node.sync();
    directory.entries.set(name, node);
    directory.synced.set(name, node);
  }

  async #effect(operation: Operation, path: string, work: () => void): Promise<void> {
    const effect = { operation, path };
    await this.before(effect);
    work();
    this.effects.push(effect);
    this.after(effect);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const { directory, name } = this.#parent("open", path);
    await this.before({ operation: "open", path });
    const known = directory.entries.get(name);
    if (known === undefined && mode === "read") throw new PlatformError("not_found", "open", path);
    if (known !== undefined && mode === "create") throw new PlatformError("already_exists", "open", path);
    if (known?.kind === "directory") throw new PlatformError("io", "open", path, { detail: "EISDIR" });
    const node = known ?? new FileNode();
    if (known === undefined) await this.#effect("create", path, () => void directory.entries.set(name, node));
    this.openFiles += 1;
    return this.#opened(path, node);
  }

  #opened(path: string, node: FileNode): DiskFile {
    let isOpen = true;
    const mustBeOpen = (operation: string): void => {
      if (!isOpen) throw new PlatformError("closed", operation, path);
    };
    return {
      readAt: async (position, into) => {
        mustBeOpen("read");
        await Promise.resolve();
        const found = node.bytes.subarray(position, position + into.length);
        into.set(found);
        return found.length;
      },
      writeAt: async (position, slices) => {
        mustBeOpen("write");
        const whole = Uint8Array.from(slices.flatMap((slice) => [...slice]));
        try {
          await this.#effect("write", path, () => node.apply({ kind: "write", position, bytes: whole }));
        } catch (thrown) {
          // A write that fails has written some of its bytes.
          if (whole.length > 1) node.apply({ kind: "write", position, bytes: whole.slice(0, whole.length >> 1) });
          throw thrown;
        }
      },
      sync: async () => {
        mustBeOpen("sync");
        const pending = node.bytes.slice();
        const count = node.unsynced.length;
        // Only what was written before the call is known to be durable after it.
        await this.#effect("sync", path, () => {
          node.synced = pending;
          node.unsynced = node.unsynced.slice(count);
        });
      },
      truncate: async (sizeBytes) => {
        mustBeOpen("truncate");
        await this.#effect("truncate", path, () => node.apply({ kind: "size", bytes: sizeBytes }));
      },
      sizeBytes: () => Promise.resolve(node.bytes.length),
      close: () => {
        if (isOpen) this.openFiles -= 1;
        isOpen = false;
        return Promise.resolve();
      },
    };
  }

  async list(directory: string): Promise<string[]> {
    await Promise.resolve();
    return [...this.#directory("list", directory).entries.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  async status(path: string): Promise<FileStatus | null> {
    await Promise.resolve();
    const node = this.#find(path);
    return node === null ? null : { kind: node.kind, sizeBytes: node.kind === "file" ? node.bytes.length : 0 };
  }

  async makeDirectory(path: string): Promise<void> {
    let directory = this.root;
    for (const part of partsOf(path)) {
      const next = directory.entries.get(part);
      if (next?.kind === "file") throw new PlatformError("not_a_directory", "make directory", path);
      const parent = directory;
      directory = next ?? new DirectoryNode();
      if (next === undefined) {
        await this.#effect("make directory", path, () => void parent.entries.set(part, directory));
      }
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#parent("rename", from);
    const target = this.#parent("rename", to);
    const node = source.directory.entries.get(source.name);
    if (node === undefined) throw new PlatformError("not_found", "rename", from);
    const replaced = target.directory.entries.get(target.name);
    if (replaced?.kind === "directory" && replaced.entries.size > 0) {
      throw new PlatformError("directory_not_empty", "rename", to);
    }
    await this.#effect("rename", to, () => {
      source.directory.entries.delete(source.name);
      target.directory.entries.set(target.name, node);
    });
  }

  async remove(path: string): Promise<void> {
    const { directory, name } = this.#parent("remove", path);
    const node = directory.entries.get(name);
    if (node === undefined) throw new PlatformError("not_found", "remove", path);
    if (node.kind === "directory" && node.entries.size > 0) {
      throw new PlatformError("directory_not_empty", "remove", path);
    }
    await this.#effect("remove", path, () => void directory.entries.delete(name));
  }

  async syncDirectory(path: string): Promise<void> {
    const node = this.#directory("sync directory", path);
    await this.#effect("sync directory", path, () => void (node.synced = new Map(node.entries)));
  }

  async lock(path: string): Promise<DiskLock> {
    await Promise.resolve();
    const { directory, name } = this.#parent("lock", path);
    const node = directory.entries.get(name) ?? new FileNode();
    if (node.kind !== "file" || node.locked) throw new PlatformError("locked", "lock", path);
    directory.entries.set(name, node);
    node.locked = true;
    return { release: () => Promise.resolve(void (node.locked = false)) };
  }

  space(): Promise<DiskSpace> {
    return Promise.resolve({ totalBytes: null, freeBytes: Number.MAX_SAFE_INTEGER });
  }

  #find(path: string): FileNode | DirectoryNode | null {
    let node: FileNode | DirectoryNode = this.root;
    for (const part of partsOf(path)) {
      const next: FileNode | DirectoryNode | undefined = node.kind === "directory" ? node.entries.get(part) : undefined;
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  #file(path: string): FileNode {
    const node = this.#find(path);
    if (node?.kind !== "file") throw new PlatformError("not_found", "open", path);
    return node;
  }

  #directory(operation: string, path: string): DirectoryNode {
    const node = this.#find(path);
    if (node?.kind !== "directory") throw new PlatformError("not_found", operation, path);
    return node;
  }

  #parent(operation: string, path: string): { readonly directory: DirectoryNode; readonly name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw new PlatformError("permission_denied", operation, path);
    return { directory: this.#directory(operation, parts.join("/")), name };
  }
}
