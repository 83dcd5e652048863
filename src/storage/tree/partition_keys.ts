/**
 * Where a partition's log lies in a key-value store: one range of keys for each incarnation of each partition, so that one
 * store serves all partitions of a node, and a deleted topic's successor finds nothing of it (facts K5).
 *
 * Layout of a key (big-endian, so that keys sort as offsets and times do):
 *
 *   topicId 16 bytes, partition u32, kind u8, then
 *     producers   the snapshot's offset u64; none: an old tree's only one
 *     batch       lastOffset u64
 *     segment     baseOffset u64
 *     time        the segment's baseOffset u64, timestamp u64
 *     keyIndexEntry   what the index of keys calls the key
 *
 * A batch's last offset, not the first: the batch that holds an offset is then the first at or after it.
 */
import type { Offset, PartitionId, TimestampMs } from "../../base/ids.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import type { KeyRange } from "../key_value_store.ts";

/** Numbers that reach the disk. */
const KINDS = { state: 1, producers: 2, batch: 3, segment: 4, time: 5, keyIndexState: 64, keyIndexEntry: 65 } as const;
export const TOPIC_ID_BYTES = 16;
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
    return this.#key(KINDS.state);
  }

  /** The snapshot of the producers below `offset`. */
  producers(offset: Offset): Uint8Array {
    return this.#key(KINDS.producers, offset);
  }

  get allProducers(): KeyRange {
    return { from: this.#key(KINDS.producers), to: this.#key(KINDS.producers + 1) };
  }

  batch(lastOffset: Offset): Uint8Array {
    return this.#key(KINDS.batch, lastOffset);
  }

  /** The batches that end at or after `from` and before `to`; without `to`, all behind. */
  batches(from: Offset, to?: Offset): KeyRange {
    return { from: this.batch(from), to: to === undefined ? this.#key(KINDS.batch + 1) : this.batch(to) };
  }

  segment(baseOffset: Offset): Uint8Array {
    return this.#key(KINDS.segment, baseOffset);
  }

  /** The segments that begin at or after `from` and before `to`; without `to`, all behind. */
  segments(from: Offset, to?: Offset): KeyRange {
    return { from: this.segment(from), to: to === undefined ? this.#key(KINDS.segment + 1) : this.segment(to) };
  }

  time(segmentBaseOffset: Offset, timestamp: TimestampMs): Uint8Array {
    return this.#key(KINDS.time, segmentBaseOffset, timestamp);
  }

  /** The time entries of the segments that begin at or after `from` and before `to`; without `to`, all behind. */
  times(from: Offset, to?: Offset): KeyRange {
    return { from: this.time(from, 0), to: to === undefined ? this.#key(KINDS.time + 1) : this.time(to, 0) };
  }

  /** How far the index of keys has come. Sorts before the entries, so that it is the first to go. */
  get keyIndexState(): Uint8Array {
    return this.#key(KINDS.keyIndexState);
  }

  /** `name`: what the index calls the record's key. */
  keyIndexEntry(name: Uint8Array): Uint8Array {
    const key = new Uint8Array(PREFIX_BYTES + name.length);
    key.set(this.#key(KINDS.keyIndexEntry));
    key.set(name, PREFIX_BYTES);
    return key;
  }

  get keyIndexEntries(): KeyRange {
    return { from: this.#key(KINDS.keyIndexEntry), to: this.#key(KINDS.keyIndexEntry + 1) };
  }

  /** The index of keys as a whole. */
  get keyIndex(): KeyRange {
    return { from: this.#key(KINDS.keyIndexState), to: this.#key(KINDS.keyIndexEntry + 1) };
  }

  /** Everything of the partition. */
  get all(): KeyRange {
    return { from: this.#key(0), to: this.#key(255) };
  }

  /** The numbers behind a key's kind. */
  static numbersOf(key: Uint8Array): number[] {
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
    const count = Math.floor((key.length - PREFIX_BYTES) / 8);
    return Array.from({ length: count }, (_, at) => readInt64(view, PREFIX_BYTES + 8 * at));
  }

  #key(kind: number, ...numbers: readonly number[]): Uint8Array {
    const key = new Uint8Array(PREFIX_BYTES + 8 * numbers.length);
    key.set(this.#prefix);
    key[KIND_AT] = kind;
    const view = new DataView(key.buffer);
    for (const [at, number] of numbers.entries()) writeInt64(view, PREFIX_BYTES + 8 * at, number);
    return key;
  }
}
