/**
 * What a partition's log in a store knows of itself, written in one batch with what it describes.
 *
 * Layout (big-endian): version u8 1, startOffset i64, endOffset i64, sizeBytes i64, then `leader-epoch-checkpoint`'s text.
 */
import type { Offset } from "../../base/ids.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import { decodeLeaderEpochs, encodeLeaderEpochs, type LeaderEpochs } from "../log/leader_epochs.ts";

const VERSION = 1;
const FIXED_BYTES = 25;

export interface PartitionState {
  readonly startOffset: Offset;
  /** Batches above it are leftovers of a truncation. */
  readonly endOffset: Offset;
  /** Bytes of the batches. */
  readonly sizeBytes: number;
  readonly epochs: LeaderEpochs;
}

export function encodePartitionState(state: PartitionState): Uint8Array {
  const epochs = encodeLeaderEpochs(state.epochs.starts);
  const bytes = new Uint8Array(FIXED_BYTES + epochs.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  writeInt64(view, 1, state.startOffset);
  writeInt64(view, 9, state.endOffset);
  writeInt64(view, 17, state.sizeBytes);
  bytes.set(epochs, FIXED_BYTES);
  return bytes;
}

/** Null: these are no such bytes. */
export function decodePartitionState(bytes: Uint8Array): PartitionState | null {
  if (bytes.length < FIXED_BYTES || bytes[0] !== VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [startOffset, endOffset, sizeBytes] = [1, 9, 17].map((at) => readInt64(view, at)) as [number, number, number];
  const epochs = decodeLeaderEpochs(bytes.subarray(FIXED_BYTES));
  const isValid = epochs !== null && startOffset >= 0 && startOffset <= endOffset && sizeBytes >= 0 &&
    Number.isSafeInteger(endOffset) && Number.isSafeInteger(sizeBytes);
  return isValid ? { startOffset, endOffset, sizeBytes, epochs } : null;
}
