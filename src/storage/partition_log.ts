/**
 * The log of one partition, as every storage engine offers it (design D6). One conformance suite
 * (`test/conformance/partition_log.ts`) runs against each engine: a topic's engine cannot be told from outside.
 *
 * Words: *appended* (has an offset, may only be in memory), *written* (the operating system has it), *durable*
 * (synced: survives power loss). Always: startOffset ≤ durableOffset ≤ writtenOffset ≤ endOffset, but that a trim to
 * the end may move startOffset up to endOffset at once.
 */
import type { Epoch, Offset, TimestampMs } from "../base/ids.ts";
import type { SentinelError } from "../base/errors.ts";
import type { ProducerStates } from "./producer_states.ts";
import type { RecordBatch } from "../records/record_batch.ts";
import type { CompactionSettings, LogCleaning } from "./log_cleaning.ts";
import type { Scrubbing } from "./scrubbing.ts";

/** What a flush has made durable. A generation other than the log's own proves nothing: the log was truncated since. */
export interface FlushResult {
  readonly generation: number;
  readonly epoch: Epoch;
  readonly endOffset: Offset;
}

export interface ReadOptions {
  /** Whole batches up to about this many bytes; the first is returned whatever its size. */
  readonly maxBytes: number;
  /** Nothing at or above it is returned: the high watermark. At most `endOffset`. */
  readonly upTo: Offset;
}

/** Who wants to know what happens to appended batches. Called synchronously; must not call back into the log's writers. */
export interface LogListener {
  /** `writtenOffset` or `durableOffset` has risen. */
  onProgress(): void;
  /** Everything from `endOffset` on was taken back because it could not be stored; those offsets will be used again. */
  onCutBack(endOffset: Offset, error: SentinelError): void;
  /** The log takes no more writes until a restart: what is not durable now will never be. */
  onFailure(error: SentinelError): void;
}

export interface PartitionLog {
  /** The first offset that can be read. */
  readonly startOffset: Offset;
  /** The next record's offset. */
  readonly endOffset: Offset;
  readonly writtenOffset: Offset;
  readonly durableOffset: Offset;
  /** Raised by each truncation at the moment it is called, and by each cut back. */
  readonly generation: number;
  /** Bytes that the log takes on disk. */
  readonly sizeBytes: number;
  /** Bytes that are appended and not yet written: what the appender's back-pressure goes by. */
  readonly pendingBytes: number;
  /** The producers of all that is appended: kept up by the log, asked by who appends. */
  readonly producers: ProducerStates;
  /** Why the log takes no more writes until a restart, or null. */
  readonly failure: SentinelError | null;

  /** Compaction; left out by an engine that has none. */
  readonly cleaning?: LogCleaning;
  /** Left out where the log's files are not its own. */
  readonly scrubbing?: Scrubbing;

  /** One listener, set by the replica that owns the log. */
  listener: LogListener | null;

  /**
   * Gives the batch the next offsets and this epoch, and queues it. The batch's bytes are the log's from now on and
   * must not change. Throws a `storage_error` when the log has failed. Epochs never go back.
   */
  appendAsLeader(batch: RecordBatch, epoch: Epoch): { readonly baseOffset: Offset; readonly endOffset: Offset };
  /** Queues batches whose offsets and epochs the leader has given; the first starts at `endOffset`. */
  appendAsFollower(batches: readonly RecordBatch[]): { readonly endOffset: Offset };
  /**
   * Resolves when all that is appended now is durable; fails when it was cut back or the log has failed. One sync serves
   * all who wait (group commit).
   */
  flush(): Promise<FlushResult>;
  /** Asks for a sync of all that is appended without waiting for it: the listener hears of it. */
  requestFlush(): void;
  /** Resolves when all that is appended now is written. */
  flushToSystem(): Promise<void>;

  /**
   * Whole batches from the one that contains `from`. Empty at `upTo`. Fails with `offset_out_of_range` outside
   * [startOffset, endOffset], with `storage_error` when the bytes are damaged. What is in memory is answered at once,
   * without a promise. Where compaction has left a gap, the batch behind it comes, and its base offset is above `from`; a
   * batch may have no records.
   */
  read(from: Offset, options: ReadOptions): RecordBatch[] | Promise<RecordBatch[]>;
  /**
   * The first batch with records whose largest timestamp is at or after `timestamp`, which ends above `from` (default: `startOffset`)
   * and starts below `upTo`, or null.
   */
  batchForTimestamp(timestamp: TimestampMs, upTo: Offset, from?: Offset): Promise<RecordBatch | null>;

  /** The epoch of the batch that holds `offset`, or the newest epoch below the end; −1 in an empty log without history. */
  epochAt(offset: Offset): Epoch;
  /** Where `epoch` ends: the start of the next larger one, or the log's end. Null when it never was in this log. */
  endOffsetForEpoch(epoch: Epoch): Offset | null;

  /**
   * Removes everything from `boundary` on; durable when it resolves, and nothing may be appended before. Fails with
   * `offset_out_of_range`, and changes nothing, when that is below `startOffset`, below what compaction has written, or
   * no batch's base offset, nor the end.
   */
  truncateFrom(boundary: Offset): Promise<void>;
  /** Moves `startOffset` up; never down, never past the end. Durable when it resolves. */
  trimBefore(offset: Offset): Promise<void>;
  /**
   * Trims whole inactive segments that retention no longer keeps; returns how many bytes went. Producers that were silent
   * for too long are forgotten.
   */
  applyRetention(nowMs: TimestampMs): Promise<number>;
  /** Takes over changed topic settings. */
  configure(settings: LogSettings): void;
  /** Writes and syncs what is appended and marks a clean stop, unless the log has failed. Idempotent. Later appends fail. */
  close(): Promise<void>;
}

/** The topic settings that a log obeys, with Kafka's names in the comments. */
export interface LogSettings {
  /** `segment.bytes`: a segment does not grow past it. */
  readonly segmentBytes: number;
  /** `segment.ms`: a segment does not span a longer time. */
  readonly segmentMs: number;
  /** `index.interval.bytes`: bytes between two index entries; 0 = an entry for every batch but the first. */
  readonly indexIntervalBytes: number;
  /** `retention.ms`; −1: for ever. */
  readonly retentionMs: number;
  /** `retention.bytes`; −1: without bound. */
  readonly retentionBytes: number;
  /** `max.message.bytes`. Batches that are stored may be larger: a reader goes by the hard limit. */
  readonly batchBytesMax: number;
  /** Set when `cleanup.policy` has `compact`. Without `delete` in it, both retentions are −1. */
  readonly compaction?: CompactionSettings;
}
