/** Keyed batches and a clock for logs that are compacted. */
import { nodeCompression } from "../../../adapters/node/compression.ts";
import type { Codec } from "../../../src/platform/compression.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { compressBatch, openBatch } from "../../../src/records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../../../src/records/read_records.ts";
import type { StoredRecord } from "../../../src/records/record.ts";
import type { RecordBatch } from "../../../src/records/record_batch.ts";
import type { CleaningBounds, CleaningTools, CompactionSettings } from "../../../src/storage/log_cleaning.ts";
import { ManualClock } from "../../manual_clock.ts";
import { NOW_MS } from "../log_fixture.ts";

export const COMPACTION: CompactionSettings = {
  deleteRetentionMs: 1_000,
  dirtyRatioMin: 0,
  lagMsMin: 0,
  lagMsMax: Number.MAX_SAFE_INTEGER,
};

export const TOOLS: CleaningTools = { compression: nodeCompression, seed: [1, 2] };

/** Time stands still, but whoever only lets others go first goes on. */
export class YieldingClock extends ManualClock {
  yields = 0;

  override after(delayMs: number, run: () => void): () => void {
    if (delayMs > 0) return super.after(delayMs, run);
    this.yields += 1;
    void Promise.resolve().then(run);
    return () => {};
  }
}

export function boundsOf(upTo: number, others: Partial<CleaningBounds> = {}): CleaningBounds {
  return { nowMs: NOW_MS, upTo, abortedTransactions: [], ...others };
}

export interface KeyedRecord {
  readonly key: string | null;
  /** Null: a tombstone. */
  readonly value: string | null;
  readonly timestamp?: number;
}

export interface BatchOptions {
  readonly codec?: Codec;
  readonly producerId?: bigint;
  readonly isTransactional?: boolean;
}

/** A batch of records, compressed if a codec is named. */
export async function keyedBatch(records: readonly KeyedRecord[], options: BatchOptions = {}): Promise<RecordBatch> {
  const inputs = records.map(({ key, value, timestamp }) => ({
    key: bytesOf(key),
    value: bytesOf(value),
    headers: [{ key: "h", value: new Uint8Array([1]) }],
    timestamp: timestamp ?? NOW_MS,
  }));
  const { codec, producerId, isTransactional = false } = options;
  const producer = producerId === undefined ? {} : { producerId, producerEpoch: 0, baseSequence: 0 };
  const batch = buildRecordBatch(inputs, { nowMs: NOW_MS, isTransactional, ...producer });
  return codec === undefined ? batch : await compressBatch(batch, codec, nodeCompression);
}

/** The records of batches, opened. */
export async function recordsOf(batches: readonly RecordBatch[]): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (const batch of batches) {
    const plain = batch.codec === "none" ? {} : { plain: await openBatch(batch, nodeCompression, 1_000_000) };
    const records = readRecords(batch, plain);
    if (isRecordsFault(records)) throw new Error(records.fault);
    if (records.length !== batch.recordCount && !batch.isControl) throw new Error("A batch of another count");
    found.push(...records);
  }
  return found;
}

/** `offset key=value`, a tombstone without value. */
export function lineOf({ offset, key, value }: StoredRecord): string {
  return `${offset} ${textOf(key)}=${textOf(value)}`;
}

export function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? "" : new TextDecoder().decode(bytes);
}

function bytesOf(text: string | null): Uint8Array | null {
  return text === null ? null : new TextEncoder().encode(text);
}
