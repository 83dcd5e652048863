/** What the manifest knows of a table: enough to look for a key in the right ones, and to tell another file from it. */
import { compareBytes } from "../../bytes/compare_bytes.ts";

export interface TableMeta {
  readonly number: number;
  /** The level that it was written for; a part of its name. */
  readonly writtenLevel: number;
  readonly sizeBytes: number;
  readonly entryCount: number;
  readonly lastSequence: number;
  readonly footerCrc: number;
  readonly minKey: Uint8Array;
  readonly maxKey: Uint8Array;
}

/** Whether a table may hold keys in [from, to); null: no bound. */
export function isInRange(table: TableMeta, from: Uint8Array | null, to: Uint8Array | null): boolean {
  if (from !== null && compareBytes(table.maxKey, from) < 0) return false;
  return to === null || compareBytes(table.minKey, to) < 0;
}

/** The first table of a sorted level whose last key is at or after `key` (facts T18: by the last key); the count for none. */
export function firstReaching(tables: readonly { readonly meta: TableMeta }[], key: Uint8Array): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(tables[middle]!.meta.maxKey, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
