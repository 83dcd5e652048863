/** How segments in files are cleaned: the group is written beside them and takes their place whole (`swap_cleaned.ts`). */
import type { Offset } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { Mutex } from "../mutex.ts";
import type { CleanableLog, GroupRewriter, SegmentTimes } from "./cleanable_log.ts";
import { CleanedSegmentWriter } from "./cleaned_segment_writer.ts";
import { CleanedSummary } from "./cleaner_checkpoint.ts";
import type { CleaningPace } from "./cleaning_pace.ts";
import { corruption } from "./corruption.ts";
import { assertLogState } from "./log_state.ts";
import type { LogState } from "./log_state.ts";
import type { LogWriter } from "./log_writer.ts";
import { SegmentScanner } from "./scan_segment.ts";
import type { Segment } from "./segment.ts";
import { cleanedOf, storeOrFail, swapCleaned } from "./swap_cleaned.ts";

export interface SegmentCleaningOptions {
  readonly state: LogState;
  readonly writer: LogWriter;
  /** Held by whoever takes segments away. */
  readonly segmentsMutex: Mutex;
  /** A sealed segment was read: its file stays open until others were read. */
  readonly onRead: (segment: Segment) => void;
  /** A segment is no longer the log's. */
  readonly onRetired: (segment: Segment) => void;
}

export class SegmentCleaning implements CleanableLog<Segment> {
  readonly #options: SegmentCleaningOptions;
  readonly #retiring = new Set<Promise<void>>();

  constructor(options: SegmentCleaningOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.state.directory;
  }

  get state(): LogState {
    return this.#options.state;
  }

  get segments(): readonly Segment[] {
    return this.#options.state.segments;
  }

  get cleanOffset(): Offset {
    return this.#options.state.cleanerCheckpoint.current.cleanOffset;
  }

  async timesOf(segment: Segment): Promise<SegmentTimes> {
    if (segment.isRetired) return { first: -1, newest: -1 };
    if (segment.firstTimestamp < 0 || segment.maxTimestamp < 0) {
      await segment.withReader(() => segment.loadFirstTimestamp());
      this.#options.onRead(segment);
    }
    return { first: segment.firstTimestamp, newest: segment.maxTimestamp };
  }

  /** The older slot of the recovery point may name a segment that is about to become part of another. */
  async prepare(): Promise<void> {
    const { writer, state } = this.#options;
    await writer.exclusively(async () => {
      if (state.failure !== null) throw state.failure;
      await this.#orFail(async () => writer.writeRecoveryPoint(await writer.syncToEnd(), "both"));
    });
  }

  /** Fails unless the batches are what was stored: offsets, epochs, gaps, end. */
  async scan(segment: Segment, pace: CleaningPace, onBatch: (batch: RecordBatch) => Promise<void>): Promise<void> {
    const { state } = this.#options;
    const { cleaned, baseOffset, endOffset, sizeBytes, logPath } = segment;
    pace.check();
    const file = await state.disk.open(logPath, "read");
    try {
      const options = { from: 0, to: sizeBytes, expectedOffset: baseOffset, epochMin: -1 };
      const scanner = new SegmentScanner(file, {
        ...options,
        contiguous: cleaned === null,
        pieceBytes: LIMITS.cleanerSliceBytes,
      });
      const summary = new CleanedSummary();
      for (let piece = await scanner.next(); piece !== null; piece = await scanner.next()) {
        pace.check();
        for (const { batch, position } of piece) {
          const known = state.epochs.epochAt(Math.max(batch.baseOffset, state.startOffset));
          if (batch.leaderEpoch !== known && batch.endOffset > state.startOffset) {
            throw corruption(logPath, position, `epoch ${batch.leaderEpoch} where the checkpoint says ${known}`);
          }
          summary.add(batch);
          await onBatch(batch);
        }
        // Walking records is the work, and is counted where it is done; a checksum is little beside it.
        const pause = pace.spend(LIMITS.cleanerSliceBytes / 8);
        if (pause !== null) await pause;
      }
      const { fault, position, nextOffset } = scanner.end;
      if (fault !== null) throw corruption(logPath, position, fault);
      if (nextOffset !== endOffset) {
        throw corruption(logPath, position, `it ends at ${nextOffset}, not at ${endOffset}`);
      }
      if (cleaned !== null && !summary.isOf(cleaned)) {
        throw corruption(logPath, 0, "its batches are not those that the cleaner wrote");
      }
    } finally {
      await file.close();
    }
  }

  async rewrite(group: readonly Segment[], pace: CleaningPace): Promise<GroupRewriter> {
    const writer = new CleanedSegmentWriter(this.state, group[0]!.baseOffset, group.at(-1)!.endOffset);
    try {
      await writer.open();
    } catch (thrown) {
      await writer.discard().catch(ignore);
      throw thrown;
    }
    return {
      put: async (_batch, kept) => {
        if (kept !== null) await writer.append(kept);
      },
      finish: async () => {
        await writer.finish();
        return writer.sizeBytes;
      },
      swapIn: (cleanOffset) => this.#swapIn(group, writer, cleanOffset, pace),
      discard: () => writer.discard(),
    };
  }

  async #swapIn(
    sources: readonly Segment[],
    written: CleanedSegmentWriter,
    cleanOffset: Offset,
    pace: CleaningPace,
  ): Promise<void> {
    const { state, segmentsMutex } = this.#options;
    await segmentsMutex.run(async () => {
      try {
        pace.check();
      } catch (thrown) {
        await written.discard().catch(ignore);
        throw thrown;
      }
      await swapCleaned(state, sources, written, cleanOffset, {
        orFail: (work) => this.#orFail(work),
        onReplaced: (replaced) => this.#retire(replaced),
      });
      assertLogState(state);
    });
  }

  async storeCleanOffset(cleanOffset: Offset, pace: CleaningPace): Promise<void> {
    const { state, segmentsMutex } = this.#options;
    await segmentsMutex.run(async () => {
      pace.check();
      const checkpoint = { cleanOffset, segments: cleanedOf(state.segments) };
      await storeOrFail(state, checkpoint, { orFail: (work) => this.#orFail(work) });
    });
  }

  async settle(): Promise<void> {
    await Promise.all(this.#retiring);
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw this.#options.writer.fail(thrown);
    }
  }

  #retire(sources: readonly Segment[]): void {
    for (const source of sources) {
      this.#options.onRetired(source);
      const retiring: Promise<void> = source.retire().then(ignore, ignore).then(() => {
        this.#retiring.delete(retiring);
      });
      this.#retiring.add(retiring);
    }
  }
}

function ignore(): void {}
