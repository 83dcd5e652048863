/**
 * How far an index has come, as it lies in the store beside the entries, written with them in one step:
 *
 *   0   version u8           1
 *   1   appliedOffset i64    all committed records below it are in the index
 *   9   baseOffset i64       of the batch that holds the record before it; −1: none was applied
 *   17  crc u32              of that batch
 *
 * The batch is what proves that the index belongs to this log and not to one that lost its end and grew again: offsets
 * alone would agree.
 */
import type { Offset } from "../../base/ids.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import type { RecordBatch } from "../../records/record_batch.ts";

export interface AppliedBatch {
  readonly baseOffset: Offset;
  readonly crc: number;
}

export interface KeyIndexState {
  readonly appliedOffset: Offset;
  readonly lastBatch: AppliedBatch | null;
}

const VERSION = 1;
const STATE_BYTES = 21;
const NO_BATCH: Offset = -1;

export function appliedBatch({ baseOffset, crc }: RecordBatch): AppliedBatch {
  return { baseOffset, crc };
}

export function encodeKeyIndexState({ appliedOffset, lastBatch }: KeyIndexState): Uint8Array {
  const bytes = new Uint8Array(STATE_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  writeInt64(view, 1, appliedOffset);
  writeInt64(view, 9, lastBatch?.baseOffset ?? NO_BATCH);
  view.setUint32(17, lastBatch?.crc ?? 0);
  return bytes;
}

/** Null for anything else: then the index is built anew. */
export function decodeKeyIndexState(bytes: Uint8Array): KeyIndexState | null {
  if (bytes.length !== STATE_BYTES || bytes[0] !== VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, STATE_BYTES);
  const appliedOffset = readInt64(view, 1);
  const baseOffset = readInt64(view, 9);
  if (!Number.isSafeInteger(appliedOffset) || appliedOffset < 0) return null;
  if (!Number.isSafeInteger(baseOffset) || baseOffset < NO_BATCH) return null;
  return { appliedOffset, lastBatch: baseOffset === NO_BATCH ? null : { baseOffset, crc: view.getUint32(17) } };
}
