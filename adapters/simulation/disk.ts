/**
 * The disk of one simulated process: handles over a `Volume`. Each change is an *effect* with a number, so that a run can
 * be cut after any of them; a process that is halted never hears from its disk again.
 *
 * A new process over the same volume sees what a killed one left; `afterPowerLoss(volume, …)` makes what a power loss
 * leaves. `Volume.copy()` keeps a moment, so that many crashes can be tried on it.
 */
import { PlatformError } from "../../src/base/errors.ts";
import type { Disk, DiskFile, DiskLock, DiskSpace, FileStatus, OpenMode } from "../../src/platform/disk.ts";
import { DiskFaults, faultError } from "./disk_faults.ts";
import type { DiskFault, DiskOperation } from "./disk_faults.ts";
import { immediatePace } from "./disk_pace.ts";
import type { DiskPace } from "./disk_pace.ts";
import { SimulatedFile } from "./disk_file.ts";
import { DirectoryNode, FileNode, partsOf } from "./volume.ts";
import type { EntryOfChange, TreeNode, Volume } from "./volume.ts";

/** A change of the volume, as it is made. */
export interface DiskEffect {
  /** From 1. */
  readonly number: number;
  readonly operation: DiskOperation;
  readonly path: string;
}

export interface SimulatedDiskOptions {
  /** Default: in order, without time. */
  readonly pace?: DiskPace;
  /** One read or write moves no more than this at a time; other operations come between. Default: all. */
  readonly pieceBytesMax?: number;
  /** The process dies right after the effect of this number, before it hears of it. */
  readonly crashAfterEffect?: number;
  /** Called after each effect, before its answer; may halt the disk or take copies of the volume. */
  readonly onEffect?: (effect: DiskEffect) => void;
}

/** What a dead process gets. */
const never = <Result>(): Promise<Result> => new Promise<Result>(() => {});

export class SimulatedDisk implements Disk {
  readonly volume: Volume;
  readonly faults = new DiskFaults();
  readonly pieceBytesMax: number;
  /** Resolves when the process has died. */
  readonly halted: Promise<void>;
  readonly #options: SimulatedDiskOptions;
  readonly #pace: DiskPace;
  readonly #open = new Set<FileNode[]>();
  #isHalted = false;
  #effects = 0;
  #resolveHalted: () => void = () => {};

