/**
 * How segments in a store are cleaned: batch by batch. What stays of a batch is put under the same key, what vanishes is
 * deleted, in atomic writes of some megabytes that go between those of appends; the records of the segments, and that
 * compaction has been there, are part of the same write. So a crash leaves each batch as it was or as it is to be, and
 * both are right: the next pass meets what this one has done as it meets any cleaned batch. Only when all of a group is
 * done do its segments become one, and only with the last group is it noted up to where the log is clean.
 */
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { CleanableLog, GroupRewriter, SegmentTimes } from "../log/cleanable_log.ts";
import type { CleaningPace } from "../log/cleaning_pace.ts";
import { WriteBatch } from "../write_batch.ts";
import type { TreeLogState } from "./tree_log_state.ts";
import type { TreeLogWriter } from "./tree_log_writer.ts";
import type { TreeSegment } from "./tree_segment.ts";
import { TreeGroupRewriter } from "./tree_group_rewriter.ts";

export class TreeCleaning implements CleanableLog<TreeSegment> {
  readonly state: TreeLogState;
  readonly #writer: TreeLogWriter;

  constructor(state: TreeLogState, writer: TreeLogWriter) {
    this.state = state;
    this.#writer = writer;
  }

  get name(): string {
    return this.state.place.name;
  }

  get segments(): readonly TreeSegment[] {
    return this.state.segments.all;
  }

  get cleanOffset(): Offset {
    return this.state.cleanOffset;
  }

  async timesOf({ firstTimestamp, maxTimestamp }: TreeSegment): Promise<SegmentTimes> {
    return { first: firstTimestamp, newest: maxTimestamp };
  }

  async prepare(): Promise<void> {}

  /** In pieces: a walk over the store keeps what it sees from being removed. */
  async scan(
    { baseOffset, endOffset }: TreeSegment,
    pace: CleaningPace,
    onBatch: (batch: RecordBatch) => Promise<void>,
  ): Promise<void> {
    const { stored, startOffset } = this.state;
    for (let next = Math.max(baseOffset, startOffset); next < endOffset;) {
      pace.check();
      const piece: RecordBatch[] = [];
      let bytes = 0;
      await stored.forEach(next, endOffset, (batch) => {
        piece.push(batch);
        bytes += batch.sizeBytes;
        return bytes < LIMITS.cleanerSliceBytes;
      });
      const last = piece.at(-1);
      // A pass that was stopped may have left nothing up to the segment's end: only a group's last batch stays for sure.
      if (last === undefined) return;
      for (const batch of piece) await onBatch(batch);
      // Walking records is the work, and is counted where it is done.
      const pause = pace.spend(LIMITS.cleanerSliceBytes / 8);
      if (pause !== null) await pause;
      next = last.endOffset;
    }
  }

  async rewrite(group: readonly TreeSegment[], pace: CleaningPace): Promise<GroupRewriter> {
    return new TreeGroupRewriter(this.state, group, {
      apply: (change, onWritten) => this.#change(pace, change, onWritten),
      sync: () => this.#sync(),
    });
  }

  async storeCleanOffset(cleanOffset: Offset, pace: CleaningPace): Promise<void> {
    const { state } = this;
    await this.#change(
      pace,
      (write) => void write.put(state.keys.state, state.encode({ cleanOffset })),
      () => state.cleanOffset = cleanOffset,
    );
    await this.#sync();
  }

  async settle(): Promise<void> {}

  /** A store without room has changed nothing; when the store has failed, the log has. */
  async #change(
    pace: CleaningPace,
    change: (write: WriteBatch) => Promise<void> | void,
    onWritten: () => void,
  ): Promise<void> {
    const { store } = this.state.place;
    await this.#writer.exclusively(async () => {
      pace.check();
      try {
        const write = new WriteBatch();
        await change(write);
        await store.write(write);
      } catch (thrown) {
        throw store.failure === null ? thrown : this.#writer.fail(store.failure);
      }
      onWritten();
    });
  }

  /** What is told as cleaned stays so. A sync that failed leaves nobody knows what. */
  async #sync(): Promise<void> {
    try {
      await this.state.place.store.sync();
    } catch (thrown) {
      throw this.#writer.fail(thrown);
    }
  }
}
