import type { Offset, PartitionId } from "../base/ids.ts";
import { LIMITS } from "../base/limits.ts";
import type { FetchedRecords, NativeClient } from "../client/native_client.ts";
import type { StoredRecord } from "../records/record.ts";

/** Large enough that the request itself costs little, small enough that two are held without thought. */
const FETCH_BYTES = 4 * 1024 * 1024;
const FETCH_WAIT_MS = 25_000;

export interface PartitionReaderOptions {
  readonly topic: string;
  readonly partition: PartitionId;
  /** Where to begin. */
  readonly next: Offset;
  /** Reading stops before it; Infinity: waits for more, for ever. */
  readonly end: Offset;
  /** Without an end: how long one fetch waits for records; default 25 s. */
  readonly waitMs?: number;
}

/** Reads one partition from an offset to an end. The next fetch is under way while the caller works on the last one. */
export class PartitionReader {
  readonly #client: NativeClient;
  readonly #options: PartitionReaderOptions;
  #next: Offset;
  #ahead: Promise<FetchedRecords> | null = null;

  constructor(client: NativeClient, options: PartitionReaderOptions) {
    this.#client = client;
    this.#options = options;
    this.#next = options.next;
  }

  get partition(): PartitionId {
    return this.#options.partition;
  }

  /** The offset of the next record that `read` gives. */
  get next(): Offset {
    return this.#next;
  }

  /** Some records, none when a wait was in vain; null at the end. `recordsMax`: what the caller still wants. */
  async read(recordsMax: number): Promise<readonly StoredRecord[] | null> {
    const { end } = this.#options;
    // An offset beyond the end is asked for once, so that the broker says what is wrong with it.
    if (this.#next >= end && !(this.#next > end && this.#next === this.#options.next)) return null;
    const { records, next } = await (this.#ahead ?? this.#fetch(recordsMax));
    this.#ahead = null;
    // A broker that gives nothing and does not go on would be asked for ever.
    const isStuck = records.length === 0 && next <= this.#next && end !== Infinity;
    this.#next = isStuck ? end : next;
    if (this.#next < end && recordsMax > records.length) {
      this.#ahead = this.#fetch(recordsMax - records.length);
      // Its failure is seen when it is awaited, which may be after the command has ended.
      this.#ahead.catch(() => {});
    }
    return end === Infinity ? records : records.filter((record) => record.offset < end);
  }

  #fetch(recordsMax: number): Promise<FetchedRecords> {
    const { topic, partition, end, waitMs = FETCH_WAIT_MS } = this.#options;
    return this.#client.fetch({
      topic,
      partition,
      offset: this.#next,
      maxBytes: FETCH_BYTES,
      maxRecords: Math.min(recordsMax, LIMITS.fetchRecordsMax),
      waitMs: end === Infinity ? waitMs : 0,
    });
  }
}
