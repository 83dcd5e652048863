import type { Offset, TimestampMs } from "../base/ids.ts";

/** One header of a record. Order and duplicates are kept; a value may be null, as in Kafka. */
export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record as a producer gives it. A null value is a tombstone. */
export interface RecordInput {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Left out: the time at which the batch is built. */
  readonly timestamp?: TimestampMs;
}

/** A record as a consumer gets it. Its byte arrays are views into the batch it was read from. */
export interface StoredRecord {
  readonly offset: Offset;
  readonly timestamp: TimestampMs;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}
