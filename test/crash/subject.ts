/** What a scenario crashes, opened again over an image. */
import { decompressSnappy } from "../../adapters/node/snappy.ts";
import type { Platform } from "../../src/platform/platform.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import { isRecordsFault, readRecords } from "../../src/records/read_records.ts";
import type { RecordBatch } from "../../src/records/record_batch.ts";
import { digestOf } from "./ledger.ts";
import type { Observed, ObservedRecord } from "./observed.ts";

export interface OpenSubject {
  observe(): Promise<Observed>;
  /** Appends one record to each partition; what is wrong with the answers. */
  append(): Promise<string[]>;
  close(): Promise<void>;
}

export type OpensSubject = (platform: Platform) => Promise<OpenSubject>;

const OPENED_BYTES_MAX = 1_000_000;

/** The value of the records that `append` sends. */
export const APPENDED_VALUE = "appended after the crash";

/** The records of batches, from an offset on. */
export function observedRecords(batches: readonly RecordBatch[], from: number): ObservedRecord[] {
  return batches.flatMap((batch) =>
    storedRecords(batch, from).map((record) => ({
      offset: record.offset,
      digest: digestOf(record, batch.leaderEpoch),
    }))
  );
}

export function storedRecords(batch: RecordBatch, from: number): StoredRecord[] {
  const plain = batch.codec === "snappy" ? { plain: decompressSnappy(batch.payload, OPENED_BYTES_MAX) } : {};
  const records = readRecords(batch, { from, ...plain });
  if (isRecordsFault(records)) {
    throw new Error(`The batch at offset ${batch.baseOffset} cannot be read: ${records.fault}`);
  }
  return records;
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
