/**
 * What the cluster knows of itself, as a log: topics made, changed and deleted. It is a partition log like any other, so
 * its checksums, its recovery and its durability are the ones that records have; with Raft it becomes the metadata
 * group's log. One record a change, its value a JSON object with a `type`; unknown members are kept out of nobody's way.
 */
import { assert } from "../base/assert.ts";
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { Clock } from "../platform/clock.ts";
import { buildRecordBatch } from "../records/build_batch.ts";
import { isRecordsFault, readRecords } from "../records/read_records.ts";
import type { PartitionLog } from "../storage/partition_log.ts";
import type { LogSettings } from "../storage/partition_log.ts";
import type { Scrubbing } from "../storage/scrubbing.ts";

/** Small and kept for ever: what is superseded goes by snapshot, not by age. */
export const METADATA_LOG_SETTINGS: LogSettings = {
  segmentBytes: 64 * 1024 * 1024,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 4_096,
  retentionMs: -1,
  retentionBytes: -1,
  batchBytesMax: LIMITS.batchBytesMax,
};

/** A change, or in a snapshot one thing that is. */
export type MetadataRecord = { readonly type: string } & Readonly<Record<string, unknown>>;

export class MetadataLog {
  readonly #log: PartitionLog;
  readonly #clock: Clock;

  constructor(log: PartitionLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Records since the last snapshot. */
  get length(): number {
    return this.#log.endOffset - this.#log.startOffset;
  }

  /** Its cold files, if they are its own. */
  get scrubbing(): Scrubbing | null {
    return this.#log.scrubbing ?? null;
  }

  /** Why it takes no more records until a restart, or null. */
  get failure(): SentinelError | null {
    return this.#log.failure;
  }

  /** Every record from the start, in order. A record that is not readable is a `storage_error`. */
  async replay(apply: (record: MetadataRecord) => void): Promise<void> {
    let next = this.#log.startOffset;
    while (next < this.#log.endOffset) {
      const batches = await this.#log.read(next, { maxBytes: LIMITS.segmentReadBytes, upTo: this.#log.endOffset });
      for (const batch of batches) {
        const records = readRecords(batch, { from: next });
        if (isRecordsFault(records)) {
          throw new SentinelError("storage_error", `The metadata log is damaged at offset ${next}: ${records.fault}`);
        }
        for (const record of records) apply(parseRecord(record.value, record.offset));
        next = batch.endOffset;
      }
      assert(batches.length > 0, () => `the metadata log answers nothing at offset ${next} below its end`);
    }
  }

  /** Appends the changes as one batch, all or none. Durable when it resolves. */
  async append(records: readonly MetadataRecord[]): Promise<void> {
    this.#log.appendAsLeader(this.#batchOf(records), 0);
    await this.#log.flush();
  }

  /** Writes everything that is, as one batch, and drops what led to it. */
  async snapshot(records: readonly MetadataRecord[]): Promise<void> {
    const from = this.#log.endOffset;
    await this.append([{ type: "snapshot" }, ...records]);
    await this.#log.trimBefore(from);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #batchOf(records: readonly MetadataRecord[]) {
    const encoder = new TextEncoder();
    const inputs = records.map((record) => ({ key: null, value: encoder.encode(JSON.stringify(record)), headers: [] }));
    return buildRecordBatch(inputs, { nowMs: this.#clock.nowMs() });
  }
}

function parseRecord(value: Uint8Array | null, offset: number): MetadataRecord {
  const text = value === null ? null : decodeUtf8(value);
  try {
    const parsed: unknown = JSON.parse(text ?? "");
    if (typeof parsed === "object" && parsed !== null && "type" in parsed && typeof parsed.type === "string") {
      return parsed as MetadataRecord;
    }
  } catch (thrown) {
    throw new SentinelError("storage_error", `The metadata log is damaged at offset ${offset}`, { cause: thrown });
  }
  throw new SentinelError("storage_error", `The metadata log has no record of ours at offset ${offset}`);
}
