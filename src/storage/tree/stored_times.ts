/**
 * The index by time of one partition in a store. An entry says of a segment: no batch up to and with the one that ends at
 * `lastOffset` has a larger timestamp than this one. So each holds for itself, whatever other entries there are, and
 * compaction, which takes records away, makes none of them wrong.
 *
 * Within a segment both times and offsets rise from entry to entry. Layout of a value (big-endian): lastOffset i64.
 */
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { SentinelError } from "../../base/errors.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import { PartitionKeys } from "./partition_keys.ts";

const ENTRY_BYTES = 8;

export interface StoredTime {
  readonly timestamp: TimestampMs;
  readonly lastOffset: Offset;
}

export class StoredTimes {
  readonly #store: KeyValueStore;
  readonly #keys: PartitionKeys;
  readonly #name: string;

  constructor(store: KeyValueStore, keys: PartitionKeys, name: string) {
    this.#store = store;
    this.#keys = keys;
    this.#name = name;
  }

  /** Below which offset of a segment no batch reaches `timestamp`, as far as the index knows; null: it knows nothing. */
  async offsetBefore(segmentBaseOffset: Offset, timestamp: TimestampMs): Promise<Offset | null> {
    const entry = await this.#lastOf(segmentBaseOffset, timestamp, () => true);
    return entry === null ? null : entry.lastOffset + 1;
  }

  /** The last entry of a segment that speaks of offsets below `offset` only. */
  lastBelow(segmentBaseOffset: Offset, offset: Offset): Promise<StoredTime | null> {
    return this.#lastOf(segmentBaseOffset, Number.MAX_SAFE_INTEGER, ({ lastOffset }) => lastOffset < offset);
  }

  /** Removes what is said of offsets at or above `offset`, in a segment and in all behind it. Returns the entry before. */
  async truncateFrom(segmentBaseOffset: Offset, offset: Offset): Promise<StoredTime | null> {
    const last = await this.lastBelow(segmentBaseOffset, offset);
    const { to } = this.#keys.times(segmentBaseOffset);
    const from = this.#keys.time(segmentBaseOffset, last === null ? 0 : last.timestamp + 1);
    await this.#store.deleteRange({ from, to: to! });
    return last;
  }

  /** The last entry of a segment with a time before `timestamp` that is wanted. */
  async #lastOf(
    segmentBaseOffset: Offset,
    timestamp: TimestampMs,
    isWanted: (entry: StoredTime) => boolean,
  ): Promise<StoredTime | null> {
    if (!(timestamp > 0)) return null;
    const before = Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(timestamp));
    const { from } = this.#keys.times(segmentBaseOffset);
    const scan = this.#store.scan({ from: from!, to: this.#keys.time(segmentBaseOffset, before), reverse: true });
    try {
      while (true) {
        const answer = scan.next();
        const pair = answer instanceof Promise ? await answer : answer;
        if (pair === null) return null;
        const entry = this.#decode(pair.key, pair.value);
        if (isWanted(entry)) return entry;
      }
    } finally {
      scan.close();
    }
  }

  #decode(key: Uint8Array, value: Uint8Array): StoredTime {
    const [, timestamp] = PartitionKeys.numbersOf(key);
    const lastOffset = decodeTimeEntry(value);
    if (timestamp === undefined || lastOffset === null) {
      throw new SentinelError("storage_error", `The index by time of ${this.#name} in the store is damaged`);
    }
    return { timestamp, lastOffset };
  }
}

export function encodeTimeEntry(lastOffset: Offset): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  writeInt64(new DataView(bytes.buffer), 0, lastOffset);
  return bytes;
}

/** Null: these bytes are no entry. */
export function decodeTimeEntry(bytes: Uint8Array): Offset | null {
  if (bytes.length !== ENTRY_BYTES) return null;
  const lastOffset = readInt64(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  return lastOffset >= 0 && Number.isSafeInteger(lastOffset) ? lastOffset : null;
}
