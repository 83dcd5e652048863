/**
 * Scrubs the sealed segments of one open log. A file is read through a descriptor of its own, beside readers and writers;
 * segments may be deleted, cleaned, or cut meanwhile: then what seemed damaged means nothing.
 */
import { isPlatformError, PlatformError, SentinelError } from "../../base/errors.ts";
import type { DiskFile } from "../../platform/disk.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import type { Mutex } from "../mutex.ts";
import { type Damage, pacedFile, type Scrubbing, type ScrubPace, type ScrubUnit } from "../scrubbing.ts";
import { readSmallFile } from "../small_file.ts";
import type { LogState } from "./log_state.ts";
import { OffsetIndex } from "./offset_index.ts";
import { type ScrubbedSegment, scrubSegment, type StoredIndexes } from "./scrub_segment.ts";
import type { Segment } from "./segment.ts";
import { INDEX_BYTES_MAX } from "./segment_indexes.ts";
import { TimeIndex } from "./time_index.ts";

export interface LogScrubberOptions {
  readonly state: LogState;
  /** Held by whoever changes the list of segments, and what their names stand for. */
  readonly segmentsMutex: Mutex;
  /** A sealed segment was read: its file stays open until others were read. */
  readonly onRead: (segment: Segment) => void;
}

type IndexKind = "index" | "timeindex";

export class LogScrubber implements Scrubbing {
  readonly #options: LogScrubberOptions;
  readonly #damage = new Map<Segment, readonly Damage[]>();

  constructor(options: LogScrubberOptions) {
    this.#options = options;
  }

  get coldBytes(): number {
    return this.#sealed().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  get damage(): readonly Damage[] {
    const { segments } = this.#options.state;
    for (const segment of [...this.#damage.keys()]) if (!segments.includes(segment)) this.#damage.delete(segment);
    return [...this.#damage.values()].flat();
  }

  units(): ScrubUnit[] {
    return this.#sealed().map((segment) => ({
      path: segment.logPath,
      sizeBytes: segment.sizeBytes,
      scrub: (pace) => this.#scrub(segment, pace),
    }));
  }

