/**
 * What a partition's log in a store knows of itself, written in one batch with what it describes.
 *
 * Layout (big-endian):
 *
 *    0  version u8 2
 *    1  startOffset i64
 *    9  endOffset i64         also the active segment's
 *   17  cleanOffset i64
 *   25  cleanedEnd i64
 *   33  removedTo i64
 *   41  baseOffset i64 of the active segment, then its record (`tree_segment.ts`)
 *   81  `leader-epoch-checkpoint`'s text
 *
 * Version 1 has startOffset, endOffset, sizeBytes and the epochs: of a log without segments, index by time or compaction.
 */
import type { Offset } from "../../base/ids.ts";
import { readInt64, writeInt64 } from "../../bytes/int64.ts";
import { decodeLeaderEpochs, encodeLeaderEpochs, type LeaderEpochs } from "../log/leader_epochs.ts";
import { decodeTreeSegment, emptySegment, encodeTreeSegment, SEGMENT_RECORD_BYTES } from "./tree_segment.ts";
import type { TreeSegment } from "./tree_segment.ts";

const VERSION = 2;
const SEGMENT_AT = 41;
const FIXED_BYTES = SEGMENT_AT + 8 + SEGMENT_RECORD_BYTES;
const VERSION_1_FIXED_BYTES = 25;

export interface PartitionState {
  readonly startOffset: Offset;
  /** Batches above it are leftovers of a truncation. */
  readonly endOffset: Offset;
  /** Everything below it was under a key map. */
  readonly cleanOffset: Offset;
  /** Below it compaction may have left gaps; nothing is cut there. */
  readonly cleanedEnd: Offset;
  /** Nothing is left of the batches below it, which are trimmed. A start need not look there, where it may be long. */
  readonly removedTo: Offset;
  readonly active: TreeSegment;
  readonly epochs: LeaderEpochs;
}

export interface StoredState extends PartitionState {
  /** Of an older version: nothing but bounds and epochs is known. */
  readonly isOld: boolean;
}

export function encodePartitionState(state: PartitionState): Uint8Array {
  const epochs = encodeLeaderEpochs(state.epochs.starts);
  const bytes = new Uint8Array(FIXED_BYTES + epochs.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  const { startOffset, endOffset, cleanOffset, cleanedEnd, removedTo, active } = state;
  const offsets = [startOffset, endOffset, cleanOffset, cleanedEnd, removedTo, active.baseOffset];
  for (const [at, offset] of offsets.entries()) writeInt64(view, 1 + 8 * at, offset);
  bytes.set(encodeTreeSegment(active), SEGMENT_AT + 8);
  bytes.set(epochs, FIXED_BYTES);
  return bytes;
}

/** Null: these are no such bytes. */
export function decodePartitionState(bytes: Uint8Array): StoredState | null {
  if (bytes[0] === 1) return decodeVersion1(bytes);
  if (bytes.length < FIXED_BYTES || bytes[0] !== VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets = [1, 9, 17, 25, 33, SEGMENT_AT].map((at) => readInt64(view, at));
  const [startOffset, endOffset, cleanOffset, cleanedEnd, removedTo, baseOffset] = offsets as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const active = decodeTreeSegment(baseOffset, bytes.subarray(SEGMENT_AT + 8, FIXED_BYTES));
  const epochs = decodeLeaderEpochs(bytes.subarray(FIXED_BYTES));
  if (active === null || epochs === null || !offsets.every((offset) => offset >= 0 && Number.isSafeInteger(offset))) {
    return null;
  }
  const isValid = startOffset <= endOffset && active.endOffset === endOffset && cleanOffset <= endOffset &&
    cleanedEnd <= baseOffset && removedTo <= startOffset;
  return isValid ? { startOffset, endOffset, cleanOffset, cleanedEnd, removedTo, active, epochs, isOld: false } : null;
}

function decodeVersion1(bytes: Uint8Array): StoredState | null {
  if (bytes.length < VERSION_1_FIXED_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [startOffset, endOffset] = [1, 9].map((at) => readInt64(view, at)) as [number, number];
  const epochs = decodeLeaderEpochs(bytes.subarray(VERSION_1_FIXED_BYTES));
  const isValid = epochs !== null && startOffset >= 0 && startOffset <= endOffset && Number.isSafeInteger(endOffset);
  if (!isValid) return null;
  const active = emptySegment(startOffset);
  return { startOffset, endOffset, cleanOffset: 0, cleanedEnd: 0, removedTo: 0, active, epochs, isOld: true };
}
