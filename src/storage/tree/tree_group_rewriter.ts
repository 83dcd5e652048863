import { assert } from "../../base/assert.ts";
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { GroupRewriter } from "../log/cleanable_log.ts";
import type { WriteBatch } from "../write_batch.ts";
import { encodeTimeEntry, type StoredTime } from "./stored_times.ts";
import type { TreeLogState } from "./tree_log_state.ts";
import { emptySegment, encodeTreeSegment, grown, type TreeSegment } from "./tree_segment.ts";

/** Entries by time of a cleaned segment: they are written together with its record. */
const TIME_ENTRIES_MAX = 4_096;
/** Batches that one write changes. */
const CHANGES_MAX = 10_000;

/** How a pass changes the log in the store. */
export interface LogChanges {
  /** One atomic write between those of appends. The change counts in memory once it is written. */
  apply(change: (write: WriteBatch) => Promise<void> | void, onWritten: () => void): Promise<void>;
  /** Everything that was applied is durable when it resolves. */
  sync(): Promise<void>;
}

/** Writes neighbours among a log's segments anew, in their places, and makes one segment of them. */
export class TreeGroupRewriter implements GroupRewriter {
  readonly #state: TreeLogState;
  readonly #log: LogChanges;
  /** As the log has them now: their sizes shrink with each write. */
  #sources: readonly TreeSegment[];
  readonly #endOffset: Offset;
  #rewritten: TreeSegment;
  readonly #times: StoredTime[] = [];
  readonly #timesIntervalBytes: number;
  #bytesAboveTime = 0;
  /** What is to be put in place: a batch, or null under the last offset of one that goes. */
  #changes: { readonly lastOffset: Offset; readonly kept: RecordBatch | null; readonly goneBytes: number }[] = [];
  #changeBytes = 0;

  constructor(state: TreeLogState, group: readonly TreeSegment[], log: LogChanges) {
    this.#state = state;
    this.#log = log;
    this.#sources = group;
    this.#endOffset = group.at(-1)!.endOffset;
    this.#rewritten = emptySegment(group[0]!.baseOffset);
    const sizeBytes = group.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    this.#timesIntervalBytes = Math.max(state.settings.indexIntervalBytes, Math.ceil(sizeBytes / TIME_ENTRIES_MAX));
  }

  async put(batch: RecordBatch, kept: RecordBatch | null): Promise<void> {
    if (kept !== null) this.#take(kept);
    if (kept === batch) return;
    const { lastOffset } = batch;
    assert(kept === null || kept.lastOffset === lastOffset, () => `the batch that ends at ${lastOffset} has moved`);
    this.#changes.push({ lastOffset, kept, goneBytes: batch.sizeBytes - (kept?.sizeBytes ?? 0) });
    this.#changeBytes += kept?.sizeBytes ?? 0;
    const isFull = this.#changeBytes >= LIMITS.logWriteBytesMax || this.#changes.length >= CHANGES_MAX;
    if (isFull) await this.#writeChanges();
  }

  async finish(): Promise<number> {
    await this.#writeChanges();
    // Its record says where it ends, whatever is left at its end.
    this.#rewritten = { ...this.#rewritten, endOffset: this.#endOffset };
    return this.#rewritten.sizeBytes;
  }

  /** The sources' records make place for one. */
  async swapIn(cleanOffset: Offset): Promise<void> {
    const state = this.#state;
    const { keys, place: { store } } = state;
    const { baseOffset } = this.#rewritten;
    const cleanedEnd = Math.max(state.cleanedEnd, this.#endOffset);
    await this.#log.apply(async (write) => {
      // Without any of them a search only reads more: each entry stands for itself.
      await store.deleteRange(keys.times(baseOffset, this.#endOffset));
      for (const { timestamp, lastOffset } of this.#times) {
        write.put(keys.time(baseOffset, timestamp), encodeTimeEntry(lastOffset));
      }
      for (const source of this.#sources.slice(1)) write.delete(keys.segment(source.baseOffset));
      write.put(keys.segment(baseOffset), encodeTreeSegment(this.#rewritten));
      write.put(keys.state, state.encode({ cleanOffset, cleanedEnd }));
    }, () => {
      state.cleanOffset = cleanOffset;
      state.cleanedEnd = state.stored.gapsEnd = cleanedEnd;
      state.segments.replace(this.#sources, [this.#rewritten]);
    });
    await this.#log.sync();
  }

  async discard(): Promise<void> {
    this.#changes = [];
  }

  /** A batch of the segment that is being made. */
  #take(batch: RecordBatch): void {
    this.#rewritten = grown(this.#rewritten, batch);
    const { maxTimestamp } = this.#rewritten;
    const last: TimestampMs = this.#times.at(-1)?.timestamp ?? -1;
    const isDue = this.#bytesAboveTime > this.#timesIntervalBytes && maxTimestamp > last;
    if (isDue) this.#times.push({ timestamp: maxTimestamp, lastOffset: batch.lastOffset });
    this.#bytesAboveTime = batch.sizeBytes + (isDue ? 0 : this.#bytesAboveTime);
  }

  async #writeChanges(): Promise<void> {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    this.#changeBytes = 0;
    const state = this.#state;
    const { keys, stored } = state;
    const sources = this.#sources;
    const shrunk = shrunkBy(sources, changes);
    const cleanedEnd = Math.max(state.cleanedEnd, this.#endOffset);
    const gapsBefore = stored.gapsEnd;
    // A reader may meet the gaps before this write has told that it is done.
    stored.gapsEnd = cleanedEnd;
    const put = (write: WriteBatch): void => {
      for (const { lastOffset, kept } of changes) {
        if (kept === null) write.delete(keys.batch(lastOffset));
        else write.put(keys.batch(lastOffset), kept.bytes);
      }
      for (const [at, segment] of shrunk.entries()) {
        if (segment !== sources[at]) write.put(keys.segment(segment.baseOffset), encodeTreeSegment(segment));
      }
      write.put(keys.state, state.encode({ cleanedEnd }));
    };
    try {
      await this.#log.apply(put, () => {
        state.cleanedEnd = cleanedEnd;
        state.segments.replace(sources, shrunk);
        this.#sources = shrunk;
        state.tailCache.dropBefore(changes.at(-1)!.lastOffset + 1);
      });
    } catch (thrown) {
      stored.gapsEnd = gapsBefore;
      throw thrown;
    }
  }
}

/** The segments' records when these changes, which come in the order of their offsets, are in place. */
function shrunkBy(
  segments: readonly TreeSegment[],
  changes: readonly { readonly lastOffset: Offset; readonly goneBytes: number }[],
): TreeSegment[] {
  let at = 0;
  return segments.map((segment) => {
    let goneBytes = 0;
    for (; at < changes.length && changes[at]!.lastOffset < segment.endOffset; at += 1) {
      goneBytes += changes[at]!.goneBytes;
    }
    return goneBytes === 0 ? segment : { ...segment, sizeBytes: segment.sizeBytes - goneBytes };
  });
}
