/** A key-value store in memory: for `--memory`, for tests, and as what the tree is held against. Everything is answered at once. */
import { SentinelError } from "../../base/errors.ts";
import type { KeyRange, KeyValueStore, Scan, ScanOptions, StoreSnapshot, StoreStats } from "../key_value_store.ts";
import { checkKey, checkValue, WriteBatch } from "../write_batch.ts";
import { LiveSnapshots } from "./live_snapshots.ts";
import { forEachOperation } from "./log_record.ts";
import { SkipList } from "./skip_list.ts";
import { SkipListCursor } from "./skip_list_cursor.ts";
import { StoreScan } from "./store_scan.ts";

const FIRST_ARENA_BYTES = 64 * 1024;

export class MemoryStore implements KeyValueStore {
  readonly failure = null;
  readonly #snapshots = new LiveSnapshots();
  #list = new SkipList(FIRST_ARENA_BYTES, 0, this.#snapshots);
  #sequence = 0;
  /** The list is copied without what nobody sees when it takes so much. */
  #copyAtBytes = 4 * FIRST_ARENA_BYTES;
  #isClosed = false;
  readonly #timestamp: () => number;

  /** `now`: what entries are stamped with, milliseconds since 1970. */
  constructor(now: () => number) {
    this.#timestamp = now;
  }

  get(key: Uint8Array, snapshot?: StoreSnapshot): Uint8Array | null {
    this.#mustBeOpen();
    const version = this.#list.find(key, snapshot?.sequence ?? Infinity);
    return version === 0 ? null : this.#list.valueOf(version);
  }

  scan(options: ScanOptions = {}): Scan {
    this.#mustBeOpen();
    const { snapshot, from, to } = options;
    const held = snapshot === undefined ? this.#snapshots.take(this.#sequence) : this.#snapshots.retake(snapshot);
    return new StoreScan({
      cursors: [new SkipListCursor(this.#list)],
      sequence: held.sequence,
      reverse: options.reverse ?? false,
      ...(from === undefined ? {} : { from: from.slice() }),
      ...(to === undefined ? {} : { to: to.slice() }),
      fault: () => this.#isClosed ? closedError() : null,
      onClose: () => held.release(),
    });
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#mustBeOpen();
    checkKey(key);
    checkValue(value);
    this.#list.put(key, value, this.#timestamp(), ++this.#sequence);
    this.#maybeCopy();
  }

  delete(key: Uint8Array): void {
    this.#mustBeOpen();
    checkKey(key);
    this.#list.delete(key, this.#timestamp(), ++this.#sequence);
    this.#maybeCopy();
  }

  write(batch: WriteBatch): void {
    this.#mustBeOpen();
    const { bytes } = batch;
    const timestamp = this.#timestamp();
    forEachOperation(bytes, 0, bytes.length, (keyAt, keyBytes, valueBytes) => {
      this.#list.write(bytes, keyAt, keyBytes, valueBytes, timestamp, ++this.#sequence);
    });
    this.#maybeCopy();
  }

  deleteRange(range: KeyRange): number {
    const scan = this.scan(range);
    const keys: Uint8Array[] = [];
    for (let pair = scan.next(); pair !== null && !(pair instanceof Promise); pair = scan.next()) keys.push(pair.key);
    for (const key of keys) this.delete(key);
    return keys.length;
  }

  discardRange(): number {
    this.#mustBeOpen();
    return 0;
  }

  snapshot(): StoreSnapshot {
    this.#mustBeOpen();
    return this.#snapshots.take(this.#sequence);
  }

  sync(): void {
    this.#mustBeOpen();
  }

  stats(): StoreStats {
    return {
      memtableBytes: this.#list.accountedBytes,
      memtableEntries: this.#list.count,
      immutableMemtables: 0,
      tables: 0,
      levels: [],
      blockCacheBytes: 0,
      blockCacheHits: 0,
      blockCacheMisses: 0,
      blocksRead: 0,
      tablesAsked: 0,
      filterRejections: 0,
      filterFalsePositives: 0,
      snapshots: this.#snapshots.count,
      sequence: this.#sequence,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** An arena only grows: replaced values, deleted keys and their room go when the rest is copied. A scan keeps its list. */
  #maybeCopy(): void {
    const before = this.#list;
    if (before.arenaBytes < this.#copyAtBytes) return;
    const after = new SkipList(FIRST_ARENA_BYTES, 0, this.#snapshots);
    for (let node = before.first(); node !== 0; node = before.next(node)) this.#copyNode(before, after, node);
    this.#list = after;
    this.#copyAtBytes = Math.max(4 * FIRST_ARENA_BYTES, 2 * after.arenaBytes);
  }

  #copyNode(before: SkipList, after: SkipList, node: number): void {
    const kept: number[] = [];
    let newer = Infinity;
    for (let version = before.versionAt(node, Infinity); version !== 0; version = before.olderThan(version)) {
      const sequence = before.sequenceOf(version);
      if (newer === Infinity || this.#snapshots.isSeenBetween(sequence, newer)) kept.push(version);
      newer = sequence;
    }
    if (kept.length === 1 && before.valueOf(kept[0]!) === null) return;
    const key = before.keyOf(node);
    for (const version of kept.reverse()) {
      const value = before.valueOf(version);
      const timestamp = before.timestampOf(version);
      const sequence = before.sequenceOf(version);
      if (value === null) after.delete(key, timestamp, sequence);
      else after.put(key, value, timestamp, sequence);
    }
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}

function closedError(): SentinelError {
  return new SentinelError("storage_error", "The store is closed");
}
