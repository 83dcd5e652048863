/**
 * One write-ahead log file that takes records: a buffer, one write and one sync at a time. A sync that runs when more is
 * written does not cover that; the next one does, for all who wait (group commit, design D3).
 *
 * A failed *write* is cut back to the last good byte; what was in it stays in the buffer and is written again at the same
 * place when there is room, or is taken back. A failed *sync* is final: `failure` stays.
 */
import { assert } from "../../base/assert.ts";
import type { DiskFile } from "../../platform/disk.ts";
import { Mutex } from "../mutex.ts";
import { OPERATION_HEADER_BYTES } from "../write_batch.ts";
import { seedAt } from "./file_seed.ts";
import { encodeRecordHeader, RECORD_HEADER_BYTES } from "./log_record.ts";

const FIRST_BYTES = 64 * 1024;
/** A buffer that one large record has made is not kept. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

export class LogWriter {
  readonly number: number;
  readonly path: string;
  readonly #file: DiskFile;
  readonly #seed: number;
  readonly #mutex = new Mutex();
  #buffer = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #spare = new Uint8Array(FIRST_BYTES);
  /** Bytes of the buffer that are used, behind `#position`. */
  #used = 0;
  /** Bytes of the file that are known to be good. */
  #position: number;
  /** Bytes that a running write takes from `#position` on. */
  #writing = 0;
  #syncedBytes: number;
  #syncing: Promise<void> | null = null;
  /** The error of a sync that failed, or of a cut that did: nothing is known of the file any more. */
  failure: unknown = null;

  /** `sizeBytes`: what the file has, all of it good and synced. */
  constructor(opened: { number: number; path: string; file: DiskFile; seed: number; sizeBytes: number }) {
    this.number = opened.number;
    this.path = opened.path;
    this.#file = opened.file;
    this.#seed = opened.seed;
    this.#position = opened.sizeBytes;
    this.#syncedBytes = opened.sizeBytes;
  }

  /** Where the next record goes. */
  get endPosition(): number {
    return this.#position + this.#writing + this.#used;
  }

  /** Bytes that are not written. */
  get pendingBytes(): number {
    return this.#writing + this.#used;
  }

  get writtenBytes(): number {
    return this.#position;
  }

  get syncedBytes(): number {
    return this.#syncedBytes;
  }

  // -- Appending: into the buffer, at once --------------------------------------------------------------------------

  /** One operation; `value` null deletes. */
  append(key: Uint8Array, value: Uint8Array | null, timestamp: number, sequence: number): void {
    const operationsBytes = OPERATION_HEADER_BYTES + key.length + (value === null ? 0 : value.length);
    const at = this.#reserve(RECORD_HEADER_BYTES + operationsBytes);
    const buffer = this.#buffer;
    const view = this.#view;
    let to = at + RECORD_HEADER_BYTES;
    view.setUint32(to, key.length, true);
    view.setInt32(to + 4, value === null ? -1 : value.length, true);
    to += OPERATION_HEADER_BYTES;
    buffer.set(key, to);
    if (value !== null) buffer.set(value, to + key.length);
    this.#seal(at, operationsBytes, timestamp, sequence, 1);
  }

  /** A batch's operations. */
  appendBatch(operations: Uint8Array, count: number, timestamp: number, firstSequence: number): void {
    const at = this.#reserve(RECORD_HEADER_BYTES + operations.length);
    this.#buffer.set(operations, at + RECORD_HEADER_BYTES);
    this.#seal(at, operations.length, timestamp, firstSequence, count);
  }

  #seal(at: number, operationsBytes: number, timestamp: number, firstSequence: number, count: number): void {
    const recordSeed = seedAt(this.#seed, this.#position + this.#writing + at);
    encodeRecordHeader(this.#buffer, this.#view, at, { operationsBytes, firstSequence, timestamp, count }, recordSeed);
    this.#used = at + RECORD_HEADER_BYTES + operationsBytes;
  }

  #reserve(sizeBytes: number): number {
    const end = this.#used + sizeBytes;
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#used));
      this.#setBuffer(larger);
    }
    return this.#used;
  }

  #setBuffer(buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }

  // -- Writing and syncing ------------------------------------------------------------------------------------------

  /**
   * Done when all that is appended now is written. `withdrawFrom`: when that fails, the records from this position on are
   * taken back; those before it stay and are written with the next.
   */
  write(withdrawFrom: number | null = null): Promise<void> {
    const end = this.endPosition;
    return this.#mutex.run(async () => {
      if (this.failure !== null) throw this.failure;
      if (this.#position >= end) return;
      try {
        await this.#writeBuffer();
      } catch (thrown) {
        if (withdrawFrom !== null) this.#withdrawFrom(withdrawFrom);
        throw thrown;
      }
    });
  }

  /** Done when all that is appended now is durable. */
  async sync(withdrawFrom: number | null = null): Promise<void> {
    const end = this.endPosition;
    await this.write(withdrawFrom);
    await this.#syncUpTo(end);
  }

  /** Done when all that is written now is durable; what is only appended is left alone. */
  syncWritten(): Promise<void> {
    return this.#syncUpTo(this.#position);
  }

  async #syncUpTo(end: number): Promise<void> {
    while (this.#syncedBytes < end) {
      if (this.failure !== null) throw this.failure;
      this.#syncing ??= this.#sync();
      await this.#syncing;
    }
    if (this.failure !== null) throw this.failure;
  }

  #withdrawFrom(position: number): void {
    assert(this.#writing === 0 && position >= this.#position, "Only what is not written can be taken back");
    this.#used = Math.min(this.#used, position - this.#position);
  }

  async #sync(): Promise<void> {
    const position = this.#position;
    try {
      await this.#file.sync();
      this.#syncedBytes = Math.max(this.#syncedBytes, position);
    } catch (thrown) {
      this.failure ??= thrown;
    }
    this.#syncing = null;
  }

  async #writeBuffer(): Promise<void> {
    const buffer = this.#buffer;
    const bytes = this.#used;
    this.#writing = bytes;
    this.#setBuffer(this.#spare);
    this.#used = 0;
    try {
      await this.#file.writeAt(this.#position, [buffer.subarray(0, bytes)]);
    } catch (thrown) {
      this.#putBack(buffer, bytes);
      await this.#cutBack();
      throw thrown;
    }
    this.#position += bytes;
    this.#writing = 0;
    this.#spare = buffer.length <= KEPT_BYTES_MAX ? buffer : new Uint8Array(FIRST_BYTES);
  }

  /** What a write did not take stands before what came meanwhile, again. */
  #putBack(buffer: Uint8Array<ArrayBuffer>, bytes: number): void {
    const whole = new Uint8Array(Math.max(FIRST_BYTES, bytes + this.#used));
    whole.set(buffer.subarray(0, bytes));
    whole.set(this.#buffer.subarray(0, this.#used), bytes);
    this.#spare = buffer;
    this.#setBuffer(whole);
    this.#used += bytes;
    this.#writing = 0;
  }

  /** The file ends with its last good byte, also after a power loss: what is refused now must not come back. */
  async #cutBack(): Promise<void> {
    try {
      await this.#file.truncate(this.#position);
      await this.#file.sync();
      this.#syncedBytes = this.#position;
    } catch (thrown) {
      this.failure ??= thrown;
      throw thrown;
    }
  }

  async close(): Promise<void> {
    await this.#mutex.run(async () => {
      if (this.#syncing !== null) await this.#syncing;
      await this.#file.close();
    });
  }
}
