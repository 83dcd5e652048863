/** Finding records by key: what a protocol may ask. */
import type { Offset, PartitionId } from "../../base/ids.ts";
import type { StoredRecord } from "../../records/record.ts";

/** Which record is looked for: the newest committed one with this key. */
export interface KeyLookupRequest {
  readonly topic: string;
  readonly key: Uint8Array;
  /** Absent: the one that the partitioner gives to the key. */
  readonly partition?: PartitionId;
  /** How long to wait for an index that is behind; then the lookup fails with `key_index_behind`. */
  readonly waitMs: number;
  /** Called when the lookup begins to wait, with what ends the wait. What it throws ends the lookup. */
  readonly onWait?: (cancel: () => void) => void;
}

export interface KeyLookup {
  readonly topicId: string;
  readonly partition: PartitionId;
  /** The answer counts every record below it: at least the high watermark when the lookup began. */
  readonly highWatermark: Offset;
  /** Null: there is no such key, or its newest record is a tombstone, or was trimmed. */
  readonly record: StoredRecord | null;
}

/** How far the index of a partition's keys has come. */
export interface KeyIndexProgress {
  readonly topic: string;
  readonly partition: PartitionId;
  /** −1 while it is not known. */
  readonly appliedOffset: Offset;
  readonly highWatermark: Offset;
}

export interface KeysApi {
  /**
   * The newest committed record of a key, at least as of the high watermark when the call began. For it to be right an
   * index is kept in the background from the first call on, and the call waits for it: `key_index_behind` when that took
   * too long. `topic_not_compacted` for a topic without `compact` in its `cleanup.policy`; `storage_error` where the log
   * or the index is damaged.
   */
  lookUp(request: KeyLookupRequest): Promise<KeyLookup>;
  /** How far each index has come, sorted by topic and partition. */
  progress(): readonly KeyIndexProgress[];
}
