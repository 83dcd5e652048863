/**
 * Deno's disk. Three things shape it.
 *
 * A `Deno.FsFile` has no positional read: seek and read from two places give each other's bytes. So reads are node:fs's,
 * whose positions are real. node:fs's writes and truncates run on the event loop itself: a write that the kernel holds
 * up (dirty pages over their limit, a journal commit) would stop the whole broker. So those are `FsFile`'s, where a seek
 * before a write is safe because there is one write at a time. And calls on one descriptor queue behind each other: a
 * read would wait for the sync. So reading, writing and syncing have a descriptor each.
 *
 * Deno's pool for blocking calls has up to 512 threads, so stalled syncs leave room for reads.
 */
import * as fs from "node:fs";
import { AssertionError } from "../../src/base/assert.ts";
import type { Disk, DiskLock, OpenMode } from "../../src/platform/disk.ts";
import { type DiskFaults, FILE_MODE, makeDisk, type RawFile, type RawFileSystem } from "../node/disk.ts";

/** The machine's files. */
export function denoDisk(faults: DiskFaults = {}): Disk {
  return makeDisk(rawFileSystem, faults);
}

/** Slices are gathered up to this many bytes for one call: a call costs more than copying them. */
const GATHER_BYTES_MAX = 256 * 1024;
/** Of Deno's 512 threads: enough for any device's queue, and most stay for reads. */
const SYNCS_AT_ONCE_MAX = 64;

function openForRead(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, fs.constants.O_RDONLY, (error, descriptor) => (error ? reject(error) : resolve(descriptor!)));
  });
}

function closeDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => fs.close(descriptor, (error) => (error ? reject(error) : resolve())));
}

function readDescriptor(descriptor: number, position: number, into: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, into, 0, into.length, position, (error, count) => (error ? reject(error) : resolve(count!)));
  });
}

/** The first slices as one buffer of at most `GATHER_BYTES_MAX`; a first slice that is larger is taken as it is. */
function gather(slices: readonly Uint8Array[]): Uint8Array {
  const first = slices[0]!;
  if (slices.length === 1 || first.length >= GATHER_BYTES_MAX) return first;
  let total = 0;
  let count = 0;
  while (count < slices.length && total + slices[count]!.length <= GATHER_BYTES_MAX) total += slices[count++]!.length;
  const gathered = new Uint8Array(total);
  let at = 0;
  for (const slice of slices.slice(0, count)) {
    gathered.set(slice, at);
    at += slice.length;
  }
  return gathered;
}

/** `makeDisk` has refused the call already. */
function unreachableForReaders(): never {
  throw new AssertionError("A file that was opened for reading is not written to");
}

class DenoReadFile implements RawFile {
  readonly #reader: number;

  constructor(reader: number) {
    this.#reader = reader;
  }

  read(position: number, into: Uint8Array): Promise<number> {
    return readDescriptor(this.#reader, position, into);
  }

  write(): Promise<number> {
    return unreachableForReaders();
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => fs.fdatasync(this.#reader, (error) => (error ? reject(error) : resolve())));
  }

  truncate(): Promise<void> {
    return unreachableForReaders();
  }

  sizeBytes(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#reader, (error, status) => (error ? reject(error) : resolve(status!.size)));
    });
  }

  close(): Promise<void> {
    return closeDescriptor(this.#reader);
  }
}

class DenoFile implements RawFile {
  readonly #reader: number;
  readonly #writer: Deno.FsFile;
  readonly #syncer: Deno.FsFile;
  /** Where the writer's own position stands, so that appends need no seek. */
  #writerAt = 0;

  constructor(reader: number, writer: Deno.FsFile, syncer: Deno.FsFile) {
    this.#reader = reader;
    this.#writer = writer;
    this.#syncer = syncer;
  }

  read(position: number, into: Uint8Array): Promise<number> {
    return readDescriptor(this.#reader, position, into);
  }

  async write(position: number, slices: readonly Uint8Array[]): Promise<number> {
    if (position !== this.#writerAt) this.#writerAt = this.#writer.seekSync(position, Deno.SeekMode.Start);
    try {
      const count = await this.#writer.write(gather(slices));
      this.#writerAt += count;
      return count;
    } catch (thrown) {
      this.#writerAt = -1;
      throw thrown;
    }
  }

  sync(): Promise<void> {
    return this.#syncer.syncData();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#writer.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return (await this.#writer.stat()).size;
  }

  async close(): Promise<void> {
    this.#writer.close();
    this.#syncer.close();
    await closeDescriptor(this.#reader);
  }
}

async function openForWrite(path: string, mode: "write" | "create"): Promise<RawFile> {
  const options = mode === "create" ? { createNew: true } : { create: true };
  const writer = await Deno.open(path, { read: true, write: true, mode: FILE_MODE, ...options });
  try {
    // All three before the first write: a name may be given to another file later, and a failed write-back is told to
    // every descriptor that was open then.
    const syncer = await Deno.open(path, { read: true, write: true });
    try {
      return new DenoFile(await openForRead(path), writer, syncer);
    } catch (thrown) {
      syncer.close();
      throw thrown;
    }
  } catch (thrown) {
    writer.close();
    throw thrown;
  }
}

const rawFileSystem: RawFileSystem = {
  syncsAtOnceMax: SYNCS_AT_ONCE_MAX,

  async open(path: string, mode: OpenMode) {
    return mode === "read" ? new DenoReadFile(await openForRead(path)) : await openForWrite(path, mode);
  },

  async syncDirectory(path) {
    const directory = await Deno.open(path, { read: true });
    try {
      if (!(await directory.stat()).isDirectory) throw new Deno.errors.NotADirectory(path);
      await directory.sync();
    } finally {
      directory.close();
    }
  },

  async lock(path): Promise<DiskLock | null> {
    const file = await Deno.open(path, { read: true, write: true, create: true, mode: FILE_MODE });
    if (!(await file.tryLock(true))) {
      file.close();
      return null;
    }
    let released = false;
    return {
      release() {
        if (!released) file.close();
        released = true;
        return Promise.resolve();
      },
    };
  },
};
