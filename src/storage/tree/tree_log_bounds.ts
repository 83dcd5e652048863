/**
 * Where a log in a store begins and ends. New bounds are durable before what lies outside of them is removed; what a crash
 * leaves there is removed when the log is opened.
 */
import { SentinelError } from "../../base/errors.ts";
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { decodeProducerSnapshot, encodeProducerSnapshot } from "../log/producer_snapshot.ts";
import { encodePartitionState } from "./partition_state.ts";
import type { TreeLogState } from "./tree_log_state.ts";

/** Batches that one retention pass looks at: it runs again and again. */
const RETENTION_BATCHES_MAX = 10_000;
const OFFSET_BYTES = 8;

/** Removes what is outside the bounds, and fills in the producers: for a log that is opened. */
export async function recoverBounds(state: TreeLogState): Promise<void> {
  const { store } = state.place;
  await store.deleteRange(state.keys.batches(state.endOffset));
  await store.deleteRange(state.keys.batches(0, state.startOffset));
  await restoreProducers(state);
}

/** The bytes of all batches from `boundary` on, or null when none of them starts there. */
export async function bytesFrom(state: TreeLogState, boundary: Offset): Promise<number | null> {
  let isBoundary = false;
  let bytes = 0;
  await state.stored.forEach(boundary, state.writtenOffset, (batch) => {
    isBoundary ||= batch.baseOffset === boundary;
    bytes += batch.sizeBytes;
    return isBoundary;
  });
  return isBoundary ? bytes : null;
}

/** Ends the log at `boundary`; `goneBytes`: of the batches from there on. Nothing may be written meanwhile. */
export async function cutAt(state: TreeLogState, boundary: Offset, goneBytes: number): Promise<void> {
  state.epochs.truncateFrom(boundary);
  state.endOffset = state.writtenOffset = state.durableOffset = boundary;
  state.truncations += 1;
  state.sizeBytes -= goneBytes;
  state.tailCache.truncateFrom(boundary);
  await storeBounds(state);
  await state.place.store.deleteRange(state.keys.batches(boundary));
  await state.place.store.sync();
  await restoreProducers(state);
}

/** Begins the log at `offset`. Nothing may be written meanwhile. */
export async function trimTo(state: TreeLogState, offset: Offset): Promise<void> {
  let goneBytes = 0;
  await state.stored.forEach(state.startOffset, offset, (batch) => {
    if (batch.endOffset > offset) return false;
    goneBytes += batch.sizeBytes;
    return true;
  });
  state.startOffset = offset;
  state.epochs.trimBefore(offset);
  state.sizeBytes -= goneBytes;
  await storeBounds(state);
  state.durableOffset = state.writtenOffset;
  await state.place.store.deleteRange(state.keys.batches(0, offset));
  await state.place.store.sync();
}

async function storeBounds({ place, keys, startOffset, endOffset, sizeBytes, epochs }: TreeLogState): Promise<void> {
  await place.store.put(keys.state, encodePartitionState({ startOffset, endOffset, sizeBytes, epochs }));
  await place.store.sync();
}

/** Where the log may begin as far as retention goes, and how many bytes are before that. */
export async function retainedFrom(
  state: TreeLogState,
  nowMs: TimestampMs,
): Promise<{ readonly offset: Offset; readonly freedBytes: number }> {
  const { retentionMs, retentionBytes } = state.settings;
  let offset = state.startOffset;
  let freedBytes = 0;
  let count = 0;
  await state.stored.forEach(state.startOffset, state.durableOffset, (batch) => {
    const isOld = retentionMs >= 0 && batch.maxTimestamp < nowMs - retentionMs;
    const isTooMuch = retentionBytes >= 0 && state.sizeBytes - freedBytes - batch.sizeBytes >= retentionBytes;
    if (!isOld && !isTooMuch) return false;
    offset = batch.endOffset;
    freedBytes += batch.sizeBytes;
    count += 1;
    return count < RETENTION_BATCHES_MAX;
  });
  return { offset, freedBytes };
}

// -- Producers --------------------------------------------------------------------------------------------------------

/** A snapshot of the producers, with the offset that it is taken at in the eight bytes before it. */
export async function storeProducers(state: TreeLogState): Promise<void> {
  const snapshot = encodeProducerSnapshot(state.producers.statesAt(state.writtenOffset));
  const bytes = new Uint8Array(OFFSET_BYTES + snapshot.length);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(state.writtenOffset));
  bytes.set(snapshot, OFFSET_BYTES);
  await state.place.store.put(state.keys.producers, bytes);
  state.bytesAboveSnapshot = 0;
}

/** From the snapshot and what lies above it. One above the log's end is of what was truncated, and goes. */
async function restoreProducers(state: TreeLogState): Promise<void> {
  const { store, clock, name } = state.place;
  const nowMs = clock.monotonicMs();
  const bytes = await store.get(state.keys.producers);
  let from = state.startOffset;
  state.producers.restore([], nowMs);
  if (bytes !== null) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const offset = bytes.length < OFFSET_BYTES ? -1 : Number(view.getBigInt64(0));
    const states = decodeProducerSnapshot(bytes.subarray(OFFSET_BYTES), offset);
    if (states === null) throw new SentinelError("storage_error", `The producers of ${name} in the store are damaged`);
    if (offset > state.endOffset) await store.delete(state.keys.producers);
    else {
      state.producers.restore(states, nowMs);
      from = Math.max(from, offset);
    }
  }
  state.bytesAboveSnapshot = 0;
  if (from >= state.endOffset) return;
  await state.stored.forEach(from, state.endOffset, (batch) => {
    if (batch.baseOffset >= from) state.producers.replay(batch, nowMs);
    state.bytesAboveSnapshot += batch.sizeBytes;
    return true;
  });
}
