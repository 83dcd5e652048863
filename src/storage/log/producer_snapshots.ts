/**
 * The producer snapshots beside a log's segments. Each holds the producers of the log below its offset, and is written
 * once that part of the log is durable: at each roll, at a clean stop, and in between so that a start after a crash has
 * little to read. They are caches: one that is damaged or missing is made up for by an older one, or by the whole log.
 *
 * One above the log's end may never stay: the log would grow past it with other batches, and it would be believed.
 */
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Disk } from "../../platform/disk.ts";
import type { ProducerState } from "../producer_states.ts";
import { readSmallFile, replaceFile } from "../small_file.ts";
import { decodeProducerSnapshot, encodeProducerSnapshot } from "./producer_snapshot.ts";
import { parseSnapshotFileName, snapshotFileName } from "./segment_file_name.ts";

export class ProducerSnapshots {
  readonly #disk: Disk;
  readonly #directory: string;
  /** Offsets of those that are there, increasing. */
  #offsets: Offset[];
  /** Bytes of log above the newest one, which a start after a crash reads. */
  bytesAbove = 0;

  private constructor(disk: Disk, directory: string, offsets: Offset[]) {
    this.#disk = disk;
    this.#directory = directory;
    this.#offsets = offsets;
  }

  static async open(disk: Disk, directory: string): Promise<ProducerSnapshots> {
    const offsets: Offset[] = [];
    for (const name of await disk.list(directory)) {
      const offset = parseSnapshotFileName(name);
      if (offset !== null) offsets.push(offset);
    }
    return new ProducerSnapshots(disk, directory, offsets.sort((left, right) => left - right));
  }

  /** Offset of the newest one, or null. */
  get newest(): Offset | null {
    return this.#offsets.at(-1) ?? null;
  }

  /** Whether it is time for one, rather than have so much read at a start. */
  get isDue(): boolean {
    return this.bytesAbove >= LIMITS.producerSnapshotBytesMax;
  }

  /** Writes the producers of the log below `offset`, which is durable. Durable when it resolves. */
  async store(offset: Offset, states: readonly ProducerState[]): Promise<void> {
    this.bytesAbove = 0;
    await replaceFile(this.#disk, this.#directory, snapshotFileName(offset), encodeProducerSnapshot(states));
    this.#offsets = [...this.#offsets.filter((other) => other !== offset), offset].sort((left, right) => left - right);
  }

  /** The newest one that is whole, at or below the log's end. Damaged ones are removed, so that a good one can follow. */
  async loadNewest(): Promise<{ readonly offset: Offset; readonly states: readonly ProducerState[] } | null> {
    for (const offset of [...this.#offsets].reverse()) {
      const path = `${this.#directory}/${snapshotFileName(offset)}`;
      const bytes = await readSmallFile(this.#disk, path, LIMITS.producerSnapshotFileBytesMax);
      const states = bytes === null ? null : decodeProducerSnapshot(bytes, offset);
      if (states !== null) return { offset, states };
      await this.#remove((other) => other === offset);
    }
    return null;
  }

  /** Removes those above the log's end, for good when the directory is synced. True when there were any. */
  removeAbove(endOffset: Offset): Promise<boolean> {
    return this.#remove((offset) => offset > endOffset);
  }

  /** Removes those that no segment begins with, but never the newest: the log can make up for each of them. */
  async keepOnly(segmentBases: ReadonlySet<Offset>): Promise<void> {
    const { newest } = this;
    await this.#remove((offset) => offset !== newest && !segmentBases.has(offset));
  }

  async #remove(isUnwanted: (offset: Offset) => boolean): Promise<boolean> {
    const unwanted = this.#offsets.filter(isUnwanted);
    for (const offset of unwanted) {
      const path = `${this.#directory}/${snapshotFileName(offset)}`;
      if (await this.#disk.status(path) !== null) await this.#disk.remove(path);
      this.#offsets = this.#offsets.filter((other) => other !== offset);
    }
    return unwanted.length > 0;
  }
}
