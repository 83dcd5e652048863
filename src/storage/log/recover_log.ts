/**
 * Opening a log, in Sentry's order (facts Y15): scan the directory, load what the indexes say, replay what they do not
 * cover, rebuild, mark the last segment active. The rules are design D3's:
 *
 * - Below the recovery point, or anywhere after a clean stop, bytes must be right: anything else is corruption. Nothing
 *   is cut, the partition goes offline.
 * - Above it the log ends at the first batch that is wrong, whatever follows: a power loss leaves good pages behind bad
 *   ones inside one unsynced group.
 * - What is kept above it is written again and synced before it counts: what the page cache shows after a kill or a
 *   failed sync need not be on the disk.
 */
import type { Offset } from "../../base/ids.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Disk } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { LogSettings } from "../partition_log.ts";
import type { ProducerBudget } from "../producer_budget.ts";
import { ProducerStates } from "../producer_states.ts";
import { checkSegmentEnd } from "./check_segment.ts";
import { CleanerCheckpointFiles } from "./cleaner_checkpoint.ts";
import { corruption } from "./corruption.ts";
import { encodeLeaderEpochs, LeaderEpochs, loadLeaderEpochs, storeLeaderEpochs } from "./leader_epochs.ts";
import type { LogState } from "./log_state.ts";
import { ProducerSnapshots } from "./producer_snapshots.ts";
import { RecoveryPointFile } from "./recovery_point.ts";
import type { RecoveryPoint } from "./recovery_point.ts";
import { rewriteRange } from "./rewrite_range.ts";
import { restoreProducers } from "./restore_producers.ts";
import { scanDirectory } from "./scan_directory.ts";
import { scanSegment } from "./scan_segment.ts";
import type { ScanEnd } from "./scan_segment.ts";
import { Segment } from "./segment.ts";
import type { ReplayStart } from "./segment.ts";
import type { TailCache } from "./tail_cache.ts";

export interface LogLocation {
  readonly disk: Disk;
  readonly clock: Clock;
  /** `<data>/<topic>-<partition>`. */
  readonly directory: string;
  /** Topic id and partition: what the log's own files are bound to. */
  readonly identity: Uint8Array;
}

/** Makes the directory and files of a new, empty log that starts at `startOffset`. Durable but for the directory's own entry. */
export async function createLog(location: LogLocation, startOffset: Offset = 0): Promise<void> {
  const { disk, directory, identity } = location;
  await disk.makeDirectory(directory);
  const segment = new Segment(disk, directory, startOffset);
  await segment.create();
  await segment.closeFile();
  const { file } = await RecoveryPointFile.open(disk, directory, identity);
  try {
    await file.writeBoth({
      segmentBaseOffset: startOffset,
      position: 0,
      endOffset: startOffset,
      logStartOffset: startOffset,
      clean: true,
    });
  } finally {
    await file.close();
  }
  await storeLeaderEpochs(disk, directory, new LeaderEpochs());
  await disk.syncDirectory(directory);
}

/** What recovery did, for the start's report. */
export interface RecoveryReport {
  readonly segments: number;
  /** Bytes behind the last good batch that were cut off; 0 after a clean stop. */
  readonly cutBytes: number;
  /** Bytes above the recovery point that were kept, and written and synced again. */
  readonly rewrittenBytes: number;
}

/** Opens an existing log. Fails with a `storage_error` that names file and position when it is damaged. */
export async function recoverLog(
  location: LogLocation,
  settings: LogSettings,
  tailCache: TailCache,
  producerBudget: ProducerBudget,
): Promise<{ readonly state: LogState; readonly report: RecoveryReport }> {
  const { disk, clock, directory } = location;
  const cleanerCheckpoint = await CleanerCheckpointFiles.load(disk, directory, location.identity);
  const segments = await scanDirectory(disk, directory, cleanerCheckpoint);
  const opened = await RecoveryPointFile.open(disk, directory, location.identity);
  const producers = new ProducerStates(producerBudget);
  try {
    const recovery = new Recovery(location, settings, segments, opened.point);
    const report = await recovery.run(opened.file);
    const { endOffset, startOffset, point, epochs } = recovery;
    const snapshots = await ProducerSnapshots.open(disk, directory);
    await restoreProducers({ disk, clock, directory, segments, snapshots }, endOffset, producers);
    return {
      report,
      state: {
        disk,
        clock,
        directory,
        tailCache,
        recoveryPointFile: opened.file,
        cleanerCheckpoint,
        segments,
        epochs,
        producers,
        snapshots,
        settings,
        startOffset,
        endOffset,
        writtenOffset: endOffset,
        durableOffset: endOffset,
        generation: 0,
        truncations: 0,
        recoveryPoint: point,
        failure: null,
        offline: null,
      },
    };
  } catch (thrown) {
    producers.clear();
    await opened.file.close();
    for (const segment of segments) await segment.closeFile();
    throw thrown;
  }
}