  /** A log that takes no more writes is told already, and a closed one has no files. */
  #sealed(): Segment[] {
    const { segments, failure } = this.#options.state;
    return failure === null ? segments.slice(0, -1) : [];
  }

  async #scrub(segment: Segment, pace: ScrubPace): Promise<readonly Damage[] | null> {
    const { generation, truncations } = this.#options.state;
    const found = await this.#read(segment, pace);
    if (found === null || !this.#isSealed(segment)) return null;
    const { state } = this.#options;
    const isCut = generation !== state.generation || truncations !== state.truncations;
    if (found.length > 0 && isCut) return null;
    const first = found.find(({ path }) => path === segment.logPath);
    if (first !== undefined) segment.distrustFrom(first.position);
    const isIndexWrong = found.some(({ path }) => path !== segment.logPath);
    const areIndexesMended = isIndexWrong && await this.#mend(segment);
    if (!this.#isSealed(segment)) return null;
    const told = found.map((each) => ({ ...each, isMended: each.path !== segment.logPath && areIndexesMended }));
    const lasting = told.filter(({ isMended }) => !isMended);
    if (lasting.length > 0) this.#damage.set(segment, lasting);
    else this.#damage.delete(segment);
    return told;
  }

  #isSealed(segment: Segment): boolean {
    return !segment.isRetired && this.#sealed().includes(segment);
  }

  async #read(segment: Segment, pace: ScrubPace): Promise<Damage[] | null> {
    const { logPath } = segment;
    let file: DiskFile | null = null;
    try {
      file = await this.#open(segment);
      if (file === null) return null;
      const bytes = await this.#indexBytes(segment, pace);
      const paced = pacedFile(file, pace);
      const indexes = decode(segment, bytes);
      const scrubbed = await scrubSegment(paced, await file.sizeBytes(), this.#expected(segment), indexes);
      const found = scrubbed.faults.map(({ position, detail }) => damageAt(logPath, position, detail));
      for (const kind of ["index", "timeindex"] as const) {
        const detail = indexFault(kind, segment, bytes, scrubbed);
        if (detail === null || !(await this.#isUnchanged(segment, kind, bytes[kind]))) continue;
        found.push(damageAt(segment.indexes.path(kind), 0, detail));
      }
      return found;
    } catch (thrown) {
      if (!(thrown instanceof PlatformError)) throw thrown;
      // What the device cannot read is damage; anything else may go better the next time.
      if (isPlatformError(thrown, "io")) return [damageAt(logPath, 0, `it cannot be read: ${thrown.message}`)];
      if (isPlatformError(thrown, "not_found")) return [damageAt(logPath, 0, "the file is missing")];
      return null;
    } finally {
      await file?.close().catch(ignore);
    }
  }

  /** While segments change places a name may stand for another segment. */
  #open(segment: Segment): Promise<DiskFile | null> {
    const { state, segmentsMutex } = this.#options;
    return segmentsMutex.run(async () =>
      this.#isSealed(segment) ? await state.disk.open(segment.logPath, "read") : null
    );
  }

  #expected(segment: Segment) {
    const { epochs } = this.#options.state;
    const { baseOffset, endOffset, sizeBytes, cleaned } = segment;
    const epochOf = (batch: RecordBatch) => {
      const { startOffset } = this.#options.state;
      // A trim has taken the history below the log start, and nobody reads there.
      return batch.endOffset <= startOffset ? null : epochs.epochAt(Math.max(batch.baseOffset, startOffset));
    };
    return { baseOffset, endOffset, sizeBytes, cleaned, epochOf };
  }

  /** The index files; null: missing, which is no damage. */
  async #indexBytes(segment: Segment, pace: ScrubPace): Promise<Record<IndexKind, Uint8Array | null>> {
    const { disk } = this.#options.state;
    const bytes: Record<IndexKind, Uint8Array | null> = { index: null, timeindex: null };
    for (const kind of ["index", "timeindex"] as const) {
      const path = segment.indexes.path(kind);
      await pace.take((await disk.status(path))?.sizeBytes ?? 0);
      bytes[kind] = await readSmallFile(disk, path, INDEX_BYTES_MAX);
    }
    return bytes;
  }

  /** A segment that was just sealed, or whose reader has built them anew, had its indexes written meanwhile. */
  async #isUnchanged(segment: Segment, kind: IndexKind, before: Uint8Array | null): Promise<boolean> {
    const now = await readSmallFile(this.#options.state.disk, segment.indexes.path(kind), INDEX_BYTES_MAX);
    return now !== null && before !== null && now.length === before.length &&
      now.every((byte, at) => byte === before[at]);
  }

  /** Builds the indexes anew from the batches, as a reader would; false where that cannot be. */
  async #mend(segment: Segment): Promise<boolean> {
    const { state, onRead } = this.#options;
    try {
      await segment.withReader(() => segment.rebuildIndexes(state.settings.indexIntervalBytes));
      onRead(segment);
      return true;
    } catch (thrown) {
      if (thrown instanceof SentinelError || thrown instanceof PlatformError) return false;
      throw thrown;
    }
  }
}

function decode(segment: Segment, bytes: Record<IndexKind, Uint8Array | null>): StoredIndexes {
  const { baseOffset, endOffset, sizeBytes } = segment;
  return {
    offsets: bytes.index === null ? null : OffsetIndex.decode(baseOffset, bytes.index, sizeBytes),
    times: bytes.timeindex === null ? null : TimeIndex.decode(baseOffset, bytes.timeindex, endOffset),
  };
}

function indexFault(
  kind: IndexKind,
  segment: Segment,
  bytes: Record<IndexKind, Uint8Array | null>,
  { offsetFault, timeFault }: ScrubbedSegment,
): string | null {
  const stored = bytes[kind];
  if (stored === null) return null;
  const { offsets, times } = decode(segment, { index: null, timeindex: null, [kind]: stored });
  if (kind === "index") return offsets === null ? "it is no index of this segment" : offsetFault;
  return times === null ? "it is no time index of this segment" : timeFault;
}

function damageAt(path: string, position: number, detail: string): Damage {
  return { path, position, detail, isMended: false };
}

function ignore(): void {}
