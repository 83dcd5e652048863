/**
 * The producer snapshots of one partition in a store: the newest ones, each of the producers below its offset, so that a
 * start and a truncation have little to read. They are written behind what they speak of, and a store loses no write
 * before a later one: a snapshot is never ahead of the log but by a truncation, and then it goes before anything is
 * appended. One that stayed would be believed once the log has grown past it with other batches.
 */
import { SentinelError } from "../../base/errors.ts";
import type { Offset } from "../../base/ids.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import { decodeProducerSnapshot, encodeProducerSnapshot } from "../log/producer_snapshot.ts";
import type { ProducerState } from "../producer_states.ts";
import { WriteBatch } from "../write_batch.ts";
import { PartitionKeys } from "./partition_keys.ts";

/** A truncation is short as a rule: the one before the newest is below it. */
const SNAPSHOTS_MAX = 2;

export class StoredProducers {
  readonly #store: KeyValueStore;
  readonly #keys: PartitionKeys;
  readonly #name: string;
  /** Of the snapshots that are there, the newest first. */
  #offsets: Offset[] = [];

  constructor(store: KeyValueStore, keys: PartitionKeys, name: string) {
    this.#store = store;
    this.#keys = keys;
    this.#name = name;
  }

  /** Offset of the newest one, −1: there is none. */
  get newest(): Offset {
    return this.#offsets[0] ?? -1;
  }

  async store(offset: Offset, states: readonly ProducerState[]): Promise<void> {
    const kept = [offset, ...this.#offsets.filter((other) => other !== offset)];
    const write = new WriteBatch().put(this.#keys.producers(offset), encodeProducerSnapshot(states));
    for (const old of kept.splice(SNAPSHOTS_MAX)) write.delete(this.#keys.producers(old));
    await this.#store.write(write);
    this.#offsets = kept;
  }

  /** The newest one at or below `endOffset`; those above it go, and those of an older form. */
  async restore(
    endOffset: Offset,
  ): Promise<{ readonly offset: Offset; readonly states: readonly ProducerState[] } | null> {
    const unwanted = new WriteBatch();
    let found: { readonly offset: Offset; readonly states: readonly ProducerState[] } | null = null;
    this.#offsets = [];
    const scan = this.#store.scan({ ...this.#keys.allProducers, reverse: true });
    try {
      for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
        const [offset] = PartitionKeys.numbersOf(pair.key);
        if (offset === undefined || offset > endOffset || this.#offsets.length === SNAPSHOTS_MAX) {
          unwanted.delete(pair.key);
          continue;
        }
        this.#offsets.push(offset);
        found ??= { offset, states: this.#decode(pair.value, offset) };
      }
    } finally {
      scan.close();
    }
    if (unwanted.count > 0) await this.#store.write(unwanted);
    return found;
  }

  #decode(bytes: Uint8Array, offset: Offset): readonly ProducerState[] {
    const states = decodeProducerSnapshot(bytes, offset);
    if (states === null) {
      throw new SentinelError("storage_error", `The producers of ${this.#name} in the store are damaged`);
    }
    return states;
  }
}