/** Up to where a segment is known to have been synced. */
interface TrustedEnd {
  readonly bytes: number;
  readonly endOffset: Offset;
}

class Recovery {
  readonly #location: LogLocation;
  readonly #settings: LogSettings;
  readonly #segments: Segment[];
  /** Where recovery may begin; what is below is known to have been synced. */
  #trusted: RecoveryPoint;
  readonly #pointWasLost: boolean;
  /** Segments that a trim has freed and that are still there. */
  readonly #trimmed: Segment[] = [];
  #cutBytes = 0;
  #rewrittenBytes = 0;
  epochs = new LeaderEpochs();
  endOffset: Offset = 0;
  startOffset: Offset = 0;

  constructor(location: LogLocation, settings: LogSettings, segments: Segment[], point: RecoveryPoint | null) {
    this.#location = location;
    this.#settings = settings;
    this.#segments = segments;
    this.#pointWasLost = point === null;
    const active = segments.at(-1);
    if (active === undefined) throw corruption(location.directory, 0, "the log has no segment");
    this.#trusted = point ?? {
      segmentBaseOffset: active.baseOffset,
      position: 0,
      endOffset: active.baseOffset,
      logStartOffset: segments[0]!.baseOffset,
      clean: false,
    };
  }

  /** The recovery point as it stands in the file. */
  get point(): RecoveryPoint {
    return this.#trusted;
  }

  async run(file: RecoveryPointFile): Promise<RecoveryReport> {
    this.#setTrimmedApart();
    await this.#checkSizes();
    await this.#loadEpochs();
    await this.#replay();
    await this.#rewriteKeptTail();
    this.startOffset = Math.min(this.#trusted.logStartOffset, this.endOffset);
    this.#takeSegmentsBefore(this.startOffset);
    const isTrimLeft = this.epochs.trimBefore(this.startOffset) || this.#trimmed.length > 0;
    if (!this.#trusted.clean) {
      const active = this.#segments.at(-1)!;
      this.#trusted = {
        segmentBaseOffset: active.baseOffset,
        position: active.sizeBytes,
        endOffset: this.endOffset,
        logStartOffset: this.startOffset,
        clean: false,
      };
    }
    // Before anything below the log start goes: the slot that told of it, clean or not, may be in the page cache alone.
    if (this.#pointWasLost) await file.writeBoth(this.#trusted);
    else if (isTrimLeft || !this.#trusted.clean) await file.write(this.#trusted);
    if (isTrimLeft) await this.#finishTrim();
    return { segments: this.#segments.length, cutBytes: this.#cutBytes, rewrittenBytes: this.#rewrittenBytes };
  }

  /**
   * Segments wholly below the log start are nobody's: a trim that a crash cut short was removing them. Names come back in
   * any order after a power loss, so there may be holes between them. The recovery point's own segment stays.
   */
  #setTrimmedApart(): void {
    const { logStartOffset, segmentBaseOffset } = this.#trusted;
    this.#takeSegmentsBefore(Math.min(logStartOffset, segmentBaseOffset));
  }

  /** Takes segments that end at or before an offset out of the list. */
  #takeSegmentsBefore(offset: Offset): void {
    while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= offset) {
      this.#trimmed.push(this.#segments.shift()!);
    }
  }

  /** What can be known without walking a whole file. */
  async #checkSizes(): Promise<void> {
    const { segmentBaseOffset, position, clean, logStartOffset } = this.#trusted;
    const at = this.#segments.findIndex((segment) => segment.baseOffset === segmentBaseOffset);
    const { directory } = this.#location;
    if (at < 0) throw corruption(directory, 0, `the segment ${segmentBaseOffset} of the recovery point is missing`);
    const trusted = this.#segments[at]!;
    if (trusted.sizeBytes < position) {
      throw corruption(trusted.logPath, trusted.sizeBytes, `the file ends below its recovery point ${position}`);
    }
    if (trusted.cleaned !== null) {
      throw corruption(trusted.logPath, position, "the recovery point is in a cleaned segment");
    }
    if (this.#segments[0]!.baseOffset > logStartOffset) {
      throw corruption(directory, 0, `the segment that holds the log start ${logStartOffset} is missing`);
    }
    if (clean && (at !== this.#segments.length - 1 || trusted.sizeBytes !== position)) {
      throw corruption(trusted.logPath, position, "there are bytes behind the end that the clean stop noted");
    }
    // A sealed segment that is missing or cut leaves a hole that no single file shows.
    for (const sealed of this.#segments.slice(0, at)) await checkSegmentEnd(this.#location.disk, sealed);
  }

  async #loadEpochs(): Promise<void> {
    const { disk, directory } = this.#location;
    const loaded = await loadLeaderEpochs(disk, directory);
    if (loaded !== null) {
      this.epochs = loaded;
      return;
    }
    // The checkpoint is gone or not one: what is below the recovery point tells; the replay adds the rest.
    const { segmentBaseOffset, position } = this.#trusted;
    for (const segment of this.#segments) {
      if (segment.baseOffset > segmentBaseOffset) break;
      await this.#collectEpochs(segment, segment.baseOffset === segmentBaseOffset ? position : segment.sizeBytes);
    }
    await storeLeaderEpochs(disk, directory, this.epochs);
  }

  async #collectEpochs(segment: Segment, to: number): Promise<void> {
    await segment.openForReading();
    try {
      const end = await scanSegment(
        segment.file,
        {
          from: 0,
          to,
          expectedOffset: segment.baseOffset,
          epochMin: this.epochs.latest,
          contiguous: segment.cleaned === null,
        },
        (batch) => {
          this.epochs.assign(batch.leaderEpoch, batch.baseOffset);
          return null;
        },
      );
      if (end.fault !== null) throw corruption(segment.logPath, end.position, end.fault);
    } finally {
      await segment.closeFile();
    }
  }

  /** Walks from the last indexed batch below the recovery point to the first bad batch or the end. */
  async #replay(): Promise<void> {
    const { segmentBaseOffset, position: trustedPosition, endOffset: trustedEnd } = this.#trusted;
    let at = this.#segments.findIndex((segment) => segment.baseOffset === segmentBaseOffset);
    let trusted: TrustedEnd = { bytes: trustedPosition, endOffset: trustedEnd };
    const storedEpochs = encodeLeaderEpochs(this.epochs.starts).join();
    this.epochs.truncateFrom(trustedEnd + 1);
    while (true) {
      const segment = this.#segments[at]!;
      const wasCut = await this.#replaySegment(segment, trusted);
      const next = this.#segments[at + 1];
      if (next === undefined) break;
      if (wasCut || next.baseOffset !== segment.endOffset) {
        await this.#dropFrom(at + 1);
        break;
      }
      await segment.finishIndexes();
      await segment.unload();
      at += 1;
      trusted = { bytes: 0, endOffset: next.baseOffset };
    }
    const active = this.#segments.at(-1)!;
    await active.loadFirstTimestamp();
    this.endOffset = active.endOffset;
    // An epoch that begins at the end has no batch here, unless a trim to the end has taken them.
    const isTrimmedToEnd = this.endOffset === this.#trusted.logStartOffset;
    this.epochs.truncateFrom(isTrimmedToEnd ? this.endOffset + 1 : this.endOffset);
    if (encodeLeaderEpochs(this.epochs.starts).join() !== storedEpochs) {
      await storeLeaderEpochs(this.#location.disk, this.#location.directory, this.epochs);
    }
  }

  /** True when the segment was cut. */
  async #replaySegment(segment: Segment, trusted: TrustedEnd): Promise<boolean> {
    const fileBytes = segment.sizeBytes;
    await segment.openForWriting();
    let begin = await segment.beginReplay(fileBytes, trusted.bytes);
    let end = await this.#walk(segment, fileBytes, begin, trusted);
    if (end.fault !== null && end.position < trusted.bytes && begin.from > 0) {
      // Perhaps only the index lies about where a batch starts: the log itself is asked before it is called damaged.
      begin = segment.beginReplayWithoutIndexes();
      end = await this.#walk(segment, fileBytes, begin, trusted);
    }
    if (end.fault !== null && end.position < trusted.bytes) throw corruption(segment.logPath, end.position, end.fault);
    if (end.position === 0) segment.becomeEmpty();
    if (end.fault === null) return false;
    this.#cutBytes += fileBytes - end.position;
    await segment.truncateFrom(end.position, segment.endOffset);
    return true;
  }

  #walk(segment: Segment, fileBytes: number, begin: ReplayStart, trusted: TrustedEnd): Promise<ScanEnd> {
    return scanSegment(
      segment.file,
      {
        from: begin.from,
        to: fileBytes,
        expectedOffset: begin.offset,
        epochMin: begin.from === 0 ? this.epochs.epochAt(segment.baseOffset - 1) : -1,
        contiguous: true,
      },
      (batch, position) => {
        const fault = this.#faultOf(batch, position, begin, trusted);
        if (fault === null) segment.noteReplayed(batch, position, this.#settings.indexIntervalBytes);
        return fault;
      },
    );
  }

  /** What the checksum does not cover: the place, and the epoch. */
  #faultOf(batch: RecordBatch, position: number, begin: ReplayStart, trusted: TrustedEnd): string | null {
    if (position === begin.from && begin.lastOffset !== null && batch.lastOffset !== begin.lastOffset) {
      return `last offset ${batch.lastOffset} where the index says ${begin.lastOffset}`;
    }
    const endPosition = position + batch.sizeBytes;
    if (position < trusted.bytes && endPosition >= trusted.bytes) {
      if (endPosition !== trusted.bytes || batch.endOffset !== trusted.endOffset) {
        return `the batch ends at ${endPosition} with offset ${batch.endOffset}, ` +
          `the recovery point is ${trusted.bytes} with ${trusted.endOffset}`;
      }
    } else if (position === trusted.bytes && batch.baseOffset !== trusted.endOffset) {
      return `offset ${batch.baseOffset} where ${trusted.endOffset} is due`;
    }
    return this.#epochFaultOf(batch, position < trusted.bytes && !this.#pointWasLost);
  }

  /** Below the recovery point the checkpoint knows every epoch; above it, a batch may bring a new one, never an older. */
  #epochFaultOf(batch: RecordBatch, isTrusted: boolean): string | null {
    const epoch = batch.leaderEpoch;
    const { logStartOffset } = this.#trusted;
    // A trim has taken the history below the log start, and nobody reads there.
    if (batch.endOffset <= logStartOffset) return null;
    const known = this.epochs.epochAt(Math.max(batch.baseOffset, logStartOffset));
    if (epoch === known) return null;
    if (isTrusted || epoch < this.epochs.latest) return `epoch ${epoch} where the checkpoint says ${known}`;
    this.epochs.assign(epoch, batch.baseOffset);
    return null;
  }

  /** Segments behind a cut: what they hold was never acknowledged. */
  async #dropFrom(at: number): Promise<void> {
    for (const segment of this.#segments.splice(at)) {
      this.#cutBytes += segment.sizeBytes;
      await segment.remove();
    }
    await this.#location.disk.syncDirectory(this.#location.directory);
  }

  async #rewriteKeptTail(): Promise<void> {
    if (this.#trusted.clean) return;
    const from = this.#segments.findIndex((segment) => segment.baseOffset === this.#trusted.segmentBaseOffset);
    for (const segment of this.#segments.slice(from)) {
      const start = segment.baseOffset === this.#trusted.segmentBaseOffset ? this.#trusted.position : 0;
      await segment.openForWriting();
      await rewriteRange(segment, start);
      this.#rewrittenBytes += segment.sizeBytes - start;
      if (segment !== this.#segments.at(-1)) await segment.unload();
    }
    await this.#location.disk.syncDirectory(this.#location.directory);
  }

  /** A trim is durable with its recovery point; what it frees may still be there. */
  async #finishTrim(): Promise<void> {
    for (const segment of this.#trimmed) await segment.remove();
    await storeLeaderEpochs(this.#location.disk, this.#location.directory, this.epochs);
  }
}
