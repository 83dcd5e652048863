/**
 * What a broker checks of a batch that a producer sent (protocol notes §5.2; Kafka's LogValidator). Where Kafka rebuilds
 * a batch whose offset deltas are not 0 … n−1, we refuse it: no known client sends such a one.
 */
import { assert } from "../base/assert.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { TimestampMs } from "../base/ids.ts";
import { ByteReader } from "../bytes/byte_reader.ts";
import { BATCH_HEADER_BYTES, type RecordBatch } from "./record_batch.ts";
import { makeRecordFront, readRecordFront, skipRecordBody, walkPlainRecord } from "./walk_records.ts";

const TIMESTAMP_NONE: TimestampMs = -1;
const DELETE_HORIZON_BIT = 1 << 6;
/** A record has seven bytes at least: six one-byte fields behind its length. */
const RECORD_BYTES_MIN = 7;

export interface ValidateBatchOptions {
  readonly nowMs: TimestampMs;
  /** `message.timestamp.type`. With LogAppendTime the producer's timestamps do not matter and are not checked. */
  readonly timestampType: "CreateTime" | "LogAppendTime";
  /** `max.message.bytes`, the batch's header included. */
  readonly batchBytesMax: number;
  /** `message.timestamp.after.max.ms`: how far ahead of `nowMs` a record may be. */
  readonly timestampAfterMsMax: number;
  /** `message.timestamp.before.max.ms`: how far behind; Kafka's default is Infinity here. */
  readonly timestampBeforeMsMax: number;
  /** Compacted topics take no record without a key. */
  readonly requireKeys: boolean;
  /** `topic-partition`, which Kafka's answer to a record without a key names. */
  readonly partitionName?: string;
  /** The opened records of a compressed batch, to be walked too; `requireKeys` needs them. Left out: its header only. */
  readonly plain?: Uint8Array;
}

/** A batch that may be appended. */
export interface ProducedBatch {
  readonly batch: RecordBatch;
  /**
   * The largest timestamp of its records; of a compressed batch that was not opened, what its header says. Some clients
   * (kafkajs) write another one into the header: where the two differ, stamp this one.
   */
  readonly maxTimestamp: TimestampMs;
}

/** Why a batch may not be appended; `recordIndex` names the record whose fault it is. */
export interface BatchRefusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly recordIndex?: number;
}

/**
 * Checks header and records. The checksum is not looked at: the broker has done so for every
 * batch that came from outside.
 */
export function validateProducedBatch(batch: RecordBatch, options: ValidateBatchOptions): ProducedBatch | BatchRefusal {
  const refusal = refuseHeader(batch, options);
  if (refusal !== null) return refusal;
  if (batch.codec === "none") return walkRecords(batch, batch.bytes, BATCH_HEADER_BYTES, options);
  if (options.plain !== undefined) return walkRecords(batch, options.plain, 0, options);
  assert(!options.requireKeys, "A compressed batch must be opened to see its keys");
  return refuseTimestamps(batch, options) ?? { batch, maxTimestamp: batch.maxTimestamp };
}

/** Whether `validateProducedBatch` refused. */
export function isBatchRefusal(answer: ProducedBatch | BatchRefusal): answer is BatchRefusal {
  return "code" in answer;
}

function invalid(detail: string): BatchRefusal {
  return { code: "invalid_record", detail };
}

