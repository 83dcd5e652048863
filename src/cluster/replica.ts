/** One partition as the broker sees it, whether it stands on one node or on several (design D6). */
import type { Epoch, Offset, PartitionId, ProducerId, TimestampMs } from "../base/ids.ts";
import type { SentinelError } from "../base/errors.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { CleaningNeed, CleaningResult, CleaningTools } from "../storage/log_cleaning.ts";
import type { LogSettings } from "../storage/partition_log.ts";
import type { Scrubbing } from "../storage/scrubbing.ts";
import type { ProducerBatch, ProducerState } from "../storage/producer_states.ts";

/** What an acknowledgement waits for on this node. */
export type Durability = "fsync" | "interval" | "os";

export interface ReplicaSettings {
  readonly durability: Durability;
  readonly log: LogSettings;
}

/** An append that has its offsets. */
export interface ReplicaAppend {
  readonly first: Offset;
  /** Resolves when the wished copies have it; fails when it was taken back. */
  readonly acknowledged: Promise<void>;
  /** Set when nothing was appended, since the producer's batch is in the log already: `first` is where. */
  readonly original?: ProducerBatch;
}

/** Compaction of a partition, up to what is committed. See `LogCleaning`. */
export interface ReplicaCleaning {
  need(nowMs: TimestampMs): Promise<CleaningNeed | null>;
  clean(nowMs: TimestampMs, tools: CleaningTools): Promise<CleaningResult>;
}

export interface Replica {
  readonly topic: string;
  readonly partition: PartitionId;
  /** Records below it are committed: readers see them. */
  readonly highWatermark: Offset;
  readonly startOffset: Offset;
  readonly endOffset: Offset;
  readonly epoch: Epoch;
  readonly sizeBytes: number;
  /** Why it takes no writes, or null. */
  readonly failure: SentinelError | null;

  /**
   * Resolves when the queue has room for more; fails with `overloaded` when too many wait already. Null: there is room
   * now. Whoever waits comes before whoever asks later: a producer's requests keep their order.
   */
  waitForRoom(): Promise<void> | null;
  /**
   * Appends the batches as one contiguous run. Throws what the log throws; nothing is appended then. A batch with a
   * producer id comes alone, and its sequence is checked first (protocol notes §8): a retry of one that was appended is
   * not appended again, and is acknowledged when that one is; any other than the next is refused with
   * `out_of_order_sequence` or `invalid_producer_epoch`, and a new producer with `overloaded` when there are too many.
   */
  append(batches: readonly RecordBatch[]): ReplicaAppend;
  /** Whole committed batches from `from` on; see `PartitionLog.read`. */
  read(from: Offset, maxBytes: number): RecordBatch[] | Promise<RecordBatch[]>;
  /**
   * Where the largest epoch up to `epoch` ends: the start of the next larger one, or the log's end. For one below all
   * that the log has, that epoch and the log's start. Null above them all.
   */
  endOfEpoch(epoch: Epoch): { readonly epoch: Epoch; readonly endOffset: Offset } | null;
  /** The epoch of the batch that holds `offset`; −1 when it is not known. */
  epochAt(offset: Offset): Epoch;
  /** First committed batch that ends above `from` (default: `startOffset`) and reaches `timestamp`, or null. */
  batchForTimestamp(timestamp: TimestampMs, from?: Offset): Promise<RecordBatch | null>;
  /** A producer's state in this partition, counting all that is appended; null when it is not known. */
  producer(producerId: ProducerId): ProducerState | null;
  /** All producers that wrote here within `producerIdExpirationMs`. */
  producers(): readonly ProducerState[];
  trimBefore(offset: Offset): Promise<void>;
  applyRetention(nowMs: TimestampMs): Promise<number>;
  /** Left out or null where nothing can be compacted. */
  readonly cleaning?: ReplicaCleaning | null;
  /** Left out or null where the partition has no files of its own. */
  readonly scrubbing?: Scrubbing | null;
  configure(settings: ReplicaSettings): void;

  /** Called each time the high watermark rises, or when reading will fail from now on. Must not throw. */
  readonly onAdvance: Set<() => void>;
  /** Closes the log; whoever waits then or comes later fails with `reason`. Idempotent. */
  close(reason: SentinelError): Promise<void>;
}
