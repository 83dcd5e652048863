/** Finding offsets in a partition: by time, at its ends, by leader epoch. */
import { SentinelError } from "../base/errors.ts";
import type { Epoch, Offset, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import { OfflineReplica } from "../cluster/offline_replica.ts";
import type { Replica } from "../cluster/replica.ts";
import type { Compression } from "../platform/compression.ts";
import { openBatch } from "../records/compressed_batch.ts";
import { isRecordsFault, readRecords } from "../records/read_records.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { EpochEnd, ListedOffset, OffsetSpec } from "./types.ts";

/** Above every time that a record can have. */
const TIMESTAMP_END: TimestampMs = Number.MAX_SAFE_INTEGER;

/** What `spec` means in this partition; null where there is no such record. */
export async function lookUpOffset(
  replica: Replica,
  spec: OffsetSpec,
  compression: Compression,
): Promise<ListedOffset | null> {
  assertOnline(replica);
  if (spec === "earliest") return endAt(replica, replica.startOffset);
  if (spec === "latest") return endAt(replica, replica.highWatermark);
  const timestamp = spec === "newest" ? await newestTimestamp(replica) : spec;
  return timestamp === null ? null : await firstAtOrAfter(replica, timestamp, compression);
}

/** See `BrokerApi.offsetForLeaderEpoch`. */
export function lookUpEpochEnd(replica: Replica, epoch: Epoch): EpochEnd | null {
  assertOnline(replica);
  return replica.endOfEpoch(epoch);
}

/**
 * Holds the leader epoch that a client knows against the partition's (KIP-320): an older one means that it looks at a
 * leader of before, a newer one that we do not know yet who leads. Negative or absent: the client knows none.
 */
export function checkEpoch(replica: Replica, currentEpoch: Epoch | undefined): void {
  if (currentEpoch === undefined || currentEpoch < 0 || currentEpoch === replica.epoch) return;
  const isOld = currentEpoch < replica.epoch;
  throw new SentinelError(
    isOld ? "fenced_leader_epoch" : "unknown_leader_epoch",
    `The leader epoch of ${replica.topic}-${replica.partition} is ${replica.epoch}, not ${currentEpoch}`,
  );
}

function assertOnline(replica: Replica): void {
  if (replica instanceof OfflineReplica) throw replica.failure;
}

function endAt(replica: Replica, offset: Offset): ListedOffset {
  const epoch = replica.epochAt(offset);
  // An empty log has no epoch yet, its leader has: as Kafka's, which notes it before the first record.
  return { offset, timestamp: -1, epoch: epoch < 0 ? replica.epoch : epoch };
}

async function firstAtOrAfter(
  replica: Replica,
  timestamp: TimestampMs,
  compression: Compression,
): Promise<ListedOffset | null> {
  let from = replica.startOffset;
  while (true) {
    const batch = await replica.batchForTimestamp(timestamp, from);
    if (batch === null) return null;
    const found = await recordAt(batch, timestamp, from, compression);
    if (found !== null) return found;
    // The batch's newest record lies below the log start, or its header says more than its records: on to the next.
    from = batch.endOffset;
  }
}

/** The largest time that a batch claims, by halving what it can be: each step is a look into the time indexes. */
async function newestTimestamp(replica: Replica): Promise<TimestampMs | null> {
  const has = async (timestamp: TimestampMs): Promise<boolean> => (await replica.batchForTimestamp(timestamp)) !== null;
  if (!(await has(0))) return null;
  let low = 0;
  let high = TIMESTAMP_END;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (await has(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The first record of a batch at or after a time and an offset, or null. */
async function recordAt(
  batch: RecordBatch,
  timestamp: TimestampMs,
  startOffset: Offset,
  compression: Compression,
): Promise<ListedOffset | null> {
  const plain = batch.codec === "none" ? undefined : await openBatch(batch, compression, LIMITS.decompressedBytesMax);
  const records = readRecords(batch, { from: startOffset, ...(plain === undefined ? {} : { plain }) });
  if (isRecordsFault(records)) {
    const detail = `The batch at offset ${batch.baseOffset} cannot be read: ${records.fault}`;
    throw new SentinelError("storage_error", detail);
  }
  const found = records.find((record) => record.timestamp >= timestamp);
  return found === undefined ? null : { offset: found.offset, timestamp: found.timestamp, epoch: batch.leaderEpoch };
}
