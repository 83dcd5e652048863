/** What compaction keeps of one batch (Kafka's Cleaner.cleanInto with MemoryRecords.filterTo). */
import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Offset, TimestampMs } from "../../base/ids.ts";
import type { Compression } from "../../platform/compression.ts";
import { openBatch } from "../../records/compressed_batch.ts";
import { emptyBatch, rebuiltBatch, RecordCopier } from "../../records/rebuild_batch.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { RecordCursor } from "../../records/record_cursor.ts";
import type { CleaningPace } from "./cleaning_pace.ts";
import type { KeyMap } from "./key_map.ts";

export interface BatchFilter {
  readonly keys: KeyMap;
  /** Records from here on were not put into the map: they stay. */
  readonly mapEnd: Offset;
  readonly nowMs: TimestampMs;
  /** For tombstones that are met for the first time. */
  readonly deleteHorizonMs: TimestampMs;
  readonly compression: Compression;
  readonly pace: CleaningPace;
}

export interface FilteredBatch {
  /** The batch itself, another one, or null: nothing of it stays. */
  readonly batch: RecordBatch | null;
  readonly removedRecords: number;
}

/** The records of a batch as plain bytes, null when they lie in the batch so. Damage is a `storage_error`. */
export async function openRecords(batch: RecordBatch, compression: Compression): Promise<Uint8Array | null> {
  if (batch.codec === "none" || batch.recordCount === 0) return null;
  try {
    return await openBatch(batch, compression, LIMITS.decompressedBytesMax);
  } catch (thrown) {
    if (!(thrown instanceof SentinelError)) throw thrown;
    throw unreadable(batch, thrown.message);
  }
}

/** Why the cleaner cannot go on: it must see every record to know what is superseded. */
export function unreadable(batch: RecordBatch, detail: string): SentinelError {
  return new SentinelError("storage_error", `The batch at offset ${batch.baseOffset} cannot be read: ${detail}`);
}

/** Everything of a batch that is not superseded. `survives`: when nothing is left, its header stays all the same. */
export async function filterBatch(batch: RecordBatch, survives: boolean, filter: BatchFilter): Promise<FilteredBatch> {
  if (batch.isControl || batch.baseOffset >= filter.mapEnd) return { batch, removedRecords: 0 };
  const plain = await openRecords(batch, filter.compression);
  const kept = await chooseRecords(batch, plain, filter);
  const removedRecords = batch.recordCount - kept.count;
  if (kept.count === 0) return { batch: survives ? withoutRecords(batch) : null, removedRecords };
  const setsHorizon = kept.hasTombstone && batch.deleteHorizonMs === null && batch.lastOffset < filter.mapEnd;
  if (removedRecords === 0 && !setsHorizon) return { batch, removedRecords };
  const rebuilt = await rebuild(batch, plain, kept, setsHorizon, filter);
  if (rebuilt.sizeBytes <= Math.max(LIMITS.batchBytesMax, batch.sizeBytes)) return { batch: rebuilt, removedRecords };
  // Only another base timestamp makes a batch larger; its tombstones wait until there is less in it.
  return { batch: await rebuild(batch, plain, kept, false, filter), removedRecords };
}

/** Aborted, or a header alone already. */
export function withoutRecords(batch: RecordBatch): RecordBatch {
  return batch.recordCount === 0 ? batch : emptyBatch(batch);
}

interface KeptRecords {
  count: number;
  /** As they lie in the batch. */
  bytes: number;
  maxTimestamp: TimestampMs;
  hasTombstone: boolean;
  /** A bit for each record of the batch. */
  readonly bits: Uint8Array;
}

async function chooseRecords(batch: RecordBatch, plain: Uint8Array | null, filter: BatchFilter): Promise<KeptRecords> {
  const { keys, mapEnd, nowMs, pace } = filter;
  const horizonMs = batch.deleteHorizonMs;
  const tombstonesGo = horizonMs !== null && nowMs >= horizonMs;
  const cursor = new RecordCursor(batch, plain);
  // A header may claim any number of records; no more than one in each seven bytes are there.
  const bits = new Uint8Array(Math.min(batch.recordCount, cursor.bytes.length) / 8 + 1);
  const kept: KeptRecords = { count: 0, bytes: 0, maxTimestamp: -1, hasTombstone: false, bits };
  for (let index = 0; cursor.next(); index += 1) {
    const { offset, keyStart, keyBytes } = cursor;
    const isKept = offset >= mapEnd || (keyBytes >= 0 && !(cursor.isTombstone && tombstonesGo) &&
      keys.get(cursor.bytes, keyStart, keyStart + keyBytes) <= offset);
    if (isKept) {
      bits[index >> 3]! |= 1 << (index & 7);
      kept.count += 1;
      kept.bytes += cursor.end - cursor.start;
      kept.maxTimestamp = Math.max(kept.maxTimestamp, cursor.timestamp);
      kept.hasTombstone ||= cursor.isTombstone;
    }
    const pause = pace.spend(cursor.end - cursor.start);
    if (pause !== null) await pause;
  }
  if (cursor.fault !== null) throw unreadable(batch, cursor.fault);
  return kept;
}

async function rebuild(
  batch: RecordBatch,
  plain: Uint8Array | null,
  kept: KeptRecords,
  setsHorizon: boolean,
  filter: BatchFilter,
): Promise<RecordBatch> {
  const { deleteHorizonMs } = filter;
  const copier = new RecordCopier(kept.bytes, kept.count, setsHorizon ? deleteHorizonMs : null);
  const cursor = new RecordCursor(batch, plain);
  for (let index = 0; cursor.next(); index += 1) {
    if ((kept.bits[index >> 3]! & (1 << (index & 7))) !== 0) copier.copy(cursor);
    const pause = filter.pace.spend(cursor.end - cursor.start);
    if (pause !== null) await pause;
  }
  const { codec } = batch;
  const payload = codec === "none" || codec === null
    ? copier.bytes
    : await filter.compression.compress(codec, copier.bytes);
  return rebuiltBatch(batch, {
    payload,
    recordCount: kept.count,
    maxTimestamp: batch.hasLogAppendTime ? batch.maxTimestamp : kept.maxTimestamp,
    ...(setsHorizon ? { deleteHorizonMs } : {}),
  });
}