/** In the order in which Kafka looks, so that a batch with two faults gets Kafka's answer. */
function refuseHeader(batch: RecordBatch, options: ValidateBatchOptions): BatchRefusal | null {
  if (batch.baseOffset !== 0) return invalid(`The base offset is ${batch.baseOffset}, not 0`);
  if (batch.sizeBytes > options.batchBytesMax) {
    const detail = `The batch has ${batch.sizeBytes} bytes; max.message.bytes is ${options.batchBytesMax}`;
    return { code: "too_large", detail };
  }
  const recordCount = batch.recordCount;
  if (recordCount <= 0) return invalid(`The record count is ${recordCount}`);
  if (recordCount !== batch.lastOffsetDelta + 1) {
    return invalid(`The record count is ${recordCount}, the last offset delta ${batch.lastOffsetDelta}`);
  }
  if (batch.isControl) return invalid("A control batch comes from the broker only");
  const hasProducer = batch.producerId >= 0n;
  if (hasProducer && batch.baseSequence < 0) {
    return invalid(`Producer ${batch.producerId} sent the base sequence ${batch.baseSequence}`);
  }
  if (hasProducer && batch.producerEpoch < 0) {
    return invalid(`Producer ${batch.producerId} sent the epoch ${batch.producerEpoch}`);
  }
  if (batch.isTransactional && !hasProducer) return invalid("A transactional batch has no producer id");
  if ((batch.attributes & DELETE_HORIZON_BIT) !== 0) return invalid("Only the broker sets a delete horizon");
  if (batch.codec === null) return invalid(`Codec ${batch.attributes & 7} is unknown`);
  if (options.timestampType === "CreateTime" && batch.hasLogAppendTime) {
    return { code: "invalid_timestamp", detail: "The batch says LogAppendTime, the topic CreateTime" };
  }
  return null;
}

/** Walks the records from `start` on: nothing is allocated for one that is as it should be. */
function walkRecords(
  batch: RecordBatch,
  bytes: Uint8Array,
  start: number,
  options: ValidateBatchOptions,
): ProducedBatch | BatchRefusal {
  const recordCount = batch.recordCount;
  const reader = new ByteReader(bytes, start);
  if (recordCount * RECORD_BYTES_MIN > bytes.length - start) {
    return invalid(`${recordCount} records do not fit into ${bytes.length - start} bytes`);
  }
  const baseTimestamp = batch.baseTimestamp;
  const checkTimestamps = options.timestampType === "CreateTime";
  const newest = options.nowMs + options.timestampAfterMsMax;
  const oldest = Math.max(0, options.nowMs - options.timestampBeforeMsMax);
  const front = makeRecordFront();
  let maxTimestamp = -Infinity;
  for (let index = 0; index < recordCount; index++) {
    if (walkPlainRecord(bytes, reader.at, reader.end, front)) {
      reader.at = front.end;
    } else {
      readRecordFront(reader, front);
      skipRecordBody(reader, front);
      if (reader.fault !== null) return { ...invalid(reader.fault), recordIndex: index };
    }
    const keyBytes = front.keyBytes;
    if (front.offsetDelta !== index) {
      return { ...invalid(`The record's offset delta is ${front.offsetDelta}, not ${index}`), recordIndex: index };
    }
    if (keyBytes === -1 && options.requireKeys) {
      const detail = `Compacted topic cannot accept message without key in topic partition ${
        options.partitionName ?? ""
      }.`;
      return { ...invalid(detail), recordIndex: index };
    }
    const timestamp = baseTimestamp + front.timestampDelta;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    if (checkTimestamps && timestamp !== TIMESTAMP_NONE && !(timestamp >= oldest && timestamp <= newest)) {
      return { ...refuseTimestamp(timestamp, options), recordIndex: index };
    }
  }
  reader.finish();
  if (reader.fault !== null) return invalid(reader.fault);
  return { batch, maxTimestamp };
}

/** For a compressed batch that was not opened: no record is newer than the header's largest timestamp. */
function refuseTimestamps(batch: RecordBatch, options: ValidateBatchOptions): BatchRefusal | null {
  const timestamp = batch.maxTimestamp;
  if (options.timestampType === "LogAppendTime" || timestamp === TIMESTAMP_NONE) return null;
  const isAllowed = timestamp >= 0 && timestamp <= options.nowMs + options.timestampAfterMsMax &&
    timestamp >= options.nowMs - options.timestampBeforeMsMax;
  return isAllowed ? null : refuseTimestamp(timestamp, options);
}

function refuseTimestamp(timestamp: TimestampMs, options: ValidateBatchOptions): BatchRefusal {
  return {
    code: "invalid_timestamp",
    detail: `The timestamp ${timestamp} is not within ${options.timestampBeforeMsMax} ms before and ` +
      `${options.timestampAfterMsMax} ms after ${options.nowMs}`,
  };
}
