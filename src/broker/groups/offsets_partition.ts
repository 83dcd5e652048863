/**
 * One partition of `__consumer_offsets`: its records are read once, when this node begins to coordinate its groups, and
 * appended to from then on, in the order in which they are given.
 */
import { asSentinelError, SentinelError } from "../../base/errors.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { PartitionId } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Replica } from "../../cluster/replica.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Compression } from "../../platform/compression.ts";
import { buildRecordBatch } from "../../records/build_batch.ts";
import { openBatch } from "../../records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../../records/read_records.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { decodeGroupRecord, encodeGroupRecord } from "./group_records.ts";
import type { GroupRecord } from "./group_types.ts";

export interface OffsetsPartitionOptions {
  readonly replica: Replica;
  readonly clock: Clock;
  readonly compression: Compression;
}

interface QueuedWrite {
  readonly batch: RecordBatch;
  readonly settle: (acknowledged: Promise<void>) => void;
}

export class OffsetsPartition {
  readonly #options: OffsetsPartitionOptions;
  readonly #queue: QueuedWrite[] = [];
  #isDraining = false;
  #state: "loading" | "active" | "failed" = "loading";

  constructor(options: OffsetsPartitionOptions) {
    this.#options = options;
  }

  get partition(): PartitionId {
    return this.#options.replica.partition;
  }

  /** Why its groups cannot be asked now, or null. */
  get fault(): ErrorCode | null {
    if (this.#state === "active") return null;
    return this.#state === "loading" ? "coordinator_loading" : "coordinator_unavailable";
  }

  /**
   * Hands every committed record to `apply`, in order. A record that cannot be read fails the whole partition: a group
   * that was restored without it could give out a position that was superseded.
   */
  async load(apply: (record: GroupRecord) => void): Promise<void> {
    try {
      await this.#read(apply);
      this.#state = "active";
    } catch (thrown) {
      this.#state = "failed";
      throw asSentinelError(thrown);
    }
  }

  /** One batch. Resolves when it is as durable as the topic's level asks. */
  append(records: readonly GroupRecord[]): Promise<void> {
    const { replica, clock } = this.#options;
    const nowMs = clock.nowMs();
    const inputs = records.map((record) => ({ ...encodeGroupRecord(record), headers: [] }));
    const batch = buildRecordBatch(inputs, { nowMs });
    if (!this.#isDraining && replica.waitForRoom() === null) return replica.append([batch]).acknowledged;
    if (this.#queue.length >= LIMITS.groupWritesQueuedMax) {
      const detail = `${this.#queue.length} records of groups wait for ${replica.topic}-${replica.partition}`;
      return Promise.reject(new SentinelError("coordinator_unavailable", `${detail}, which is the limit`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ batch, settle: (acknowledged) => void acknowledged.then(resolve, reject) });
      if (!this.#isDraining) void this.#drain();
    });
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** What has no room is appended in its turn: a group's records must not overtake each other. */
  async #drain(): Promise<void> {
    const { replica } = this.#options;
    this.#isDraining = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      let acknowledged: Promise<void>;
      try {
        for (let room = replica.waitForRoom(); room !== null; room = replica.waitForRoom()) await room;
        acknowledged = replica.append([next.batch]).acknowledged;
      } catch (thrown) {
        acknowledged = Promise.reject(asSentinelError(thrown));
      }
      next.settle(acknowledged);
      this.#queue.shift();
    }
    this.#isDraining = false;
  }

  async #read(apply: (record: GroupRecord) => void): Promise<void> {
    const { replica } = this.#options;
    if (replica.failure !== null) throw replica.failure;
    const end = replica.highWatermark;
    let next = replica.startOffset;
    while (next < end) {
      const batches = await replica.read(next, LIMITS.segmentReadBytes);
      // What compaction has taken from the end leaves nothing to read below it.
      if (batches.length === 0) return;
      for (const batch of batches) {
        await this.#apply(batch, next, apply);
        next = batch.endOffset;
      }
    }
  }

  async #apply(batch: RecordBatch, from: number, apply: (record: GroupRecord) => void): Promise<void> {
    // A marker of a transaction says nothing of groups.
    if (batch.isControl) return;
    const { compression, replica } = this.#options;
    const records = readRecords(batch, {
      from,
      ...(batch.codec === "none" ? {} : { plain: await openBatch(batch, compression, LIMITS.decompressedBytesMax) }),
    });
    const where = `${replica.topic}-${replica.partition}`;
    if (isRecordsFault(records)) {
      throw new SentinelError("storage_error", `${where} is damaged at offset ${from}: ${records.fault}`);
    }
    for (const { key, value, offset } of records) {
      const decoded = key === null ? { fault: "A record without a key" } : decodeGroupRecord(key, value);
      if (decoded === null) continue;
      if ("fault" in decoded) {
        throw new SentinelError(
          "storage_error",
          `${where} has no record of a group at offset ${offset}: ${decoded.fault}`,
        );
      }
      apply(decoded);
    }
  }
}
