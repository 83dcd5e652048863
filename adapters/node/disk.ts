/**
 * The disk that both runtimes share: names, error codes, repeated calls, order of closing. What the runtimes do
 * differently (which call works off the event loop, what a descriptor allows at once) stands behind `RawFileSystem`.
 */
import { lstat, mkdir, readdir, rename, rmdir, statfs, unlink } from "node:fs/promises";
import { PlatformError } from "../../src/base/errors.ts";
import type { Disk, DiskFile, DiskLock, DiskSpace, FileStatus, OpenMode } from "../../src/platform/disk.ts";
import { errnoName, platformError } from "./errors.ts";
import { FairSlots } from "./fair_slots.ts";
import { gatherSlices } from "./gather.ts";

/** Mode of every file that we make: what is in a log is nobody else's business. */
export const FILE_MODE = 0o600;
/** writev's own limit on Linux and macOS (IOV_MAX). */
export const SLICES_OF_ONE_WRITE_MAX = 1024;

/** One open file as a runtime gives it. Calls fail with the runtime's own errors; reads and writes may be short. */
export interface RawFile {
  read(position: number, into: Uint8Array): Promise<number>;
  write(position: number, slices: readonly Uint8Array[]): Promise<number>;
  /** fdatasync. */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

/** What a runtime brings. */
export interface RawFileSystem {
  open(path: string, mode: OpenMode): Promise<RawFile>;
  syncDirectory(path: string): Promise<void>;
  /** Null when another process or another open of the file holds the lock. */
  lock(path: string): Promise<DiskLock | null>;
  /** How many syncs may run at once and still leave the runtime a thread for reads. */
  readonly syncsAtOnceMax: number;
}

/** Faults that the conformance suite puts in; production gives none. */
export interface DiskFaults {
  /** Awaited inside every sync, before the real one. */
  readonly beforeSync?: (path: string) => Promise<void>;
  /** One raw write takes no more than this many bytes, as a signal or a full disk may cause. */
  readonly writeBytesMax?: number;
  /** Awaited before every raw write; what it throws is thrown by the write. */
  readonly beforeWrite?: (path: string) => Promise<void>;
}

/** A disk over `raw`. */
export function makeDisk(raw: RawFileSystem, faults: DiskFaults = {}): Disk {
  return new NodeDisk(raw, faults);
}

/** Runs a call again for as long as a signal interrupts it, and turns its failure into a `PlatformError`. */
async function attempt<Result>(operation: string, subject: string, call: () => Promise<Result>): Promise<Result> {
  while (true) {
    try {
      return await call();
    } catch (thrown) {
      if (errnoName(thrown) !== "EINTR") throw platformError(thrown, operation, subject);
    }
  }
}

class NodeDisk implements Disk {
  readonly #raw: RawFileSystem;
  readonly #faults: DiskFaults;
  readonly #syncs: FairSlots;

