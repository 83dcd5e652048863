/**
 * One lookup: waits until the index has reached the high watermark of the lookup's start, asks it where the key's newest
 * record is, and reads that record from the log. The record is believed, not the index: it must be at that offset and
 * have that key.
 */
import { asSentinelError, SentinelError } from "../../base/errors.ts";
import { type Offset, partitionName } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Compression } from "../../platform/compression.ts";
import { openBatch } from "../../records/compressed_batch.ts";
import type { StoredRecord } from "../../records/record.ts";
import { isRecordsFault, readRecords } from "../../records/read_records.ts";
import type { Turns } from "../turns.ts";
import type { IndexWait, PartitionIndex } from "./partition_index.ts";

export interface KeyLookupOptions {
  readonly index: PartitionIndex;
  readonly key: Uint8Array;
  readonly waitMs: number;
  readonly clock: Clock;
  readonly compression: Compression;
  /** Where the reads of all lookups wait for their turn. */
  readonly reads: Turns;
}

/** The newest record of the key, or null, as of `highWatermark`. */
export interface FoundRecord {
  readonly record: StoredRecord | null;
  readonly highWatermark: Offset;
}

export class KeyLookupRun {
  readonly #options: KeyLookupOptions;
  readonly #name: string;
  /** What the answer must count. */
  #target: Offset;
  #wait: IndexWait | null = null;
  #ended: SentinelError | null = null;

  constructor(options: KeyLookupOptions) {
    this.#options = options;
    const { replica } = options.index;
    this.#name = partitionName(replica.topic, replica.partition);
    this.#target = replica.highWatermark;
  }

  get isWaiting(): boolean {
    return this.#options.index.appliedOffset < this.#target;
  }

  /** Ends the wait, now or when it would begin: the lookup fails with `error`, or with how far the index has come. */
  end(error: SentinelError = this.#behind()): void {
    this.#ended ??= error;
    this.#wait?.cancel(this.#ended);
  }

  async run(): Promise<FoundRecord> {
    const { clock, waitMs } = this.#options;
    if (waitMs <= 0) {
      if (this.isWaiting) this.end();
      return await this.#find();
    }
    const cancelTimer = clock.after(waitMs, () => this.end());
    try {
      return await this.#find();
    } finally {
      cancelTimer();
    }
  }

  async #find(): Promise<FoundRecord> {
    const { index, key } = this.#options;
    let missing: Offset | null = null;
    for (let attempt = 0; attempt < LIMITS.keyLookupAttemptsMax; attempt += 1) {
      await this.#untilReached();
      const { generation } = index;
      const offset = await index.find(key);
      if (generation !== index.generation) continue;
      const isTrimmed = offset !== null && offset < index.replica.startOffset;
      // Not in the log, and no newer one in the index that has read on since: a tombstone came, and was compacted away.
      if (offset === null || isTrimmed || offset === missing) return { record: null, highWatermark: this.#target };
      const record = await this.#options.reads.run(() => this.#read(offset));
      if (record !== null) return { record, highWatermark: this.#target };
      if (generation !== index.generation) continue;
      // Compaction takes a record when there is a newer one, which lies below the high watermark of now.
      missing = offset;
      this.#target = index.replica.highWatermark;
    }
    throw this.#behind();
  }

  async #untilReached(): Promise<void> {
    const { index } = this.#options;
    const wait = index.waitFor(this.#target);
    if (wait === null) return;
    if (this.#ended !== null) wait.cancel(this.#ended);
    this.#wait = wait;
    try {
      await wait.reached;
    } finally {
      this.#wait = null;
    }
  }

  /** The key's record at `offset`; null when there is none any more, or another. */
  async #read(offset: Offset): Promise<StoredRecord | null> {
    const { index, key, compression } = this.#options;
    const { replica } = index;
    let record: StoredRecord | undefined;
    try {
      const [batch] = await replica.read(offset, 1);
      if (batch === undefined || batch.baseOffset > offset || batch.isControl) return null;
      const plain = batch.codec === "none"
        ? undefined
        : await openBatch(batch, compression, LIMITS.decompressedBytesMax);
      const options = { from: offset, recordsMax: 1 };
      const records = readRecords(batch, plain === undefined ? options : { ...options, plain });
      if (isRecordsFault(records)) throw new SentinelError("storage_error", records.fault);
      record = records[0];
    } catch (thrown) {
      if (offset < replica.startOffset) return null;
      throw this.#unreadable(offset, asSentinelError(thrown));
    }
    if (record === undefined || record.offset !== offset) return null;
    if (record.key !== null && record.value !== null && compareBytes(record.key, key) === 0) return record;
    index.rebuild();
    return null;
  }

  #unreadable(offset: Offset, error: SentinelError): SentinelError {
    if (error.code === "shutting_down" || error.code === "unknown_topic") return error;
    const detail = `The record at offset ${offset} of ${this.#name} cannot be read: ${error.message}`;
    return new SentinelError("storage_error", detail, { cause: error });
  }

  #behind(): SentinelError {
    const { index } = this.#options;
    const { partition } = index.replica;
    const appliedOffset = Math.max(0, index.appliedOffset);
    return new SentinelError(
      "key_index_behind",
      `The index of keys of ${this.#name} has come to offset ${appliedOffset} of ${this.#target}; ask again`,
      { facts: { partition, appliedOffset, highWatermark: this.#target } },
    );
  }
}
