/** The internal topic that keeps idempotency keys: made with the first key, read whole at a start. */
import { assert } from "../base/assert.ts";
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { buildRecordBatch } from "../records/build_batch.ts";
import { isRecordsFault, readRecords } from "../records/read_records.ts";
import type { IdempotencyRecord } from "./idempotency_records.ts";
import { decodeIdempotencyRecord, encodeIdempotencyRecord } from "./idempotency_records.ts";
import { IDEMPOTENCY_TOPIC, IDEMPOTENCY_TOPIC_CONFIG } from "./internal_topics.ts";
import { replicaOf } from "./topics.ts";
import type { Topics } from "./topics.ts";

export class IdempotencyLog {
  readonly #topics: Topics;

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  /** Durable when it resolves. */
  async append(record: IdempotencyRecord): Promise<void> {
    const topic = await this.#topics.getOrCreate(IDEMPOTENCY_TOPIC, {
      partitions: 1,
      config: IDEMPOTENCY_TOPIC_CONFIG,
    });
    const replica = replicaOf(topic, 0);
    for (let room = replica.waitForRoom(); room !== null; room = replica.waitForRoom()) await room;
    await replica.append([
      buildRecordBatch([encodeIdempotencyRecord(record)], { nowMs: record.timestamp }),
    ]).acknowledged;
  }

  /** Every record from the start, in order. Fails with a `storage_error` when they cannot be read. */
  async replay(apply: (record: IdempotencyRecord) => void): Promise<void> {
    const topic = this.#topics.get(IDEMPOTENCY_TOPIC);
    if (topic === undefined) return;
    const replica = replicaOf(topic, 0);
    if (replica.failure !== null) throw replica.failure;
    for (let next = replica.startOffset; next < replica.highWatermark;) {
      const batches = await replica.read(next, LIMITS.segmentReadBytes);
      assert(batches.length > 0, () => `${IDEMPOTENCY_TOPIC} answers nothing at offset ${next} below its end`);
      for (const batch of batches) {
        const records = readRecords(batch, { from: next });
        if (isRecordsFault(records)) throw damaged(next, records.fault);
        for (const stored of records) {
          const record = decodeIdempotencyRecord(stored);
          if (record === null) throw damaged(stored.offset, "it is no record of ours");
          apply(record);
        }
        next = batch.endOffset;
      }
    }
  }
}

function damaged(offset: number, what: string): SentinelError {
  return new SentinelError("storage_error", `The topic ${IDEMPOTENCY_TOPIC} is damaged at offset ${offset}: ${what}`);
}
