/** Appending: what `BrokerApi.produceRecords` and `produceBatch` do between a topic and its replicas. */
import { SentinelError } from "../base/errors.ts";
import type { FieldFault } from "../base/errors.ts";
import type { PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { Replica, ReplicaAppend } from "../cluster/replica.ts";
import type { Clock } from "../platform/clock.ts";
import { buildRecordBatch, cutIntoBatches } from "../records/build_batch.ts";
import type { RecordInput } from "../records/record.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import { type BatchRefusal, isBatchRefusal, validateProducedBatch } from "../records/validate_batch.ts";
import { sequenceAfter } from "../storage/producer_states.ts";
import type { ProduceOutcome, RoutedRecord } from "./broker_api.ts";
import { Partitioner } from "./partitioner.ts";
import type { PartitionerName } from "./partitioner.ts";
import { topicSettings } from "./topic_config.ts";
import type { TopicSettings } from "./topic_config.ts";
import { assertTopicName } from "./topic_name.ts";
import { replicaOf } from "./topics.ts";
import type { Topic, Topics } from "./topics.ts";
import type { BrokerCounters, DurabilityReached, ProduceAck, ProduceOptions } from "./types.ts";

export interface ProducerOptions {
  readonly partitioner: PartitionerName;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly autoCreate: boolean;
  /** Where there is no disk, nothing is synced: what an acknowledgement may say then. */
  readonly inMemory: boolean;
  readonly counters: BrokerCounters;
}

/** The records of one call that go to one partition, with their positions in the call. */
export interface Run {
  readonly partition: PartitionId;
  readonly records: readonly RecordInput[];
  readonly indexes: readonly number[];
}

/** Kafka's mark for a record without a time. */
const TIMESTAMP_NONE: TimestampMs = -1;

export class Producing {
  readonly #options: ProducerOptions;
  readonly #partitioner: Partitioner;
  /** Bytes of calls that are appended and not yet acknowledged. */
  #pendingBytes = 0;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#partitioner = new Partitioner(options.partitioner);
  }

  async produceRecords(
    name: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<ProduceOutcome[]> {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#options.topics.get(name);
    const settings = known?.settings ?? this.#settingsOfNew(name);
    const partitionCount = known?.entry.partitions ?? this.#options.topics.partitionsDefault;
    const runs = this.route(name, records, partitionCount);
    // Everything is checked before a topic is made or a byte written (seed-P3).
    const built = runs.map((run) => ({ run, batches: buildRun(cutRun(run, settings, nowMs), settings, nowMs) }));
    const topic = known ?? await this.#options.topics.getOrCreate(name);
    const outcomes = await Promise.all(built.map(({ run, batches }) => this.appendRun(topic, run, batches, options)));
    for (const outcome of outcomes) if (!outcome.ok && isOffsetMismatch(outcome.error)) throw outcome.error;
    return outcomes;
  }

  /** Makes the topic that is missing, when it may be made and the records are such as it would take. */
  async createFor(name: string, records: readonly RoutedRecord[]): Promise<Topic> {
    const { clock, topics } = this.#options;
    const settings = this.#settingsOfNew(name);
    for (const run of this.route(name, records, topics.partitionsDefault)) cutRun(run, settings, clock.nowMs());
    return await topics.getOrCreate(name);
  }

  async produceBatch(
    name: string,
    partition: PartitionId | null,
    batch: RecordBatch,
    options: ProduceOptions,
  ): Promise<ProduceAck> {
    const { clock, topics } = this.#options;
    const known = topics.get(name);
    const settings = known?.settings ?? this.#settingsOfNew(name);
    const partitionCount = known?.entry.partitions ?? topics.partitionsDefault;
    const chosen = partition ?? this.#partitioner.next(partitionCount);
    assertPartition(name, chosen, partitionCount);
    const nowMs = clock.nowMs();
    // Checked in this one place for every protocol: a damaged batch that got in would be taken for a damaged disk later.
    if (!batch.hasValidCrc()) throw new SentinelError("corrupt_batch", "The batch does not agree with its checksum");
    const checked = validateProducedBatch(batch, {
      nowMs,
      timestampType: settings.timestampType,
      batchBytesMax: settings.batchBytesMax,
      timestampAfterMsMax: settings.timestampAfterMsMax,
      timestampBeforeMsMax: settings.timestampBeforeMsMax,
      requireKeys: false,
    });
    if (isBatchRefusal(checked)) throw refused(checked);
    // There are no transactions yet. Every client gives up at once on this answer of Kafka's; others it would try again.
    if (batch.isTransactional) {
      throw new SentinelError(
        "forbidden_transactional_id",
        "This broker has no transactions: the batch belongs to one",
      );
    }
    if (batch.sizeBytes > settings.replica.log.segmentBytes) throw largerThanSegment(batch.sizeBytes, settings);
    const logAppendTime = settings.timestampType === "LogAppendTime";
    if (logAppendTime) batch.stampMaxTimestamp(nowMs, true);
    else if (batch.maxTimestamp !== checked.maxTimestamp) batch.stampMaxTimestamp(checked.maxTimestamp, false);
    const topic = known ?? await topics.getOrCreate(name);
    return await this.#append(topic, replicaOf(topic, chosen), [batch], options);
  }

  /** What a topic that is not there would be like, or `unknown_topic`. */
  #settingsOfNew(name: string): TopicSettings {
    assertTopicName(name);
    if (!this.#options.autoCreate) throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    return topicSettings({}, this.#options.topics.configDefaults);
  }

  /** Sorts records by partition; those of one call without key and partition stay together. */
  route(name: string, records: readonly RoutedRecord[], partitionCount: number): Run[] {
    const runs = new Map<PartitionId, { partition: PartitionId; records: RecordInput[]; indexes: number[] }>();
    let sticky: PartitionId | null = null;
    for (const [index, { record, partition }] of records.entries()) {
      let chosen: PartitionId;
      if (partition !== undefined) {
        assertPartition(name, partition, partitionCount);
        chosen = partition;
      } else {
        chosen = this.#partitioner.partitionOf(record.key, partitionCount) ??
          (sticky ??= this.#partitioner.next(partitionCount));
      }
      const run = runs.get(chosen);
      if (run === undefined) runs.set(chosen, { partition: chosen, records: [record], indexes: [index] });
      else {
        run.records.push(record);
        run.indexes.push(index);
      }
    }
    return [...runs.values()].sort((left, right) => left.partition - right.partition);
  }

  /** Appends what `cutRun` and `buildRun` made of a run. Does not fail for what the partition refuses. */
  async appendRun(
    topic: Topic,
    run: Run,
    batches: readonly RecordBatch[],
    options: ProduceOptions,
  ): Promise<ProduceOutcome> {
    try {
      const ack = await this.#append(topic, replicaOf(topic, run.partition), batches, options);
      return { ok: true, ack, indexes: run.indexes };
    } catch (error) {
      return { ok: false, partition: run.partition, error, indexes: run.indexes };
    }
  }

  async #append(
    topic: Topic,
    replica: Replica,
    batches: readonly RecordBatch[],
    options: ProduceOptions,
  ): Promise<ProduceAck> {
    const bytes = batches.reduce((sum, batch) => sum + batch.sizeBytes, 0);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > LIMITS.brokerPendingBytesMax) {
      throw new SentinelError(
        "overloaded",
        `${this.#pendingBytes} bytes wait to be stored; the limit is ${LIMITS.brokerPendingBytesMax}`,
      );
    }
    this.#pendingBytes += bytes;
    const release = (): void => void (this.#pendingBytes -= bytes);
    let isQueued = false;
    try {
      for (let room = replica.waitForRoom(); room !== null; room = replica.waitForRoom()) await room;
      assertExpectedOffset(replica, options);
      const { first, acknowledged, original } = appendBatches(replica, batches);
      // What is queued takes room until it is stored, also where nobody waits for it.
      acknowledged.then(release, release);
      isQueued = true;
      let count = 0;
      for (const batch of batches) count += batch.recordCount;
      if (options.acks !== "none") await acknowledged;
      if (original === undefined) {
        this.#options.counters.recordsProduced += count;
        this.#options.counters.bytesProduced += bytes;
      }
      return {
        partition: replica.partition,
        first,
        count,
        logAppendTimeMs: topic.settings.timestampType === "LogAppendTime"
          ? (original?.timestamp ?? batches[0]!.maxTimestamp)
          : -1,
        logStart: replica.startOffset,
        durability: this.durabilityOf(topic, options),
      };
    } finally {
      if (!isQueued) release();
    }
  }

  /** What an acknowledgement stands on. */
  durabilityOf(topic: Topic, options: ProduceOptions): DurabilityReached {
    if (this.#options.inMemory || options.acks === "none") return "memory";
    return topic.settings.replica.durability;
  }
}

function assertPartition(name: string, partition: PartitionId, partitionCount: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return;
  throw new SentinelError(
    "unknown_partition",
    `Partition ${partition} does not exist (topic ${name} has ${partitionCount} partition${
      partitionCount === 1 ? "" : "s"
    })`,
  );
}

/**
 * Several batches of one producer are checked one after another, and appended in one go. What fails in the middle leaves
 * the ones before it: whoever appends so asks the producer's state.
 */
function appendBatches(replica: Replica, batches: readonly RecordBatch[]): ReplicaAppend {
  if (batches.length === 1 || !batches[0]!.hasProducerId) return replica.append(batches);
  const { first, acknowledged } = replica.append([batches[0]!]);
  const all = [acknowledged];
  try {
    for (const batch of batches.slice(1)) all.push(replica.append([batch]).acknowledged);
  } catch (thrown) {
    all.push(Promise.reject(thrown));
  }
  return { first, acknowledged: allSettled(all) };
}

/** Waits for all, whatever becomes of them, then fails with the first failure. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

export function isOffsetMismatch(thrown: unknown): boolean {
  return thrown instanceof SentinelError && thrown.code === "offset_mismatch";
}

/** Fails with `offset_mismatch` unless the next offset is the one that the caller wants, if it wants one. */
export function assertExpectedOffset(replica: Replica, options: ProduceOptions): void {
  const { expectedOffset } = options;
  if (expectedOffset === undefined || expectedOffset === replica.endOffset) return;
  throw new SentinelError(
    "offset_mismatch",
    `The next offset of ${replica.topic}-${replica.partition} is ${replica.endOffset}, not ${expectedOffset}`,
    { facts: { tail: replica.endOffset } },
  );
}

function refused({ code, detail, recordIndex }: BatchRefusal): SentinelError {
  return new SentinelError(code, detail, {
    errors: recordIndex === undefined ? [] : [{ pointer: `/records/${recordIndex}`, detail }],
  });
}

function largerThanSegment(sizeBytes: number, settings: TopicSettings): SentinelError {
  return new SentinelError(
    "too_large",
    `A batch of ${sizeBytes} bytes does not fit into a segment of ${settings.replica.log.segmentBytes} bytes`,
  );
}

/** The records of one run, batch by batch; fails with a fault that points at the bad record. */
export function cutRun(run: Run, settings: TopicSettings, nowMs: TimestampMs): readonly (readonly RecordInput[])[] {
  if (settings.timestampType !== "LogAppendTime") assertTimestamps(run, settings, nowMs);
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

/** The batches of what `cutRun` has cut, at the same time; with a producer id and consecutive sequences if one is given. */
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
    return batch;
  });
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