  constructor(volume: Volume, options: SimulatedDiskOptions = {}) {
    this.volume = volume;
    this.#options = options;
    this.#pace = options.pace ?? immediatePace;
    this.pieceBytesMax = options.pieceBytesMax ?? Infinity;
    this.halted = new Promise((resolve) => this.#resolveHalted = resolve);
  }

  /** Changes made so far. */
  get effects(): number {
    return this.#effects;
  }

  get openFiles(): number {
    return this.#open.size;
  }

  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** The end of the process: nothing is answered any more, its open files and locks are freed. */
  halt(): void {
    if (this.#isHalted) return;
    this.#isHalted = true;
    for (const [node] of this.#open) this.volume.release(node!);
    this.#open.clear();
    for (const [node, holder] of this.volume.locks) {
      if (holder === this) {
        this.volume.locks.delete(node);
        this.volume.release(node);
      }
    }
    this.#resolveHalted();
  }

  /**
   * Runs one operation at its pace. `effect` gets the fault that it meets with an effect other than `none`, and throws
   * what it does not handle itself.
   */
  async perform<Result>(
    operation: DiskOperation,
    path: string,
    bytes: number,
    effect: (fault: DiskFault | null) => Result,
  ): Promise<Result> {
    if (this.#isHalted) return await never();
    try {
      const result = await this.#pace.perform(operation, bytes, () => {
        if (this.#isHalted) throw new PlatformError("closed", operation, path);
        const fault = this.faults.take(operation, path);
        if (fault !== null && fault.effect === "none") throw faultError(fault, path);
        const done = effect(fault);
        if (fault !== null) throw faultError(fault, path);
        return done;
      });
      return this.#isHalted ? await never() : result;
    } catch (thrown) {
      if (this.#isHalted) return await never();
      throw thrown;
    }
  }

  /** To be called after each change of the volume. */
  changed(operation: DiskOperation, path: string): void {
    this.#effects += 1;
    this.#options.onEffect?.({ number: this.#effects, operation, path });
    if (this.#effects === this.#options.crashAfterEffect) this.halt();
  }

  // -- Names --------------------------------------------------------------------------------------------------------

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.perform("open", path, 0, () => {
      const node = this.#openNode("open", path, mode);
      // The set holds one entry for each open file; a node can be open several times.
      const entry = [node];
      this.#open.add(entry);
      return new SimulatedFile(this, { path, node, isReadOnly: mode === "read" }, () => {
        if (this.#open.delete(entry)) this.volume.release(node);
      });
    });
  }

  list(directory: string): Promise<string[]> {
    return this.perform("list", directory, 0, () => {
      const names = [...this.#directory("list", directory).entries.keys()];
      return names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    });
  }

  status(path: string): Promise<FileStatus | null> {
    return this.perform("look at", path, 0, () => {
      const node = this.volume.find(path);
      return node === null ? null : { kind: node.kind, sizeBytes: node.kind === "file" ? node.visible.sizeBytes : 0 };
    });
  }

  async makeDirectory(path: string): Promise<void> {
    const parts = partsOf(path);
    // One directory at a time: a crash may come between a parent and its child.
    for (let depth = 1; depth <= parts.length; depth++) {
      await this.perform("make directory", path, 0, () => {
        const directory = this.#directoryOfParts(parts.slice(0, depth - 1), path);
        const name = parts[depth - 1]!;
        const found = directory.entries.get(name);
        if (found?.kind === "file") throw new PlatformError("not_a_directory", "make directory", path);
        if (found === undefined) {
          this.#changeEntries("make directory", path, [{ directory, name, node: new DirectoryNode() }]);
        }
      });
    }
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform("rename", from, 0, () => {
      const source = this.#parent("rename", from);
      const node = source.directory.entries.get(source.name);
      if (node === undefined) throw new PlatformError("not_found", "rename", from);
      const target = this.#parent("rename", to);
      const replaced = target.directory.entries.get(target.name);
      if (replaced === node) return;
      if (replaced !== undefined) checkReplace(node, replaced, to);
      this.#changeEntries("rename", from, [{ ...target, node }, { ...source, node: null }]);
    });
  }

  remove(path: string): Promise<void> {
    return this.perform("remove", path, 0, () => {
      const { directory, name } = this.#parent("remove", path);
      const node = directory.entries.get(name);
      if (node === undefined) throw new PlatformError("not_found", "remove", path);
      if (node.kind === "directory" && node.entries.size > 0) {
        throw new PlatformError("directory_not_empty", "remove", path);
      }
      this.#changeEntries("remove", path, [{ directory, name, node: null }]);
    });
  }

  async syncDirectory(path: string): Promise<void> {
    const { sequence } = this.volume;
    await this.perform("sync directory", path, 0, (fault) => {
      const directory = this.#directory("sync directory", path);
      if (fault?.effect === "lost") return;
      this.volume.syncDirectory(directory, sequence);
      this.changed("sync directory", path);
    });
  }

  lock(path: string): Promise<DiskLock> {
    return this.perform("lock", path, 0, () => {
      const { volume } = this;
      const node = this.#openNode("lock", path, "write");
      if (volume.locks.has(node)) {
        volume.release(node);
        throw new PlatformError("locked", "lock", path);
      }
      volume.locks.set(node, this);
      let isReleased = false;
      return {
        release: async () => {
          if (!isReleased && volume.locks.get(node) === this) {
            volume.locks.delete(node);
            volume.release(node);
          }
          isReleased = true;
        },
      };
    });
  }

  space(path: string): Promise<DiskSpace> {
    return this.perform("measure", path, 0, () => {
      if (this.volume.find(path) === null) throw new PlatformError("not_found", "measure", path);
      return { totalBytes: this.volume.capacityBytes, freeBytes: this.volume.freeBytes };
    });
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** The file, held once more for its opener. */
  #openNode(operation: DiskOperation, path: string, mode: OpenMode): FileNode {
    if (this.#open.size >= this.faults.openFilesMax) throw new PlatformError("too_many_open_files", operation, path);
    const { directory, name } = this.#parent(operation, path);
    let node = directory.entries.get(name);
    if (node !== undefined && mode === "create") throw new PlatformError("already_exists", operation, path);
    if (node === undefined && mode === "read") throw new PlatformError("not_found", operation, path);
    if (node?.kind === "directory") throw new PlatformError("io", operation, path, { detail: "EISDIR" });
    if (node === undefined) {
      node = new FileNode();
      this.#changeEntries(operation, path, [{ directory, name, node }]);
    }
    this.volume.hold(node);
    return node;
  }

  #changeEntries(operation: DiskOperation, path: string, entries: readonly EntryOfChange[]): void {
    this.volume.changeEntries(entries);
    this.changed(operation, path);
  }

  #directory(operation: DiskOperation, path: string): DirectoryNode {
    const node = this.volume.find(path);
    if (node === null) throw new PlatformError("not_found", operation, path);
    if (node.kind === "file") throw new PlatformError("not_a_directory", operation, path);
    return node;
  }

  #directoryOfParts(parts: readonly string[], path: string): DirectoryNode {
    let directory = this.volume.root;
    for (const part of parts) {
      const next = directory.entries.get(part);
      if (next === undefined) throw new PlatformError("not_found", "make directory", path);
      if (next.kind === "file") throw new PlatformError("not_a_directory", "make directory", path);
      directory = next;
    }
    return directory;
  }

  #parent(operation: DiskOperation, path: string): { directory: DirectoryNode; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw new PlatformError("permission_denied", operation, path, { detail: "it is the root" });
    const parent = parts.join("/");
    const node = this.volume.find(parent);
    // A file where a directory should be has its own answer, however deep it lies.
    if (node === null && this.#hasFileOn(parts)) throw new PlatformError("not_a_directory", operation, path);
    return { directory: this.#directory(operation, parent), name };
  }

  #hasFileOn(parts: readonly string[]): boolean {
    let node: TreeNode | undefined = this.volume.root;
    for (const part of parts) {
      if (node === undefined) return false;
      if (node.kind === "file") return true;
      node = node.entries.get(part);
    }
    return false;
  }
}

function checkReplace(node: TreeNode, replaced: TreeNode, to: string): void {
  if (node.kind === "directory" && replaced.kind === "file") throw new PlatformError("not_a_directory", "rename", to);
  if (node.kind === "file" && replaced.kind === "directory") {
    throw new PlatformError("io", "rename", to, { detail: "EISDIR" });
  }
  if (replaced.kind === "directory" && replaced.entries.size > 0) {
    throw new PlatformError("directory_not_empty", "rename", to);
  }
}
