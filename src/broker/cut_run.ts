/** Making batches of the records of one call that go to one partition. */
import { SentinelError } from "../base/errors.ts";
import type { FieldFault } from "../base/errors.ts";
import { partitionName } from "../base/ids.ts";
import type { PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import { Lease } from "../bytes/lease.ts";
import { buildRecordBatch, cutIntoBatches } from "../records/build_batch.ts";
import type { RecordInput } from "../records/record.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import { sequenceAfter } from "../storage/producer_states.ts";
import type { TopicSettings } from "./topic_config.ts";

/** The records of one call that go to one partition, with their positions in the call. */
export interface Run {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly records: readonly RecordInput[];
  readonly indexes: readonly number[];
}

/** Kafka's mark for a record without a time. */
const TIMESTAMP_NONE: TimestampMs = -1;
/** Memory of smaller batches is left to the collector: giving it back costs more. */
const LENT_BYTES_MIN = 64 * 1024;

/** The records of one run, batch by batch; fails with a fault that points at the bad record. */
export function cutRun(run: Run, settings: TopicSettings, nowMs: TimestampMs): readonly (readonly RecordInput[])[] {
  if (settings.timestampType !== "LogAppendTime") assertTimestamps(run, settings, nowMs);
  if (settings.isCompacted) assertKeys(run);
  const batchBytesMax = Math.min(settings.batchBytesMax, settings.replica.log.segmentBytes);
  const cut = cutIntoBatches(run.records, { batchBytesMax, nowMs });
  if ("tooLargeRecordIndex" in cut) {
    const pointer = `/records/${run.indexes[cut.tooLargeRecordIndex]}`;
    const detail =
      `The record needs a batch of ${cut.batchBytes} bytes; the limit (max.message.bytes) is ${batchBytesMax}`;
    throw new SentinelError("too_large", detail, { errors: [{ pointer, detail }], facts: { limit: batchBytesMax } });
  }
  return cut.batches;
}

/**
 * The batches of what `cutRun` has cut, at the same time; with a producer id and consecutive sequences if one is given.
 * Their leases, where they have any, are held for the caller.
 */
export function buildRun(
  cuts: readonly (readonly RecordInput[])[],
  settings: TopicSettings,
  nowMs: TimestampMs,
  producer?: { readonly producerId: ProducerId; readonly firstSequence: number },
): RecordBatch[] {
  let count = 0;
  return cuts.map((records) => {
    const sequenced = producer === undefined ? {} : {
      producerId: producer.producerId,
      producerEpoch: 0,
      baseSequence: sequenceAfter(producer.firstSequence, count),
    };
    count += records.length;
    const batch = buildRecordBatch(records, { nowMs, ...sequenced });
    if (settings.timestampType === "LogAppendTime") batch.stampMaxTimestamp(nowMs, true);
    if (batch.sizeBytes >= LENT_BYTES_MIN) lieInMemoryOfItsOwn(batch);
    return batch;
  });
}

/** What is built goes back to the allocator when nobody holds it; one hold is that of whoever has it appended. */
function lieInMemoryOfItsOwn(batch: RecordBatch): void {
  const { buffer } = batch.bytes;
  if (buffer instanceof ArrayBuffer) batch.lieIn(new Lease(() => void buffer.transfer(0)));
}

/** A compacted topic tells records apart by their keys; the words are Kafka's. */
function assertKeys(run: Run): void {
  const errors: FieldFault[] = [];
  const partition = partitionName(run.topic, run.partition);
  for (const [at, { key }] of run.records.entries()) {
    if (key !== null) continue;
    const detail = `Compacted topic cannot accept message without key in topic partition ${partition}.`;
    errors.push({ pointer: `/records/${run.indexes[at]}/key`, detail });
  }
  if (errors.length > 0) throw new SentinelError("invalid_record", errors[0]!.detail, { errors });
}

function assertTimestamps(run: Run, settings: TopicSettings, nowMs: TimestampMs): void {
  const latest = nowMs + settings.timestampAfterMsMax;
  const earliest = Math.max(0, nowMs - settings.timestampBeforeMsMax);
  const errors: FieldFault[] = [];
  for (const [at, { timestamp }] of run.records.entries()) {
    if (timestamp === undefined || timestamp === TIMESTAMP_NONE || (timestamp <= latest && timestamp >= earliest)) {
      continue;
    }
    const bound = timestamp > latest
      ? `more than ${settings.timestampAfterMsMax} ms ahead of`
      : `more than ${settings.timestampBeforeMsMax} ms behind`;
    const what = timestamp < 0 ? "negative" : `${bound} the broker's clock`;
    const detail = `The timestamp ${timestamp} is ${what}`;
    errors.push({ pointer: `/records/${run.indexes[at]}/timestamp`, detail });
  }
  if (errors.length > 0) throw new SentinelError("invalid_timestamp", errors[0]!.detail, { errors });
}
