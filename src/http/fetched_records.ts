/** Cuts records out of one partition's part of a fetch, batch by batch and no further than they are needed. */
import { SentinelError } from "../base/errors.ts";
import { type Offset, type PartitionId, partitionName } from "../base/ids.ts";
import type { FetchedPartition } from "../broker/types.ts";
import { openBatch } from "../records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../records/read_records.ts";
import type { StoredRecord } from "../records/record.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { HttpAppContext } from "./http_app_context.ts";

/** A record of a page, and where it comes from. */
export interface PageRecord {
  readonly partition: PartitionId;
  readonly record: StoredRecord;
}

/** What is left of a page. */
export interface PageRoom {
  recordsLeft: number;
  bytesLeft: number;
  /** The first record of a page comes whatever its size: a reader must get past it. */
  isFirst: boolean;
}

export class FetchedRecords {
  readonly partition: PartitionId;
  /** The offset after what was taken. */
  position: Offset;
  readonly #app: HttpAppContext;
  readonly #part: FetchedPartition;
  readonly #to: Offset;
  #batchIndex = 0;
  /** The opened records of the batch at `#batchIndex`, if it is compressed. */
  #plain: Uint8Array | null = null;

  constructor(part: FetchedPartition, app: HttpAppContext, to: Offset | undefined) {
    this.#app = app;
    this.#part = part;
    this.#to = to ?? Infinity;
    this.partition = part.partition;
    this.position = part.offset;
  }

  get hasBatches(): boolean {
    return this.#part.batches.length > 0;
  }

  /** Moves up to `countMax` records into `into`, as far as the page has room. */
  async take(countMax: number, room: PageRoom, into: PageRecord[]): Promise<void> {
    let left = countMax;
    while (this.#batchIndex < this.#part.batches.length && left > 0 && room.recordsLeft > 0 && room.bytesLeft > 0) {
      if (this.position >= this.#to) return;
      const batch = this.#part.batches[this.#batchIndex]!;
      if (batch.endOffset > this.position) {
        const wanted = Math.min(left, room.recordsLeft);
        const records = await this.#records(batch, wanted);
        const taken = this.#moveInto(records, room, into);
        left -= taken;
        if (taken < records.length || records.length === wanted) {
          if (this.position < batch.endOffset) return;
        } else {
          // Also past what the batch does not show: control records, and gaps that compaction has left.
          this.position = Math.min(batch.endOffset, Math.max(this.position, this.#to));
        }
      }
      this.#batchIndex += 1;
      this.#plain = null;
    }
  }

  /** The records from the position on; none of a control batch. */
  async #records(batch: RecordBatch, recordsMax: number): Promise<readonly StoredRecord[]> {
    if (batch.isControl) return [];
    if (batch.codec !== "none") {
      this.#plain ??= await openBatch(batch, this.#app.compression, this.#app.limits.decompressedBytesMax);
    }
    const options = { from: this.position, recordsMax };
    const records = readRecords(batch, this.#plain === null ? options : { ...options, plain: this.#plain });
    if (!isRecordsFault(records)) return records;
    throw new SentinelError(
      "corrupt_batch",
      `${partitionName(this.#part.topic, this.partition)}, batch at offset ${batch.baseOffset}: ${records.fault}`,
    );
  }

  /** How many of `records` fitted. */
  #moveInto(records: readonly StoredRecord[], room: PageRoom, into: PageRecord[]): number {
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!;
      if (record.offset >= this.#to) {
        this.position = this.#to;
        return index;
      }
      const bytes = contentBytes(record);
      if (!room.isFirst && bytes > room.bytesLeft) {
        room.bytesLeft = 0;
        return index;
      }
      room.isFirst = false;
      room.bytesLeft -= bytes;
      room.recordsLeft -= 1;
      into.push({ partition: this.partition, record });
      this.position = record.offset + 1;
    }
    return records.length;
  }
}

function contentBytes(record: StoredRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const header of record.headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}
