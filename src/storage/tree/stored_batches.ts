import { SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Offset } from "../../base/ids.ts";
import { isBatchFault, parseRecordBatch, type RecordBatch } from "../../records/record_batch.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import type { PartitionKeys } from "./partition_keys.ts";

/** The batches of one partition as they lie in the store. */
export class StoredBatches {
  readonly #store: KeyValueStore;
  readonly #keys: PartitionKeys;
  readonly #name: string;
  /** Compaction may have left gaps below it; anywhere else a gap is damage. */
  gapsEnd: Offset = 0;

  constructor(store: KeyValueStore, keys: PartitionKeys, name: string) {
    this.#store = store;
    this.#keys = keys;
    this.#name = name;
  }

  /**
   * Calls `visit` for each batch from the one that holds `from` on that begins before `to`, until it says false. Where
   * compaction has left a gap, the batch behind it comes. What is visited is of the moment of the call. Fails with
   * `storage_error` where a value is no batch, or not the one that follows.
   */
  async forEach(
    from: Offset,
    to: Offset,
    visit: (batch: RecordBatch) => boolean | Promise<boolean>,
  ): Promise<void> {
    const scan = this.#store.scan(this.#keys.batches(from));
    let due: Offset | null = null;
    try {
      while (true) {
        const answer = scan.next();
        const pair = answer instanceof Promise ? await answer : answer;
        if (pair === null) {
          if ((due ?? from) < to) throw this.#damage(`nothing at offset ${due ?? from}`);
          return;
        }
        const batch = this.#parse(pair.value);
        const isInPlace = due === null
          ? batch.baseOffset <= from && batch.lastOffset >= from
          : batch.baseOffset === due;
        const isBehindGap = batch.baseOffset > (due ?? from) && batch.baseOffset < this.gapsEnd;
        if (!isInPlace && !isBehindGap) throw this.#damage(`offset ${batch.baseOffset} where ${due ?? from} is due`);
        if (batch.baseOffset >= to) return;
        due = batch.endOffset;
        const visited = visit(batch);
        if (!(visited instanceof Promise ? await visited : visited)) return;
      }
    } finally {
      scan.close();
    }
  }

  #parse(bytes: Uint8Array): RecordBatch {
    // The store's own checksum covers all of it, with its place; the batch's would say the same again.
    const batch = parseRecordBatch(bytes, 0, { verifyCrc: false, batchBytesMax: LIMITS.batchBytesMax });
    if (isBatchFault(batch) || batch.sizeBytes !== bytes.length) throw this.#damage("a value is no record batch");
    return batch;
  }

  #damage(detail: string): SentinelError {
    return new SentinelError("storage_error", `The log ${this.#name} in the store is damaged: ${detail}`);
  }
}
