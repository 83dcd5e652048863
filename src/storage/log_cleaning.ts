/**
 * Log compaction, as a log offers it to its replica (facts Y25; Kafka's LogCleaner, KIP-534): of each key the newest
 * record is kept. Offsets never change and never move; what vanishes leaves gaps.
 */
import type { HashSeed } from "../bytes/half_sip_hash.ts";
import type { Offset, ProducerId, TimestampMs } from "../base/ids.ts";
import type { Compression } from "../platform/compression.ts";

/** A transaction that was aborted: none of its producer's records within the offsets counts. */
export interface AbortedTransaction {
  readonly producerId: ProducerId;
  readonly firstOffset: Offset;
  /** Of the marker. */
  readonly lastOffset: Offset;
}

/** What the replica knows and the log does not. */
export interface CleaningBounds {
  readonly nowMs: TimestampMs;
  /** The smaller of high watermark and last stable offset: nothing at or above it is touched, nor counts as newer. */
  readonly upTo: Offset;
  /** Those that end below `upTo` and may still have records in the log. */
  readonly abortedTransactions: readonly AbortedTransaction[];
}

/** What a pass works with. */
export interface CleaningTools {
  readonly compression: Compression;
  /** For the key map's hash: drawn by chance, so that nobody can prepare keys. */
  readonly seed: HashSeed;
  /** Of the key map; default: the limits'. */
  readonly keysMax?: number;
  readonly keyBytesMax?: number;
}

/** How much there is to clean. */
export interface CleaningNeed {
  /** Of what may be cleaned now. */
  readonly dirtyBytes: number;
  /** dirty / (clean + dirty), in (0, 1]. */
  readonly dirtyRatio: number;
  /** The settings want it now. */
  readonly isDue: boolean;
}

export interface CleaningResult {
  /** `stopped`: the log was closed or cut meanwhile; what was done is right as it stands, and the next pass does the rest. */
  readonly outcome: "cleaned" | "nothing" | "stopped";
  /** Everything below it was under a key map. */
  readonly cleanOffset: Offset;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly removedRecords: number;
}

export interface LogCleaning {
  /** Null when there is nothing that may be cleaned. */
  need(bounds: CleaningBounds): Promise<CleaningNeed | null>;
  /**
   * Cleans everything that may be cleaned, as far as one key map goes, whether it is due or not. One pass at a time. Fails
   * with `storage_error` at damage, which it leaves as it is, and where the disk does not take what it writes: what it
   * has not cleaned stays as it was then.
   */
  clean(bounds: CleaningBounds, tools: CleaningTools): Promise<CleaningResult>;
}

/** The topic settings that compaction obeys, with Kafka's names in the comments. */
export interface CompactionSettings {
  /** `delete.retention.ms`: how long a tombstone stays after its first cleaning. */
  readonly deleteRetentionMs: number;
  /** `min.cleanable.dirty.ratio`. */
  readonly dirtyRatioMin: number;
  /** `min.compaction.lag.ms`: how old a segment's newest record must be. */
  readonly lagMsMin: number;
  /** `max.compaction.lag.ms`: a record that is older is cleaned whatever the ratio. */
  readonly lagMsMax: number;
}
