/** The open files of tables: at most so many at once, opened when they are read, the longest unused closed first. */
import { PlatformError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Disk, DiskFile } from "../../platform/disk.ts";

interface OpenTable {
  readonly file: Promise<DiskFile>;
  /** Reads that run. */
  users: number;
}

export class TableFiles {
  readonly #disk: Disk;
  readonly #openMax: number;
  #isClosed = false;
  /** By path; the longest unused first. */
  readonly #open = new Map<string, OpenTable>();

  constructor(disk: Disk, openMax: number = LIMITS.lsmOpenTablesMax) {
    this.#disk = disk;
    this.#openMax = openMax;
  }

  /** Reads as `DiskFile.readAt` does. */
  async readAt(path: string, position: number, into: Uint8Array): Promise<number> {
    if (this.#isClosed) throw new PlatformError("closed", "read", path);
    const table = this.#use(path);
    try {
      return await (await table.file).readAt(position, into);
    } finally {
      table.users -= 1;
    }
  }

  async close(path: string): Promise<void> {
    const table = this.#open.get(path);
    this.#open.delete(path);
    if (table !== undefined) await closeQuietly(table);
  }

  /** Later reads fail. */
  async closeAll(): Promise<void> {
    this.#isClosed = true;
    for (const path of [...this.#open.keys()]) await this.close(path);
  }

  #use(path: string): OpenTable {
    let table = this.#open.get(path);
    if (table === undefined) {
      const file = this.#disk.open(path, "read");
      table = { file, users: 0 };
      // The next read tries again; this one's caller hears of it.
      file.catch(() => {
        if (this.#open.get(path)?.file === file) this.#open.delete(path);
      });
      this.#closeIdle();
    }
    table.users += 1;
    this.#open.delete(path);
    this.#open.set(path, table);
    return table;
  }

  #closeIdle(): void {
    for (const [path, table] of this.#open) {
      if (this.#open.size < this.#openMax) return;
      if (table.users > 0) continue;
      this.#open.delete(path);
      void closeQuietly(table);
    }
  }
}

/** A file that was only read loses nothing when its close fails. */
async function closeQuietly(table: OpenTable): Promise<void> {
  try {
    await (await table.file).close();
  } catch {
    // It was never open, or is as good as closed.
  }
}
