/**
 * Where a log in a store begins and ends. New bounds are durable before what lies outside of them is removed; what a crash
 * leaves there is removed when the log is opened.
 */
import { SentinelError } from "../../base/errors.ts";
import type { Offset } from "../../base/ids.ts";
import { LeaderEpochs } from "../log/leader_epochs.ts";
import { WriteBatch } from "../write_batch.ts";
import { PartitionKeys } from "./partition_keys.ts";
import type { PartitionState } from "./partition_state.ts";
import type { TreeLogState } from "./tree_log_state.ts";
import { SegmentGrowth } from "./tree_segments.ts";
import { decodeTreeSegment, emptySegment, encodeTreeSegment, grown, type TreeSegment } from "./tree_segment.ts";

/** Records of an old tree's segments go into the store in steps of so many operations. */
const REBUILD_STEP_OPERATIONS = 1_000;

// -- Opening ----------------------------------------------------------------------------------------------------------

/** Removes what is outside the bounds, and fills in segments and producers: for a log that is opened. */
export async function recoverBounds(state: TreeLogState, isOld: boolean): Promise<void> {
  const { place: { store }, keys, segments, endOffset } = state;
  await store.deleteRange(keys.batches(endOffset));
  if (isOld) await rebuildSegments(state);
  else segments.sealed = await loadSegments(state);
  await removeTrimmed(state);
  await store.deleteRange(keys.segments(segments.active.baseOffset));
  const last = await state.times.truncateFrom(segments.active.baseOffset, endOffset);
  segments.timed = { timestamp: last?.timestamp ?? -1, bytesAbove: 0 };
  await restoreProducers(state);
}

/** The sealed segments that are not trimmed. */
async function loadSegments(state: TreeLogState): Promise<TreeSegment[]> {
  const { place, keys, segments: { active }, startOffset } = state;
  const found: TreeSegment[] = [];
  const damage = (): SentinelError =>
    new SentinelError("storage_error", `The segments of ${place.name} in the store are damaged`);
  const scan = place.store.scan(keys.segments(0, active.baseOffset));
  try {
    for (let pair = await scan.next(); pair !== null; pair = await scan.next()) {
      const segment = decodeTreeSegment(PartitionKeys.numbersOf(pair.key)[0] ?? -1, pair.value);
      if (segment === null) throw damage();
      if (segment.endOffset <= startOffset) continue;
      if (found.length > 0 && found.at(-1)!.endOffset !== segment.baseOffset) throw damage();
      found.push(segment);
    }
  } finally {
    scan.close();
  }
  const isWhole = (found[0] ?? active).baseOffset <= startOffset &&
    (found.at(-1)?.endOffset ?? active.baseOffset) === active.baseOffset;
  if (!isWhole) throw damage();
  return found;
}

/** A tree of before there were segments: they are made of its batches, by the settings of now. */
async function rebuildSegments(state: TreeLogState): Promise<void> {
  const { place: { store }, keys, segments, settings, startOffset, endOffset } = state;
  await store.deleteRange(keys.segments(0));
  await store.deleteRange(keys.times(0));
  let write = new WriteBatch();
  const growth = new SegmentGrowth(segments, settings, keys);
  if (startOffset < endOffset) {
    await state.stored.forEach(startOffset, endOffset, (batch) => {
      if (growth.active.sizeBytes === 0) growth.active = emptySegment(batch.baseOffset);
      growth.add(batch, write);
      if (write.count < REBUILD_STEP_OPERATIONS) return true;
      const full = write;
      write = new WriteBatch();
      return Promise.resolve(store.write(full)).then(() => true);
    });
  } else growth.active = emptySegment(endOffset);
  write.put(keys.state, state.encode({ active: growth.active }));
  await store.write(write);
  segments.adopt(growth);
}

/** What there is no room to remove stays below the start, where nobody looks, until the next trim or start. */
async function removeTrimmed(state: TreeLogState): Promise<void> {
  const { place: { store }, keys, removedTo } = state;
  try {
    await removeBatches(state);
    await removeSegments(state);
    if (removedTo < state.removedTo) await store.put(keys.state, state.encode());
  } catch (thrown) {
    if (store.failure !== null || !(thrown instanceof SentinelError)) throw thrown;
  }
}

/** Removes the batches below the start. */
async function removeBatches(state: TreeLogState): Promise<void> {
  const { place: { store }, keys, startOffset, removedTo } = state;
  if (removedTo === startOffset) return;
  const trimmed = keys.batches(removedTo, startOffset);
  // Most of it lies in tables of its own: to read a gigabyte in order to delete it would be the work of many appends.
  await store.discardRange(trimmed);
  await store.deleteRange(trimmed);
  state.removedTo = startOffset;
}

/** Removes the records of segments that are trimmed, and their times. */
async function removeSegments(state: TreeLogState): Promise<void> {
  const { place: { store }, keys, segments, removedBase } = state;
  const { baseOffset } = segments.sealed[0] ?? segments.active;
  if (removedBase === baseOffset) return;
  await store.deleteRange(keys.segments(removedBase, baseOffset));
  await store.deleteRange(keys.times(removedBase, baseOffset));
  state.removedBase = baseOffset;
}

// -- Truncation and trim ----------------------------------------------------------------------------------------------

