/** A store that counts what is read of it. */
import type { KeyValueStore, Scan, ScanOptions } from "../../../src/storage/key_value_store.ts";
import { MemoryStore } from "../../../src/storage/lsm/memory_store.ts";
import { NOW_MS } from "../log_fixture.ts";

/** Where a key's kind is: behind topic id and partition. */
const KIND_AT = 20;
const BATCH_KIND = 3;

export class CountingStore extends MemoryStore {
  /** Values of batches that scans have given. */
  batchesRead = 0;
  pairsRead = 0;

  constructor() {
    super(() => NOW_MS);
  }

  override scan(options?: ScanOptions): Scan {
    const scan = super.scan(options);
    return {
      next: () => {
        const pair = scan.next();
        if (pair instanceof Promise || pair === null) return pair;
        this.pairsRead += 1;
        if (pair.key[KIND_AT] === BATCH_KIND) this.batchesRead += 1;
        return pair;
      },
      close: () => scan.close(),
    };
  }

  reset(): void {
    this.batchesRead = this.pairsRead = 0;
  }
}

/** The keys of one kind, as the numbers in them. */
export async function keysOfKind(store: KeyValueStore, kind: number): Promise<number[][]> {
  const scan = store.scan();
  const found: number[][] = [];
  for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
    if (pair.key[KIND_AT] !== kind) continue;
    const view = new DataView(pair.key.buffer, pair.key.byteOffset, pair.key.byteLength);
    const count = (pair.key.length - KIND_AT - 1) / 8;
    found.push(Array.from({ length: count }, (_, at) => Number(view.getBigInt64(KIND_AT + 1 + 8 * at))));
  }
  scan.close();
  return found;
}
