/**
 * Bun's disk. Every call of node:fs with a callback runs in Bun's pool, positions are real (pread, pwrite), and one
 * descriptor serves reads, writes and syncs at once, since nothing in Bun or in the kernel queues them behind each other.
 *
 * The pool has as many threads as there are cores. A sync that the device holds up keeps its thread, so at most
 * pool − 1 of them run at once: reads, name lookups and compression always find one. Where the pool has a single thread,
 * a stalled sync does hold up reads; `UV_THREADPOOL_SIZE` gives Bun more.
 */
import { dlopen } from "bun:ffi";
import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import type { Disk, DiskLock, OpenMode } from "../../src/platform/disk.ts";
import { type DiskFaults, FILE_MODE, makeDisk, type RawFile, type RawFileSystem } from "../node/disk.ts";

/** The machine's files. */
export function bunDisk(faults: DiskFaults = {}): Disk {
  return makeDisk(rawFileSystem, faults);
}

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR | fs.constants.O_CREAT,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
};

type Callback<Result> = (error: Error | null, result: Result) => void;

function call<Result>(start: (done: Callback<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))));
}

class BunFile implements RawFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  read(position: number, into: Uint8Array): Promise<number> {
    return call((done) => fs.read(this.#descriptor, into, 0, into.length, position, done));
  }

  write(position: number, slices: readonly Uint8Array[]): Promise<number> {
    if (slices.length === 1) {
      const only = slices[0]!;
      return call((done) => fs.write(this.#descriptor, only, 0, only.length, position, done));
    }
    return call((done) => fs.writev(this.#descriptor, slices, position, done));
  }

  sync(): Promise<void> {
    return call((done: Callback<void>) => fs.fdatasync(this.#descriptor, (error) => done(error)));
  }

  truncate(sizeBytes: number): Promise<void> {
    return call((done: Callback<void>) => fs.ftruncate(this.#descriptor, sizeBytes, (error) => done(error)));
  }

  async sizeBytes(): Promise<number> {
    const status = await call((done: Callback<fs.Stats>) => fs.fstat(this.#descriptor, done));
    return status.size;
  }

  close(): Promise<void> {
    return closeDescriptor(this.#descriptor);
  }
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return call((done) => fs.open(path, flags, FILE_MODE, done));
}

function closeDescriptor(descriptor: number): Promise<void> {
  return call((done: Callback<void>) => fs.close(descriptor, (error) => done(error ?? null)));
}

/** Bun sizes its pool by these, in this order, at start. */
function poolThreads(): number {
  for (const name of ["UV_THREADPOOL_SIZE", "GOMAXPROCS"]) {
    const count = Number(process.env[name]);
    if (Number.isSafeInteger(count) && count > 0) return count;
  }
  return availableParallelism();
}

const LOCK_EXCLUSIVE = 2;
const LOCK_NON_BLOCKING = 4;

let flock: ((descriptor: number, operation: number) => number) | null = null;

/** flock(2): freed by the kernel when the process ends in whatever way. node:fs has no call for it. */
function loadFlock(): (descriptor: number, operation: number) => number {
  if (flock !== null) return flock;
  const names = process.platform === "darwin"
    ? ["libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`, "libc.so"];
  let failure: unknown;
  for (const name of names) {
    try {
      flock = dlopen(name, { flock: { args: ["i32", "i32"], returns: "i32" } }).symbols.flock;
      return flock;
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw failure;
}

const rawFileSystem: RawFileSystem = {
  syncsAtOnceMax: Math.max(1, poolThreads() - 1),

  async open(path, mode) {
    return new BunFile(await openDescriptor(path, FLAGS[mode]));
  },

  async syncDirectory(path) {
    const descriptor = await openDescriptor(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      await call((done: Callback<void>) => fs.fsync(descriptor, (error) => done(error)));
    } finally {
      await closeDescriptor(descriptor);
    }
  },

  async lock(path): Promise<DiskLock | null> {
    const descriptor = await openDescriptor(path, FLAGS.write);
    if (loadFlock()(descriptor, LOCK_EXCLUSIVE | LOCK_NON_BLOCKING) !== 0) {
      await closeDescriptor(descriptor);
      return null;
    }
    let released: Promise<void> | null = null;
    return { release: () => released ??= closeDescriptor(descriptor) };
  },
};
