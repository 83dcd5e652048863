/** An open file of a simulated disk. */
import { assert } from "../../src/base/assert.ts";
import { PlatformError } from "../../src/base/errors.ts";
import type { DiskFile } from "../../src/platform/disk.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { DiskFault, DiskOperation } from "./disk_faults.ts";
import type { FileNode } from "./volume.ts";

/** Reads are seldom cut shorter: a scan of a large file would be nothing but events. */
const READ_PIECE_BYTES_MIN = 8_192;

interface OpenedFile {
  readonly path: string;
  readonly node: FileNode;
  readonly isReadOnly: boolean;
}

export class SimulatedFile implements DiskFile {
  readonly #disk: SimulatedDisk;
  readonly #path: string;
  readonly #node: FileNode;
  readonly #isReadOnly: boolean;
  readonly #onClose: () => void;
  #running = 0;
  #isChanging = false;
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(disk: SimulatedDisk, { path, node, isReadOnly }: OpenedFile, onClose: () => void) {
    this.#disk = disk;
    this.#path = path;
    this.#node = node;
    this.#isReadOnly = isReadOnly;
    this.#onClose = onClose;
  }

  readAt(position: number, into: Uint8Array): Promise<number> {
    return this.#run("read", async () => {
      const pieceBytesMax = Math.max(this.#disk.pieceBytesMax, READ_PIECE_BYTES_MIN);
      let filled = 0;
      do {
        const piece = into.subarray(filled, Math.min(into.length, filled + pieceBytesMax));
        const from = position + filled;
        const count = await this.#disk.perform(
          "read",
          this.#path,
          piece.length,
          () => this.#node.visible.read(from, piece),
        );
        filled += count;
        if (count < piece.length) break;
      } while (filled < into.length);
      return filled;
    });
  }

  writeAt(position: number, slices: readonly Uint8Array[]): Promise<void> {
    return this.#run("write", () =>
      this.#change("write", async () => {
        let at = position;
        for (const piece of this.#piecesOf(slices)) {
          const from = at;
          await this.#disk.perform("write", this.#path, piece.length, (fault) => this.#write(from, piece, fault));
          at += piece.length;
        }
      }));
  }

  sync(): Promise<void> {
    return this.#run("sync", async () => {
      const { volume } = this.#disk;
      // What is written while the sync runs is not covered by it.
      const { sequence } = volume;
      await this.#disk.perform("sync", this.#path, 0, (fault) => {
        if (fault?.effect === "lost") volume.loseSync(this.#node, sequence);
        else volume.sync(this.#node, sequence);
        this.#disk.changed("sync", this.#path);
      });
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#run(
      "truncate",
      () =>
        this.#change("truncate", () =>
          this.#disk.perform("truncate", this.#path, 0, () => {
            if (!this.#disk.volume.truncate(this.#node, sizeBytes)) {
              throw new PlatformError("no_space", "truncate", this.#path);
            }
            this.#disk.changed("truncate", this.#path);
          })),
    );
  }

  sizeBytes(): Promise<number> {
    return this.#run("measure", () => this.#disk.perform("measure", this.#path, 0, () => this.#node.visible.sizeBytes));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    await this.#disk.perform("close", this.#path, 0, this.#onClose);
  }

  async #run<Result>(operation: DiskOperation, work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== null) throw new PlatformError("closed", operation, this.#path);
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#idle?.();
    }
  }

  /** The contract of `DiskFile`: one write or truncate at a time. Here it is checked. */
  async #change(operation: DiskOperation, work: () => Promise<void>): Promise<void> {
    if (this.#isReadOnly) {
      throw new PlatformError("permission_denied", operation, this.#path, { detail: "opened for reading" });
    }
    assert(!this.#isChanging, () => `${this.#path}: a ${operation} while another change runs`);
    this.#isChanging = true;
    try {
      await work();
    } finally {
      this.#isChanging = false;
    }
  }

  #write(position: number, piece: Uint8Array, fault: DiskFault | null): void {
    const bytes = fault?.effect === "part" ? piece.subarray(0, piece.length >>> 1) : piece;
    const written = this.#disk.volume.write(this.#node, position, bytes);
    if (written > 0) this.#disk.changed("write", this.#path);
    if (written < bytes.length) throw new PlatformError("no_space", "write", this.#path);
  }

  /** The bytes of all slices, cut where one write may end. */
  *#piecesOf(slices: readonly Uint8Array[]): Generator<Uint8Array> {
    const filled = slices.filter((slice) => slice.length > 0);
    const sizeBytes = filled.reduce((sum, slice) => sum + slice.length, 0);
    if (sizeBytes === 0) return;
    const whole = filled.length === 1 ? filled[0]! : joined(filled, sizeBytes);
    for (let at = 0; at < sizeBytes; at += this.#disk.pieceBytesMax) {
      yield whole.subarray(at, Math.min(sizeBytes, at + this.#disk.pieceBytesMax));
    }
  }
}

function joined(slices: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const slice of slices) {
    whole.set(slice, at);
    at += slice.length;
  }
  return whole;
}
