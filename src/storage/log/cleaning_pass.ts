/**
 * One pass of the cleaner over a log (Kafka's Cleaner.doClean), in either storage engine: first the newest offset of each
 * key of the dirty part goes into a map, as far as that has room; then all segments up to there are written anew, without
 * what the map knows to be superseded, and each takes the place of its sources.
 *
 * A batch is never merged with another and keeps its offsets, its producer and its sequences, also when it has fewer
 * records. The last batch of each segment stays, if need be without records, so that a segment always ends where the next
 * begins. What cannot be read ends the pass: a record that is not seen may be one that counts.
 */
import type { Offset, ProducerId } from "../../base/ids.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { LIMITS } from "../../base/limits.ts";
import { RecordCursor } from "../../records/record_cursor.ts";
import type { CleaningBounds, CleaningResult, CleaningTools, CompactionSettings } from "../log_cleaning.ts";
import type { CleanableLog, CleanableSegment } from "./cleanable_log.ts";
import type { CleaningPace } from "./cleaning_pace.ts";
import { groupSegments } from "./cleaning_plan.ts";
import type { CleaningPlan } from "./cleaning_plan.ts";
import { filterBatch, openRecords, unreadable, withoutRecords } from "./filter_batch.ts";
import type { BatchFilter } from "./filter_batch.ts";
import { KeyMap } from "./key_map.ts";

/** A horizon lies so far away at most: as a number it and every delta from it are exact. */
const DELETE_HORIZON_MS_MAX = 2 ** 52;

export interface PassOptions<Kind extends CleanableSegment> {
  readonly log: CleanableLog<Kind>;
  readonly settings: CompactionSettings;
  readonly plan: CleaningPlan<Kind>;
  readonly bounds: CleaningBounds;
  /** Last offsets of the producers that are active: those batches survive, for their sequences' sake. */
  readonly producers: ReadonlyMap<ProducerId, Offset>;
  readonly tools: CleaningTools;
  readonly pace: CleaningPace;
}

export class CleaningPass<Kind extends CleanableSegment> {
  readonly #options: PassOptions<Kind>;
  readonly #keys: KeyMap;
  #readBytes = 0;
  #writtenBytes = 0;
  #removedRecords = 0;

  constructor(options: PassOptions<Kind>) {
    this.#options = options;
    const { keysMax = LIMITS.cleanerKeysMax, keyBytesMax = LIMITS.cleanerKeyBytesMax, seed } = options.tools;
    this.#keys = new KeyMap({ keysMax, bytesMax: keyBytesMax }, seed);
  }

  /** Of what is done so far. */
  result(outcome: CleaningResult["outcome"]): CleaningResult {
    return {
      outcome,
      cleanOffset: this.#options.log.cleanOffset,
      readBytes: this.#readBytes,
      writtenBytes: this.#writtenBytes,
      removedRecords: this.#removedRecords,
    };
  }

  async run(): Promise<void> {
    const { log, settings, plan, bounds, tools, pace } = this.#options;
    const mapEnd = await this.#fillMap();
    const filter: BatchFilter = {
      keys: this.#keys,
      mapEnd,
      nowMs: bounds.nowMs,
      deleteHorizonMs: Math.min(DELETE_HORIZON_MS_MAX, bounds.nowMs + settings.deleteRetentionMs),
      compression: tools.compression,
      pace,
    };
    const groups = groupSegments(plan.segments.filter((segment) => segment.baseOffset < mapEnd), log.state.settings);
    let isStored = false;
    for (const [at, group] of groups.entries()) {
      const cleanOffset = at === groups.length - 1 ? mapEnd : log.cleanOffset;
      isStored = await this.#cleanGroup(group, filter, cleanOffset);
    }
    if (!isStored) await log.storeCleanOffset(mapEnd, pace);
  }

  /** Returns the offset of the first record that found no room, or where the dirty part ends. */
  async #fillMap(): Promise<Offset> {
    const { plan } = this.#options;
    let fullAt: Offset | null = null;
    for (const segment of plan.segments) {
      if (segment.endOffset <= plan.firstDirty) continue;
      await this.#scan(segment, async (batch) => {
        if (fullAt === null && this.#mayHaveKeys(batch)) fullAt = await this.#putKeys(batch);
      });
      if (fullAt !== null) return fullAt;
    }
    return plan.segments.at(-1)!.endOffset;
  }

  #mayHaveKeys(batch: RecordBatch): boolean {
    return !batch.isControl && batch.endOffset > this.#options.plan.firstDirty && !this.#isAborted(batch);
  }

  async #putKeys(batch: RecordBatch): Promise<Offset | null> {
    const { plan, tools, pace } = this.#options;
    const cursor = new RecordCursor(batch, await openRecords(batch, tools.compression));
    while (cursor.next()) {
      const { keyStart, keyBytes, offset } = cursor;
      const isPut = keyBytes < 0 || offset < plan.firstDirty ||
        this.#keys.put(cursor.bytes, keyStart, keyStart + keyBytes, offset);
      if (!isPut) return offset;
      const pause = pace.spend(cursor.end - cursor.start);
      if (pause !== null) await pause;
    }
    if (cursor.fault !== null) throw unreadable(batch, cursor.fault);
    return null;
  }

  /** Writes a group anew and swaps it in. False: everything stays as it is, and nothing was stored. */
  async #cleanGroup(group: readonly Kind[], filter: BatchFilter, cleanOffset: Offset): Promise<boolean> {
    const { log, pace } = this.#options;
    const { endOffset } = group.at(-1)!;
    const rewriter = await log.rewrite(group, pace);
    try {
      let isChanged = group.length > 1;
      for (const segment of group) {
        await this.#scan(segment, async (batch) => {
          const kept = await this.#filter(batch, endOffset, filter);
          if (kept !== batch) isChanged = true;
          await rewriter.put(batch, kept);
        });
      }
      if (!isChanged) {
        await rewriter.discard();
        return false;
      }
      this.#writtenBytes += await rewriter.finish();
    } catch (thrown) {
      await rewriter.discard().catch(ignore);
      throw thrown;
    }
    await rewriter.swapIn(cleanOffset);
    return true;
  }

  #scan(segment: Kind, onBatch: (batch: RecordBatch) => Promise<void>): Promise<void> {
    const { log, pace } = this.#options;
    return log.scan(segment, pace, async (batch) => {
      this.#readBytes += batch.sizeBytes;
      await onBatch(batch);
    });
  }

  /** What stays of a batch. */
  async #filter(batch: RecordBatch, groupEnd: Offset, filter: BatchFilter): Promise<RecordBatch | null> {
    const { producers } = this.#options;
    const survives = batch.endOffset === groupEnd || producers.get(batch.producerId) === batch.lastOffset;
    if (this.#isAborted(batch)) {
      this.#removedRecords += batch.recordCount;
      return survives ? withoutRecords(batch) : null;
    }
    const { batch: kept, removedRecords } = await filterBatch(batch, survives, filter);
    this.#removedRecords += removedRecords;
    return kept;
  }

  #isAborted({ isTransactional, isControl, producerId, baseOffset }: RecordBatch): boolean {
    if (!isTransactional || isControl) return false;
    return this.#options.bounds.abortedTransactions.some((aborted) =>
      aborted.producerId === producerId && baseOffset >= aborted.firstOffset && baseOffset < aborted.lastOffset
    );
  }
}

function ignore(): void {}
