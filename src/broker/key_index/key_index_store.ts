/** One partition's index in a key-value store: key → offset of the key's newest record, and how far it has come. */
import { SentinelError } from "../../base/errors.ts";
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import type { KeyValueStore } from "../../storage/key_value_store.ts";
import type { PartitionKeys } from "../../storage/tree/partition_keys.ts";
import { WriteBatch } from "../../storage/write_batch.ts";
import { indexedKey } from "./indexed_key.ts";
import { decodeKeyIndexState, encodeKeyIndexState, type KeyIndexState } from "./key_index_state.ts";

const OFFSET_BYTES = 8;

/** Changes of one step. */
export class KeyIndexChanges {
  readonly batch = new WriteBatch();
  readonly #keys: PartitionKeys;
  readonly #value = new Uint8Array(OFFSET_BYTES);
  readonly #view = new DataView(this.#value.buffer);

  constructor(keys: PartitionKeys) {
    this.#keys = keys;
  }

  get count(): number {
    return this.batch.count;
  }

  /** A key that is deleted has no entry: the index grows with the keys that there are, not with those that there were. */
  add(key: Uint8Array, offset: Offset, isTombstone: boolean): void {
    const entry = this.#keys.keyIndexEntry(indexedKey(key));
    if (isTombstone) {
      this.batch.delete(entry);
      return;
    }
    writeInt64(this.#view, 0, offset);
    this.batch.put(entry, this.#value);
  }
}

export class KeyIndexStore {
  readonly #store: KeyValueStore;
  readonly #keys: PartitionKeys;

  constructor(store: KeyValueStore, keys: PartitionKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** Null when there is no index, or none that can be read. */
  async load(): Promise<KeyIndexState | null> {
    const bytes = await this.#store.get(this.#keys.keyIndexState);
    return bytes === null ? null : decodeKeyIndexState(bytes);
  }

  /** Where the newest record of a key is, as of the state; null for none. */
  async find(key: Uint8Array): Promise<Offset | null> {
    const value = await this.#store.get(this.#keys.keyIndexEntry(indexedKey(key)));
    return value === null ? null : offsetOf(value);
  }

  changes(): KeyIndexChanges {
    return new KeyIndexChanges(this.#keys);
  }

  /**
   * Entries and state in one atomic write: after a crash the index is that of its state's offset, whatever of the last
   * steps the store has kept.
   */
  async write({ batch }: KeyIndexChanges, state: KeyIndexState): Promise<void> {
    batch.put(this.#keys.keyIndexState, encodeKeyIndexState(state));
    await this.#store.write(batch);
  }

  /** The state goes first: what a crash leaves of the entries has no state, and is cleared before it could be used. */
  async clear(): Promise<void> {
    await this.#store.deleteRange(this.#keys.keyIndex);
  }

  /**
   * Removes entries below `startOffset` from `from` on: their records were trimmed. One bounded step; returns where the
   * next one begins, null at the end, and how many entries it kept.
   */
  async sweep(startOffset: Offset, from: Uint8Array | null): Promise<{ next: Uint8Array | null; kept: number }> {
    const range = this.#keys.keyIndexEntries;
    const scan = this.#store.scan(from === null ? range : { ...range, from });
    const batch = new WriteBatch();
    let kept = 0;
    let next: Uint8Array | null = null;
    try {
      for (let seen = 0;; seen += 1) {
        const pair = await scan.next();
        if (pair === null) break;
        if (seen === LIMITS.keyIndexWriteKeysMax) {
          next = pair.key;
          break;
        }
        if (offsetOf(pair.value) < startOffset) batch.delete(pair.key);
        else kept += 1;
      }
    } finally {
      scan.close();
    }
    if (batch.count > 0) await this.#store.write(batch);
    return { next, kept };
  }
}

function offsetOf(value: Uint8Array): Offset {
  if (value.length !== OFFSET_BYTES) {
    throw new SentinelError("storage_error", `An entry of the index of keys has ${value.length} bytes`);
  }
  return readInt64(new DataView(value.buffer, value.byteOffset, OFFSET_BYTES), 0);
}
