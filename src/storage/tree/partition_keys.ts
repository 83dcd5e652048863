/**
 * Where a partition's log lies in a key-value store: one range of keys for each incarnation of each partition, so that one
 * store serves all partitions of a node, and a deleted topic's successor finds nothing of it (facts K5).
 *
 * Layout of a key (big-endian, so that keys sort as offsets do):
 *
 *   topicId 16 bytes, partition u32, kind u8, of a batch: lastOffset u64
 *
 * The last offset, not the first: the batch that holds an offset is then the first at or after it.
 */
import type { Offset, PartitionId } from "../../base/ids.ts";
import { writeInt64 } from "../../bytes/int64.ts";
import type { KeyRange } from "../key_value_store.ts";

/** Numbers that reach the disk. */
const KINDS = { state: 1, producers: 2, batch: 3 } as const;
const TOPIC_ID_BYTES = 16;
const KIND_AT = TOPIC_ID_BYTES + 4;
const PREFIX_BYTES = KIND_AT + 1;

export class PartitionKeys {
  readonly #prefix: Uint8Array;

  /** `topicId`: the 16 bytes of the incarnation's id. */
  constructor(topicId: Uint8Array, partition: PartitionId) {
    this.#prefix = new Uint8Array(PREFIX_BYTES);
    this.#prefix.set(topicId.subarray(0, TOPIC_ID_BYTES));
    new DataView(this.#prefix.buffer).setUint32(TOPIC_ID_BYTES, partition);
  }

  get state(): Uint8Array {
    return this.#kind(KINDS.state);
  }

  get producers(): Uint8Array {
    return this.#kind(KINDS.producers);
  }

  batch(lastOffset: Offset): Uint8Array {
    const key = new Uint8Array(PREFIX_BYTES + 8);
    key.set(this.#kind(KINDS.batch));
    writeInt64(new DataView(key.buffer), PREFIX_BYTES, lastOffset);
    return key;
  }

  /** The batches that end at or after `from` and before `to`; without `to`, all behind. */
  batches(from: Offset, to?: Offset): KeyRange {
    return { from: this.batch(from), to: to === undefined ? this.#kind(KINDS.batch + 1) : this.batch(to) };
  }

  /** Everything of the partition. */
  get all(): KeyRange {
    return { from: this.#kind(0), to: this.#kind(255) };
  }

  #kind(kind: number): Uint8Array {
    const key = this.#prefix.slice();
    key[KIND_AT] = kind;
    return key;
  }
}
