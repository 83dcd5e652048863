/** What the broker is asked and what it answers: the words that every protocol translates to and from. */
import type { Epoch, NodeId, Offset, PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import type { SentinelError } from "../base/errors.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { ConfigChange } from "./config_change.ts";

/** How many copies an acknowledgement waits for (Kafka's acks 0, 1, −1). */
export type Acks = "none" | "leader" | "all";

/**
 * What an acknowledgement stands on. `memory`: this process (`--memory`); `os`: the page cache, survives the process;
 * `interval`: synced within the flush interval; `fsync`: survives power loss here; `quorum-fsync`: on a majority of nodes.
 */
export type DurabilityReached = "memory" | "os" | "interval" | "fsync" | "quorum-fsync";

export interface ProduceOptions {
  readonly acks: Acks;
  /** Append only if the partition's next offset is this (HTTP If-Match); else `offset_mismatch` with `tail`. */
  readonly expectedOffset?: Offset;
}

/** Records [first, first + count) of a partition were appended. */
export interface ProduceAck {
  readonly partition: PartitionId;
  readonly first: Offset;
  readonly count: number;
  /** The broker's append time for `message.timestamp.type=LogAppendTime`, else −1. */
  readonly logAppendTimeMs: TimestampMs;
  readonly logStart: Offset;
  readonly durability: DurabilityReached;
}

/** What a partition knows of one idempotent producer. */
export interface ProducerDescription {
  readonly producerId: ProducerId;
  readonly epoch: number;
  readonly lastSequence: number;
  /** The largest timestamp of its last batch. */
  readonly lastTimestamp: TimestampMs;
}

/** Where a fetch starts in one partition. */
export type StartOffset = Offset | "earliest" | "latest";

export interface FetchPartition {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly offset: StartOffset;
  /** Most bytes of this partition; the first batch of the answer is always whole. */
  readonly maxBytes: number;
  /** The leader epoch that the reader knows (KIP-320); see `checkEpoch`. Absent: it knows none. */
  readonly currentEpoch?: Epoch;
  /** The epoch of the last record that the reader has, which it holds against our log. Absent: nothing to compare. */
  readonly lastFetchedEpoch?: Epoch;
}

export interface FetchRequest {
  readonly partitions: readonly FetchPartition[];
  /** Answer as soon as this many bytes are there, or … */
  readonly minBytes: number;
  /** … after this long. 0: at once. */
  readonly waitMs: number;
  /** Most bytes of the whole answer; the first batch is always whole. */
  readonly maxBytes: number;
  /** Asked before each look into the log: what the answers of all callers may take. Absent: it counts elsewhere. */
  readonly memory?: ReadMemory;
}

/** Room for what reads bring into memory. */
export interface ReadMemory {
  /** As much of `wantedBytes` as there is room for, at least a small part; to be given back when the read is over. */
  take(wantedBytes: number): number;
  giveBack(bytes: number): void;
}

/** One partition's part of a fetch: whole batches, the first of which contains `offset` (unless at the end). */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: PartitionId;
  /** The offset asked for, resolved: where reading began. Records before it in the first batch are to be skipped. */
  readonly offset: Offset;
  readonly batches: readonly RecordBatch[];
  readonly highWatermark: Offset;
  /** Below it no transaction is undecided: what readers of committed records see. */
  readonly lastStable: Offset;
  readonly logStart: Offset;
  /** The reader's last record is not ours: where our log left its epoch (KIP-595). No batches then. */
  readonly diverging?: EpochEnd;
  /** What went wrong in this partition alone; the others' answers stand. */
  readonly error?: SentinelError;
}

/** A wait that its caller may end early: `cancel` makes the promise resolve with what is there. */
export interface PendingFetch {
  readonly result: Promise<readonly FetchedPartition[]>;
  cancel(): void;
}

/** The end of a leader epoch in a log: the start of the next one, or the log's end. */
export interface EpochEnd {
  readonly epoch: Epoch;
  readonly endOffset: Offset;
}

