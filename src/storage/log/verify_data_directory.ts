/**
 * `sentinel log verify`: reads every byte of a data directory that no broker has open, and says what is wrong. It
 * changes nothing. Damage below the recovery point is named with file and position; a torn tail above it is what an
 * ordinary crash leaves, and the next start cuts it.
 */
import { parseUuid } from "../../base/ids.ts";
import { isPlatformError, SentinelError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Offset } from "../../base/ids.ts";
import type { Disk } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { loadPartitionMetadata, PARTITION_METADATA_FILE } from "../partition_metadata.ts";
import { readSmallFile } from "../small_file.ts";
import type { VerifyOptions } from "../verify_finding.ts";
import { CleanedSummary } from "./cleaner_checkpoint.ts";
import { inspectCleaning } from "./inspect_cleaning.ts";
import type { InspectedCleaning } from "./inspect_cleaning.ts";
import { LEADER_EPOCH_FILE, loadLeaderEpochs } from "./leader_epochs.ts";
import type { LeaderEpochs } from "./leader_epochs.ts";
import { OFFSET_INDEX_ENTRY_BYTES, OffsetIndex } from "./offset_index.ts";
import { decodeProducerSnapshot } from "./producer_snapshot.ts";
import { decodeSlot, RECOVERY_POINT_FILE } from "./recovery_point.ts";
import type { RecoveryPoint } from "./recovery_point.ts";
import { scanSegment } from "./scan_segment.ts";
import { parseSegmentFileName, parseSnapshotFileName, segmentFileName } from "./segment_file_name.ts";
import { TimeIndex } from "./time_index.ts";

export interface VerifySummary {
  partitions: number;
  segments: number;
  batches: number;
  records: number;
  bytes: number;
  damaged: number;
}

const INDEX_BYTES_MAX = 64 * 1024 * 1024;
const PARTITION_DIRECTORY_REGEXP = /^.+-\d{1,10}$/;

/** Fails with `storage_error` when there is no such directory, or a broker has it open. */
export async function verifyDataDirectory(disk: Disk, path: string, options: VerifyOptions): Promise<VerifySummary> {
  const status = await disk.status(path);
  if (status?.kind !== "directory") throw new SentinelError("storage_error", `There is no data directory ${path}`);
  const lock = await lockFor(disk, path);
  try {
    const summary: VerifySummary = { partitions: 0, segments: 0, batches: 0, records: 0, bytes: 0, damaged: 0 };
    for (const name of await disk.list(path)) {
      if (!PARTITION_DIRECTORY_REGEXP.test(name) || (await disk.status(`${path}/${name}`))?.kind !== "directory") {
        continue;
      }
      await new PartitionVerifier(disk, `${path}/${name}`, summary, options).run();
    }
    return summary;
  } finally {
    await lock.release();
  }
}

async function lockFor(disk: Disk, path: string) {
  try {
    return await disk.lock(`${path}/.lock`);
  } catch (thrown) {
    if (!isPlatformError(thrown, "locked")) throw thrown;
    throw new SentinelError("storage_error", `The data directory ${path} is in use by a broker; stop it first`, {
      cause: thrown,
    });
  }
}

class PartitionVerifier {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #summary: VerifySummary;
  readonly #options: VerifyOptions;
  #point: RecoveryPoint | null = null;
  #epochs: LeaderEpochs | null = null;
  #cleaning: InspectedCleaning = { cleaned: new Map(), paths: new Map(), replaced: new Set() };

  constructor(disk: Disk, directory: string, summary: VerifySummary, options: VerifyOptions) {
    this.#disk = disk;
    this.#directory = directory;
    this.#summary = summary;
    this.#options = options;
  }