/** What a cut at `boundary` leaves of the segment that holds it, or null when no batch starts there. */
export async function cutOf(state: TreeLogState, boundary: Offset): Promise<TreeSegment | null> {
  const segment = state.segments.of(boundary);
  if (boundary === segment.baseOffset) return emptySegment(boundary);
  let isBoundary = false;
  let goneBytes = 0;
  await state.stored.forEach(boundary, segment.endOffset, (batch) => {
    isBoundary ||= batch.baseOffset === boundary;
    goneBytes += batch.sizeBytes;
    return isBoundary;
  });
  if (!isBoundary) return null;
  const sizeBytes = segment.sizeBytes - goneBytes;
  if (sizeBytes === 0) return { ...emptySegment(segment.baseOffset), endOffset: boundary };
  const last = await state.times.lastBelow(segment.baseOffset, boundary);
  let cut: TreeSegment = { ...segment, maxTimestamp: last?.timestamp ?? -1 };
  const from = Math.max(state.startOffset, segment.baseOffset, (last?.lastOffset ?? -1) + 1);
  if (from < boundary) {
    await state.stored.forEach(from, boundary, (batch) => {
      cut = grown(cut, batch);
      return true;
    });
  }
  return { ...cut, endOffset: boundary, sizeBytes };
}

/**
 * Ends the log at `boundary`, with `cut` as its last segment. Nothing may be written meanwhile. `orFail`: from there on a
 * failure leaves above the end what must not be there when something is appended.
 */
export async function cutAt(
  state: TreeLogState,
  boundary: Offset,
  cut: TreeSegment,
  orFail: (work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { place: { store }, keys } = state;
  const epochs = new LeaderEpochs(state.epochs.starts);
  epochs.truncateFrom(boundary);
  const cleanOffset = Math.min(state.cleanOffset, boundary);
  await storeBounds(state, { endOffset: boundary, active: cut, cleanOffset, epochs });
  state.epochs.truncateFrom(boundary);
  state.endOffset = state.writtenOffset = state.durableOffset = boundary;
  state.truncations += 1;
  state.cleanOffset = cleanOffset;
  state.tailCache.truncateFrom(boundary);
  state.segments.cutTo(cut, -1);
  await orFail(async () => {
    await store.deleteRange(keys.batches(boundary));
    await store.deleteRange(keys.segments(cut.baseOffset));
    // Above the new end other batches will stand: what is said of the old ones must not be believed of them.
    const last = await state.times.truncateFrom(cut.baseOffset, boundary);
    state.segments.cutTo(cut, last?.timestamp ?? -1);
    await restoreProducers(state);
    await store.sync();
  });
}

/** Begins the log at `offset`. Nothing may be written meanwhile. Where the store has no room, nothing has changed. */
export async function trimTo(state: TreeLogState, offset: Offset): Promise<void> {
  // What the trim takes away could not be read for the producers' sake any more.
  if (state.snapshots.newest < offset) await storeProducers(state);
  const first = await trimmedSegment(state, offset);
  const epochs = new LeaderEpochs(state.epochs.starts);
  epochs.trimBefore(offset);
  const isActive = first.baseOffset === state.segments.active.baseOffset;
  await storeBounds(
    state,
    { startOffset: offset, epochs, ...(isActive ? { active: first } : {}) },
    isActive ? null : first,
  );
  state.startOffset = offset;
  state.epochs.trimBefore(offset);
  state.segments.trimTo(first);
  state.durableOffset = state.writtenOffset;
  await removeTrimmed(state);
  await state.place.store.sync();
}

/** The segment that holds `offset`, without the batches that end at or before it. */
async function trimmedSegment({ segments, stored, startOffset }: TreeLogState, offset: Offset): Promise<TreeSegment> {
  const segment = segments.of(offset);
  const from = Math.max(startOffset, segment.baseOffset);
  let goneBytes = 0;
  if (from < offset) {
    await stored.forEach(from, offset, (batch) => {
      if (batch.endOffset > offset) return false;
      goneBytes += batch.sizeBytes;
      return true;
    });
  }
  return { ...segment, sizeBytes: segment.sizeBytes - goneBytes };
}

async function storeBounds(
  state: TreeLogState,
  changes: Partial<PartitionState>,
  sealed: TreeSegment | null = null,
): Promise<void> {
  const { place: { store }, keys } = state;
  const write = new WriteBatch().put(keys.state, state.encode(changes));
  if (sealed !== null) write.put(keys.segment(sealed.baseOffset), encodeTreeSegment(sealed));
  await store.write(write);
  await store.sync();
}

// -- Producers --------------------------------------------------------------------------------------------------------

/** A snapshot of the producers of everything that is written. */
export async function storeProducers(state: TreeLogState): Promise<void> {
  await state.snapshots.store(state.writtenOffset, state.producers.statesAt(state.writtenOffset));
  state.bytesAboveSnapshot = 0;
}

/** From the newest snapshot and what lies above it. */
async function restoreProducers(state: TreeLogState): Promise<void> {
  const nowMs = state.place.clock.monotonicMs();
  const snapshot = await state.snapshots.restore(state.endOffset);
  state.producers.restore(snapshot?.states ?? [], nowMs);
  state.bytesAboveSnapshot = 0;
  const from = Math.max(state.startOffset, snapshot?.offset ?? 0);
  if (from >= state.endOffset) return;
  await state.stored.forEach(from, state.endOffset, (batch) => {
    if (batch.baseOffset >= from) state.producers.replay(batch, nowMs);
    state.bytesAboveSnapshot += batch.sizeBytes;
    return true;
  });
}