  constructor(raw: RawFileSystem, faults: DiskFaults) {
    this.#raw = raw;
    this.#faults = faults;
    this.#syncs = new FairSlots(raw.syncsAtOnceMax);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = await attempt("open", path, () => this.#raw.open(path, mode));
    return new NodeDiskFile({ path, isReadOnly: mode === "read" }, file, this.#syncs, this.#faults);
  }

  async list(directory: string): Promise<string[]> {
    const names = await attempt("list", directory, () => readdir(directory));
    return names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  async status(path: string): Promise<FileStatus | null> {
    try {
      const found = await attempt("look at", path, () => lstat(path));
      const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
      return { kind, sizeBytes: kind === "file" ? found.size : 0 };
    } catch (thrown) {
      if (thrown instanceof PlatformError && (thrown.code === "not_found" || thrown.code === "not_a_directory")) {
        return null;
      }
      throw thrown;
    }
  }

  async makeDirectory(path: string): Promise<void> {
    try {
      await attempt("make directory", path, () => mkdir(path, { recursive: true, mode: 0o700 }));
    } catch (thrown) {
      // What exists and is no directory has two names, by runtime and by whether it is the path itself or a parent.
      if (!(thrown instanceof PlatformError) || thrown.code !== "already_exists") throw thrown;
      throw new PlatformError("not_a_directory", "make directory", path, { cause: thrown.cause });
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await attempt("rename", from, () => rename(from, to));
  }

  async remove(path: string): Promise<void> {
    const found = await attempt("remove", path, () => lstat(path));
    await attempt("remove", path, () => (found.isDirectory() ? rmdir(path) : unlink(path)));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#syncs.run(async () => {
      await this.#faults.beforeSync?.(path);
      await attempt("sync directory", path, () => this.#raw.syncDirectory(path));
    });
  }

  async lock(path: string): Promise<DiskLock> {
    const lock = await attempt("lock", path, () => this.#raw.lock(path));
    if (lock === null) throw new PlatformError("locked", "lock", path);
    return lock;
  }

  async space(path: string): Promise<DiskSpace> {
    const found = await attempt("measure", path, () => statfs(path));
    return { totalBytes: found.blocks * found.bsize, freeBytes: found.bavail * found.bsize };
  }
}

class NodeDiskFile implements DiskFile {
  readonly #path: string;
  readonly #isReadOnly: boolean;
  readonly #raw: RawFile;
  readonly #syncs: FairSlots;
  readonly #faults: DiskFaults;
  #running = 0;
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(opened: { path: string; isReadOnly: boolean }, raw: RawFile, syncs: FairSlots, faults: DiskFaults) {
    this.#path = opened.path;
    this.#isReadOnly = opened.isReadOnly;
    this.#raw = raw;
    this.#syncs = syncs;
    this.#faults = faults;
  }

  readAt(position: number, into: Uint8Array): Promise<number> {
    return this.#run("read", async () => {
      let filled = 0;
      while (filled < into.length) {
        const rest = filled === 0 ? into : into.subarray(filled);
        const count = await attempt("read", this.#path, () => this.#raw.read(position + filled, rest));
        if (count === 0) break;
        filled += count;
      }
      return filled;
    });
  }

  writeAt(position: number, slices: readonly Uint8Array[]): Promise<void> {
    return this.#run("write", async () => {
      this.#mustBeWritable("write");
      let at = position;
      for (let rest = [...gatherSlices(slices)]; rest.length > 0;) {
        const now = this.#cutToFault(rest.slice(0, SLICES_OF_ONE_WRITE_MAX));
        const count = await attempt("write", this.#path, async () => {
          await this.#faults.beforeWrite?.(this.#path);
          return await this.#raw.write(at, now);
        });
        if (count <= 0) throw new PlatformError("io", "write", this.#path, { detail: "nothing was taken" });
        at += count;
        rest = withoutFirst(rest, count);
      }
    });
  }

  sync(): Promise<void> {
    return this.#run("sync", () =>
      this.#syncs.run(async () => {
        await this.#faults.beforeSync?.(this.#path);
        await attempt("sync", this.#path, () => this.#raw.sync());
      }));
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#run("truncate", async () => {
      this.#mustBeWritable("truncate");
      await attempt("truncate", this.#path, () => this.#raw.truncate(sizeBytes));
    });
  }

  sizeBytes(): Promise<number> {
    return this.#run("measure", () => attempt("measure", this.#path, () => this.#raw.sizeBytes()));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A descriptor's number is given to the next file that opens: a call that still runs would hit that file.
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    await attempt("close", this.#path, () => this.#raw.close());
  }

  async #run<Result>(operation: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== null) throw new PlatformError("closed", operation, this.#path);
    this.#running++;
    try {
      return await work();
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  /** The kernel's own answer is EBADF, which would be read as `closed`. */
  #mustBeWritable(operation: string): void {
    if (this.#isReadOnly) {
      throw new PlatformError("permission_denied", operation, this.#path, { detail: "opened for reading" });
    }
  }

  #cutToFault(slices: readonly Uint8Array[]): readonly Uint8Array[] {
    const bytesMax = this.#faults.writeBytesMax;
    return bytesMax === undefined ? slices : [slices[0]!.subarray(0, bytesMax)];
  }
}

/** `slices` after their first `count` bytes. */
function withoutFirst(slices: readonly Uint8Array[], count: number): Uint8Array[] {
  let index = 0;
  let left = count;
  while (index < slices.length && left >= slices[index]!.length) left -= slices[index++]!.length;
  const rest = slices.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