  async run(): Promise<void> {
    if (await this.#isUnfinished()) {
      return this.#note(this.#directory, 0, "the partition was not made to its end: it has no name and no record");
    }
    this.#summary.partitions += 1;
    await this.#loadFacts();
    await this.#verifySnapshots();
    const bases = (await this.#disk.list(this.#directory))
      .map(parseSegmentFileName)
      .filter((parsed) => parsed?.kind === "log")
      .map((parsed) => parsed!.baseOffset)
      .filter((base) => !this.#cleaning.replaced.has(base));
    if (bases.length === 0) return this.#damage(this.#directory, 0, "there is no segment");
    const point = this.#point;
    if (point !== null && !bases.includes(point.segmentBaseOffset)) {
      this.#damage(this.#directory, 0, `the segment ${point.segmentBaseOffset} of the recovery point is missing`);
    }
    if (point !== null && bases[0]! > point.logStartOffset) {
      this.#damage(this.#directory, 0, `the segment that holds the log start ${point.logStartOffset} is missing`);
    }
    // What lies wholly below the log start was trimmed; a crash may have left some of it, with holes.
    const firstKept = bases.findLastIndex((base) => base <= (point?.logStartOffset ?? 0));
    for (const base of bases.splice(0, Math.max(0, firstKept))) {
      this.#note(this.#path(base), 0, "the segment lies below the log start; the next start removes it");
    }
    let due: Offset | null = null;
    for (const [at, base] of bases.entries()) {
      if (due !== null && base !== due) {
        this.#damage(this.#path(base), 0, `the segment before it ends at offset ${due}`);
      }
      due = await this.#verifySegment(base, bases[at + 1] ?? null);
    }
  }

  /** A crash or a full disk in the middle of making it: `partition.metadata` comes last, and before any record. */
  async #isUnfinished(): Promise<boolean> {
    if (await this.#disk.status(`${this.#directory}/${PARTITION_METADATA_FILE}`) !== null) return false;
    for (const name of await this.#disk.list(this.#directory)) {
      if (parseSegmentFileName(name)?.kind !== "log") continue;
      if ((await this.#disk.status(`${this.#directory}/${name}`))?.sizeBytes !== 0) return false;
    }
    return true;
  }

  async #verifySnapshots(): Promise<void> {
    for (const name of await this.#disk.list(this.#directory)) {
      const offset = parseSnapshotFileName(name);
      if (offset === null) continue;
      const path = `${this.#directory}/${name}`;
      const bytes = await readSmallFile(this.#disk, path, LIMITS.producerSnapshotFileBytesMax);
      if (bytes === null || decodeProducerSnapshot(bytes, offset) === null) {
        this.#note(path, 0, "the producer snapshot is not readable; the log makes up for it");
      }
    }
  }

  async #loadFacts(): Promise<void> {
    const topicId = await loadPartitionMetadata(this.#disk, this.#directory);
    if (topicId === null) {
      this.#damage(`${this.#directory}/${PARTITION_METADATA_FILE}`, 0, "the file is missing or not readable");
    }
    const identity = new Uint8Array(20);
    identity.set(parseUuid(topicId ?? "") ?? new Uint8Array(16));
    const partition = Number(this.#directory.slice(this.#directory.lastIndexOf("-") + 1));
    new DataView(identity.buffer).setUint32(16, partition);
    const bytes = await readSmallFile(this.#disk, `${this.#directory}/${RECOVERY_POINT_FILE}`, 1024 * 1024);
    let newest = -1;
    for (const slot of [0, 1]) {
      const decoded = decodeSlot((bytes ?? new Uint8Array()).subarray(slot * 4096, slot * 4096 + 64), slot, identity);
      if (decoded === null) {
        this.#note(`${this.#directory}/${RECOVERY_POINT_FILE}`, slot * 4096, `slot ${slot} is not readable`);
      } else if (decoded.sequence > newest) {
        newest = decoded.sequence;
        this.#point = decoded.point;
      }
    }
    this.#cleaning = await inspectCleaning(
      this.#disk,
      this.#directory,
      identity,
      (path, detail) => this.#note(path, 0, detail),
    );
    this.#epochs = await loadLeaderEpochs(this.#disk, this.#directory);
    if (this.#epochs === null) {
      this.#note(`${this.#directory}/${LEADER_EPOCH_FILE}`, 0, "the file is missing or not readable");
    }
  }

  /** Returns the offset that the next segment must begin with, or null when that cannot be said. */
  async #verifySegment(base: Offset, next: Offset | null): Promise<Offset | null> {
    const path = this.#cleaning.paths.get(base) ?? this.#path(base);
    const cleaned = next === null ? undefined : this.#cleaning.cleaned.get(base);
    const summary = new CleanedSummary();
    const sizeBytes = (await this.#disk.status(path))?.sizeBytes ?? 0;
    const trustedBytes = this.#trustedBytes(base, sizeBytes, next);
    if (sizeBytes < trustedBytes) {
      this.#damage(path, sizeBytes, `the file ends below its recovery point ${trustedBytes}`);
    }
    this.#summary.segments += 1;
    const ends = new Map<number, { lastOffset: Offset; maxTimestamp: number }>();
    const file = await this.#disk.open(path, "read");
    let maxTimestamp = -1;
    try {
      const end = await scanSegment(
        file,
        { from: 0, to: sizeBytes, expectedOffset: base, epochMin: -1, contiguous: cleaned === undefined },
        (batch, position) => {
          summary.add(batch);
          maxTimestamp = Math.max(maxTimestamp, batch.maxTimestamp);
          ends.set(position, { lastOffset: batch.lastOffset, maxTimestamp });
          return this.#count(batch, position < trustedBytes);
        },
      );
      if (end.fault !== null) {
        const isDamage = end.position < trustedBytes;
        const text = isDamage
          ? end.fault
          : `${end.fault}; ${
            sizeBytes - end.position
          } bytes from here were never acknowledged, the next start cuts them`;
        if (isDamage) this.#damage(path, end.position, text);
        else this.#note(path, end.position, text);
        return null;
      }
      if (cleaned !== undefined && !summary.isOf(cleaned)) {
        this.#damage(path, 0, "its batches are not those that the cleaner wrote");
        return null;
      }
      if (!this.#cleaning.paths.has(base)) await this.#verifyIndexes(base, sizeBytes, end.nextOffset, ends);
      return end.nextOffset;
    } finally {
      await file.close();
    }
  }

  #count(batch: RecordBatch, isTrusted: boolean): string | null {
    this.#summary.batches += 1;
    this.#summary.records += batch.recordCount;
    this.#summary.bytes += batch.sizeBytes;
    this.#options.onProgress?.(this.#summary.bytes);
    const logStartOffset = this.#point?.logStartOffset ?? 0;
    // A trim has taken the history below the log start, and nobody reads there.
    if (batch.endOffset <= logStartOffset) return null;
    const known = this.#epochs?.epochAt(Math.max(batch.baseOffset, logStartOffset));
    if (known === undefined || known === batch.leaderEpoch || !isTrusted) return null;
    return `epoch ${batch.leaderEpoch} where the checkpoint says ${known}`;
  }

  /** Indexes are caches: a wrong one is found out by its readers and made anew. */
  async #verifyIndexes(
    base: Offset,
    sizeBytes: number,
    endOffset: Offset,
    batches: ReadonlyMap<number, { lastOffset: Offset; maxTimestamp: number }>,
  ): Promise<void> {
    const indexPath = `${this.#directory}/${segmentFileName(base, "index")}`;
    const bytes = await readSmallFile(this.#disk, indexPath, INDEX_BYTES_MAX);
    const index = bytes === null ? null : OffsetIndex.decode(base, bytes, sizeBytes);
    if (bytes !== null && index === null) {
      this.#note(indexPath, 0, "the index is not one; it is rebuilt when it is needed");
    }
    for (const [at, entry] of (index?.entries() ?? []).entries()) {
      if (batches.get(entry.position)?.lastOffset === entry.lastOffset) continue;
      this.#note(
        indexPath,
        at * OFFSET_INDEX_ENTRY_BYTES,
        `the entry ${entry.lastOffset}@${entry.position} names no batch; the index is rebuilt when it is needed`,
      );
      break;
    }
    const timePath = `${this.#directory}/${segmentFileName(base, "timeindex")}`;
    const timeBytes = await readSmallFile(this.#disk, timePath, INDEX_BYTES_MAX);
    if (timeBytes !== null && TimeIndex.decode(base, timeBytes, endOffset) === null) {
      this.#note(timePath, 0, "the time index is not one; it is rebuilt when it is needed");
    }
  }

  /** Bytes of a segment that are known to have been synced. */
  #trustedBytes(base: Offset, sizeBytes: number, next: Offset | null): number {
    const point = this.#point;
    if (point === null) return next === null ? 0 : sizeBytes;
    if (base < point.segmentBaseOffset) return sizeBytes;
    if (base > point.segmentBaseOffset) return 0;
    return point.clean ? Math.max(sizeBytes, point.position) : point.position;
  }

  #path(base: Offset): string {
    return `${this.#directory}/${segmentFileName(base, "log")}`;
  }

  #damage(path: string, position: number, detail: string): void {
    this.#summary.damaged += 1;
    this.#options.onFinding({ severity: "damage", path, position, detail });
  }

  #note(path: string, position: number, detail: string): void {
    this.#options.onFinding({ severity: "note", path, position, detail });
  }
}
