/**
 * A store of keys and values in key order (bytes, unsigned), as the LSM tree on a disk and a store in memory offer it.
 * One conformance suite (`test/conformance/key_value_store.ts`) runs against each.
 *
 * What can be answered at once is answered without a promise: an `await` costs more than the lookup. Bytes that are
 * given are copied; bytes that are returned belong to the caller.
 */
import type { SentinelError } from "../base/errors.ts";
import type { WriteBatch } from "./write_batch.ts";

/** At once, or later. */
export type Answer<Value> = Value | Promise<Value>;

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The keys in [from, to); without a bound, up to that end of the store. */
export interface KeyRange {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
}

/** A moment of the store. It keeps what it sees from being removed until it is released. */
export interface StoreSnapshot {
  /** The number of the last write that it sees. */
  readonly sequence: number;
  /** Idempotent. */
  release(): void;
}

export interface ScanOptions extends KeyRange {
  /** From the last key down. Default: from the first key up. */
  readonly reverse?: boolean;
  /** The moment that is read. Default: now. */
  readonly snapshot?: StoreSnapshot;
}

/** A walk over a range at one moment, whatever is written meanwhile. It delays no writer. One `next` at a time. */
export interface Scan {
  /** The next pair, or null at the end. Fails with `storage_error` where a file is damaged. */
  next(): Answer<KeyValue | null>;
  /** Must be called: it keeps files and versions alive. Idempotent. */
  close(): void;
}

export interface StoreStats {
  /** Accounted bytes of the entries in the newest memtable (facts S2), and how many keys it has, tombstones included. */
  readonly memtableBytes: number;
  readonly memtableEntries: number;
  /** Memtables that wait to be written to a table. */
  readonly immutableMemtables: number;
  readonly tables: number;
  /** Tables and bytes of each level. */
  readonly levels: readonly { readonly tables: number; readonly bytes: number }[];
  readonly blockCacheBytes: number;
  readonly blockCacheHits: number;
  readonly blockCacheMisses: number;
  /** Blocks of tables that gets and scans have read from the disk. */
  readonly blocksRead: number;
  /**
   * Tables that a get has asked, since the key may lie between their first and last; how many of them their filter has
   * answered for, and how many it sent to a block that had nothing of the key.
   */
  readonly tablesAsked: number;
  readonly filterRejections: number;
  readonly filterFalsePositives: number;
  readonly snapshots: number;
  /** The number of the last write. */
  readonly sequence: number;
}

export interface KeyValueStore {
  /** Why the store takes no more writes until a restart, or null. */
  readonly failure: SentinelError | null;

  /**
   * The newest value, or the snapshot's; null when there is none. Fails with `storage_error` when the bytes are damaged,
   * never with a wrong value.
   */
  get(key: Uint8Array, snapshot?: StoreSnapshot): Answer<Uint8Array | null>;
  scan(options?: ScanOptions): Scan;

  /**
   * Done when it has reached the store's durability. Fails with `too_large` beyond a limit of `base/limits.ts`, with
   * `storage_error` when it could not be stored: then nothing of it is.
   */
  put(key: Uint8Array, value: Uint8Array): Answer<void>;
  /** Nothing happens when the key is not there. */
  delete(key: Uint8Array): Answer<void>;
  /** All of it or nothing, in its order. The batch may be cleared and used again once it is done. */
  write(batch: WriteBatch): Answer<void>;
  /**
   * Removes every key in the range that was put before the call, from the first on, in steps of a bounded number of
   * keys: each step is atomic, and after a crash the first keys are gone. Returns how many keys went.
   */
  deleteRange(range: KeyRange): Answer<number>;

  /**
   * For a range that nobody reads any more, before it is deleted: what can go without being read goes at once, whatever
   * snapshots there are (a walk that has begun goes on). Older values may show in the range where newer ones went, until
   * `deleteRange` has removed the rest; also after a crash. Returns about how many bytes went.
   */
  discardRange(range: KeyRange): Answer<number>;

  snapshot(): StoreSnapshot;
  /** Done when everything that was written before the call is durable. */
  sync(): Answer<void>;
  stats(): StoreStats;
  /** Makes everything durable, unless the store has failed. Idempotent. Later reads and writes fail with `storage_error`. */
  close(): Promise<void>;
}
