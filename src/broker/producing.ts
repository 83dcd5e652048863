/** Appending: what `BrokerApi.produceRecords` and `produceBatch` do between a topic and its replicas. */
import { SentinelError } from "../base/errors.ts";
import { partitionName } from "../base/ids.ts";
import type { PartitionId, TimestampMs } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { Replica, ReplicaAppend } from "../cluster/replica.ts";
import type { Clock } from "../platform/clock.ts";
import type { Compression } from "../platform/compression.ts";
import type { RecordInput } from "../records/record.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import { type BatchRefusal, isBatchRefusal, validateProducedBatch } from "../records/validate_batch.ts";
import type { ProduceOutcome, RoutedRecord } from "./broker_api.ts";
import { Partitioner } from "./partitioner.ts";
import type { PartitionerName } from "./partitioner.ts";
import { buildRun, cutRun } from "./cut_run.ts";
import type { Run } from "./cut_run.ts";
import { ProduceLanes } from "./produce_lanes.ts";
import { convertedBatch, mustBeConverted, mustBeOpened, openProduced } from "./stored_form.ts";
import { topicSettings } from "./topic_config.ts";
import type { TopicSettings } from "./topic_config.ts";
import { assertTopicName } from "./topic_name.ts";
import { TopicTurns } from "./topic_turns.ts";
import { replicaOf } from "./topics.ts";
import type { Topic, Topics } from "./topics.ts";
import type { BrokerCounters, DurabilityReached, ProduceAck, ProduceOptions } from "./types.ts";

export interface ProducerOptions {
  readonly partitioner: PartitionerName;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly compression: Compression;
  readonly autoCreate: boolean;
  /** Where there is no disk, nothing is synced: what an acknowledgement may say then. */
  readonly inMemory: boolean;
  readonly counters: BrokerCounters;
}

export class Producing {
  readonly #options: ProducerOptions;
  readonly #partitioner: Partitioner;
  readonly #turns: TopicTurns;
  readonly #lanes = new ProduceLanes();
  /** Bytes of calls that are appended and not yet acknowledged. */
  #pendingBytes = 0;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#turns = new TopicTurns(options.topics);
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
    const outcomes = await this.#turns.run(
      name,
      (topic) => Promise.all(built.map(({ run, batches }) => this.appendRun(topic, run, batches, options))),
    );
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
    const { clock, topics, compression } = this.#options;
    const known = topics.get(name);
    const settings = known?.settings ?? this.#settingsOfNew(name);
    const partitionCount = known?.entry.partitions ?? topics.partitionsDefault;
    const chosen = partition ?? this.#partitioner.next(partitionCount);
    assertPartition(name, chosen, partitionCount);
    const nowMs = clock.nowMs();
    // Checked in this one place for every protocol: a damaged batch that got in would be taken for a damaged disk later.
    if (!batch.hasValidCrc()) throw new SentinelError("corrupt_batch", "The batch does not agree with its checksum");
    const checks = { settings, nowMs, partitionName: partitionName(name, chosen) };
    // What can be seen without opening it comes first: most bad batches are never opened.
    checkProduced(batch, null, checks);
    // There are no transactions yet. Every client gives up at once on this answer of Kafka's; others it would try again.
    if (batch.isTransactional) {
      throw new SentinelError(
        "forbidden_transactional_id",
        "This broker has no transactions: the batch belongs to one",
      );
    }
    const append = (stored: RecordBatch, topic: Topic): Promise<ProduceAck> => {
      if (stored.sizeBytes > settings.replica.log.segmentBytes) throw largerThanSegment(stored.sizeBytes, settings);
      return this.#append(topic, replicaOf(topic, chosen), [stored], options);
    };
    const opens = mustBeOpened(batch, settings);
    return await this.#turns.run(name, (topic) => {
      const isReady = !opens && !mustBeConverted(batch, settings) && !this.#lanes.isBusy(checks.partitionName);
      if (isReady) return append(batch, topic);
      return this.#lanes.run(checks.partitionName, async () => {
        const plain = opens ? await openProduced(batch, compression) : null;
        if (plain !== null) checkProduced(batch, plain, checks);
        return { begun: append(await convertedBatch(batch, plain, settings, compression), topic) };
      });
    });
  }

  /** What a topic that is not there would be like, or `unknown_topic`. */
  #settingsOfNew(name: string): TopicSettings {
    assertTopicName(name);
    if (!this.#options.autoCreate) throw new SentinelError("unknown_topic", `The topic ${name} does not exist`);
    return topicSettings({}, this.#options.topics.configDefaults);
  }

  /** Sorts records by partition; those of one call without key and partition stay together. */
  route(name: string, records: readonly RoutedRecord[], partitionCount: number): Run[] {
    const runs = new Map<
      PartitionId,
      { topic: string; partition: PartitionId; records: RecordInput[]; indexes: number[] }
    >();
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
      if (run === undefined) runs.set(chosen, { topic: name, partition: chosen, records: [record], indexes: [index] });
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
    const partition = partitionName(topic.entry.name, run.partition);
    const { compression } = this.#options;
    const append = (stored: readonly RecordBatch[]): Promise<ProduceAck> =>
      this.#append(topic, replicaOf(topic, run.partition), stored, options);
    try {
      const isReady = !batches.some((batch) => mustBeConverted(batch, topic.settings)) &&
        !this.#lanes.isBusy(partition);
      const ack = isReady ? await append(batches) : await this.#lanes.run(partition, async () => {
        const stored: RecordBatch[] = [];
        for (const batch of batches) stored.push(await convertedBatch(batch, null, topic.settings, compression));
        return { begun: append(stored) };
      });
      return { ok: true, ack, indexes: run.indexes };
    } catch (error) {
      return { ok: false, partition: run.partition, error, indexes: run.indexes };
    } finally {
      for (const batch of batches) batch.lease?.release();
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

/** Refuses a batch that may not be appended, and stamps its times. `plain`: its records, if it was opened. */
function checkProduced(
  batch: RecordBatch,
  plain: Uint8Array | null,
  { settings, nowMs, partitionName: name }: {
    readonly settings: TopicSettings;
    readonly nowMs: TimestampMs;
    readonly partitionName: string;
  },
): void {
  const { timestampType, batchBytesMax, timestampAfterMsMax, timestampBeforeMsMax, isCompacted } = settings;
  const checked = validateProducedBatch(batch, {
    nowMs,
    timestampType,
    batchBytesMax,
    timestampAfterMsMax,
    timestampBeforeMsMax,
    requireKeys: isCompacted && (plain !== null || batch.codec === "none"),
    partitionName: name,
    ...(plain === null ? {} : { plain }),
  });
  if (isBatchRefusal(checked)) throw refused(checked);
  if (timestampType === "LogAppendTime") batch.stampMaxTimestamp(nowMs, true);
  else if (batch.maxTimestamp !== checked.maxTimestamp) batch.stampMaxTimestamp(checked.maxTimestamp, false);
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