/** What `listOffset` looks for: an end of the log, its newest record by time, or the first one at or after a time. */
export type OffsetSpec = "earliest" | "latest" | "newest" | TimestampMs;

/** Where something is in a log. */
export interface ListedOffset extends OffsetAndTimestamp {
  /** The leader epoch of that place; −1 when it is not known. */
  readonly epoch: Epoch;
}

export interface OffsetAndTimestamp {
  readonly offset: Offset;
  /** −1 when no record is meant (the end of the log). */
  readonly timestamp: TimestampMs;
}

export interface PartitionDescription {
  readonly partition: PartitionId;
  readonly leader: NodeId;
  readonly epoch: Epoch;
  readonly replicas: readonly NodeId[];
  readonly isr: readonly NodeId[];
  /** Log start offset. */
  readonly start: Offset;
  /** Log end offset: also what is not committed. */
  readonly end: Offset;
  readonly highWatermark: Offset;
  /** Bytes of the log's segments. */
  readonly bytes: number;
  /** Set when the partition is offline (damaged or failed storage): what is wrong, for people. */
  readonly offline?: string;
  /** Set when the scrub has found damage in what nobody has read since: what is wrong, for people. The rest is served. */
  readonly damaged?: string;
}

export interface TopicDescription {
  readonly name: string;
  readonly topicId: string;
  /** Settings that differ from the defaults, Kafka's names, values as strings. */
  readonly config: Readonly<Record<string, string>>;
  readonly partitions: readonly PartitionDescription[];
}

export interface CreateTopicOptions {
  /** Default: the broker's `--partitions`. */
  readonly partitions?: number;
  /** Only 1 (or −1, the default) until there is a cluster. */
  readonly replicas?: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** A topic that could be made. */
export interface TopicPlan {
  readonly topicId: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** What a topic is to become. */
export interface TopicChange {
  /** May only grow. */
  readonly partitions?: number;
  /** What is not named stays as it is. */
  readonly config?: Readonly<Record<string, ConfigChange>>;
  /** Settings that `config` does not name return to their defaults instead. */
  readonly replacesConfig?: boolean;
}

/** The data directory, and the room around it. */
export interface LogDirectoryDescription {
  readonly path: string;
  /** Of the file system that it lies on; null: the disk cannot tell. */
  readonly totalBytes: number | null;
  /** What is left of it for this process. */
  readonly usableBytes: number | null;
}

/** A node as clients should reach it. */
export interface NodeDescription {
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, or null without an HTTP listener. */
  readonly http: string | null;
}

export interface ClusterDescription {
  readonly clusterId: string;
  readonly controller: NodeId;
  readonly nodes: readonly NodeDescription[];
}

/** Counters and gauges of the broker's own work; metrics reads them (facts 1.5). */
export interface BrokerCounters {
  recordsProduced: number;
  recordsConsumed: number;
  bytesProduced: number;
  bytesConsumed: number;
  errors: number;
  /** Passes of the background cleaner that were finished, and what they did. */
  cleanerPasses: number;
  cleanerReadBytes: number;
  cleanerWrittenBytes: number;
  cleanerRemovedRecords: number;
  cleanerMs: number;
  cleanerFailures: number;
  /** Compacted partitions that could not be cleaned and were not since. */
  cleanerFailedPartitions: number;
  /** What the scrub has read, and its passes that came to their end. */
  scrubReadBytes: number;
  scrubPasses: number;
  /** Places with damage that it has told, and how many there are now. */
  scrubDamage: number;
  scrubDamagedPlaces: number;
  /** What the pass that is under way has still to read. */
  scrubRemainingBytes: number;
  /** How long ago the next pass should have come to where the last one is. */
  scrubLagMs: number;
  /** Lookups by key that were answered, and those of them that found a record. */
  keyLookups: number;
  keyLookupsFound: number;
  /** Indexes of keys that were not their log's and were built anew, and steps that failed. */
  keyIndexRebuilds: number;
  keyIndexFailures: number;
  /** Idempotency keys that are kept, and requests that were answered from one. */
  idempotencyKeys: number;
  idempotencyReplays: number;
}
