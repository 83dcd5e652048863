/** Reading one segment: from an offset to whole batches, through the index, checking all that is returned. */
import type { Offset, TimestampMs } from "../../base/ids.ts";
import { LIMITS } from "../../base/limits.ts";
import { Lease } from "../../bytes/lease.ts";
import { BATCH_LENGTH_END, isBatchFault, parseRecordBatch } from "../../records/record_batch.ts";
import type { RecordBatch } from "../../records/record_batch.ts";
import { corruption } from "./corruption.ts";
import { scanSegment } from "./scan_segment.ts";
import type { Segment } from "./segment.ts";
import { VerifiedRegions } from "./verified_regions.ts";

/** Offsets where a reader will probably go on, with their positions: a reader in sequence needs no index lookup. */
const READ_HINTS_MAX = 32;
/** Behind an index entry come up to one interval's worth of batches that end before the offset asked for. */
const BEFORE_OFFSET_BYTES = 8_192;
/** A look at one or two batches needs no full piece. */
const LOOK_BYTES = 16_384;

export class SegmentReader {
  readonly #segment: Segment;
  readonly #verified = new VerifiedRegions();
  readonly #hints = new Map<Offset, number>();

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  /** These bytes were checked by somebody else. */
  noteVerified(start: number, end: number): void {
    this.#verified.add(start, end);
  }

  /** Other bytes will stand from `position` on. */
  truncateFrom(position: number): void {
    this.#verified.truncateFrom(position);
    this.#hints.clear();
  }

  forgetHints(): void {
    this.#hints.clear();
  }

  /**
   * Whole batches from the one that holds `from`, below `upTo`, up to about `maxBytes`, within this segment. Each is
   * checked before it is returned, once per process and region. Empty only when that batch ends above `upTo`. In a gap
   * that compaction has left, the next batch comes; the last batch of a cleaned segment always ends where it does.
   *
   * They lie in one buffer, whose memory is free as soon as each of them was released; one that is not keeps it.
   *
   * The index may lie: when what stands where it points is not the batch that it names, both indexes are built anew.
   */
  async read(from: Offset, maxBytes: number, upTo: Offset): Promise<RecordBatch[]> {
    const segment = this.#segment;
    const found: RecordBatch[] = [];
    const sizeBytes = segment.sizeBytes;
    const entry = segment.indexes.offsets.lookup(from);
    const hint = this.#hints.get(from);
    let position = hint ?? entry?.position ?? 0;
    let indexedOffset = hint === undefined && entry !== null ? entry.lastOffset : null;
    let readBytes = Math.min(maxBytes, LIMITS.fetchBytesMax) + BEFORE_OFFSET_BYTES;
    let foundBytes = 0;
    let expectedOffset: Offset | null = null;
    while (position < sizeBytes) {
      const wanted = new Uint8Array(Math.min(readBytes, sizeBytes - position));
      const lease = new Lease(() => void wanted.buffer.transfer(0));
      const count = await segment.file.readAt(position, wanted);
      const piece = wanted.subarray(0, count);
      let at = 0;
      while (at < count) {
        const parsed = this.#batchAt(piece, at, position + at, expectedOffset);
        if (parsed === null) break;
        const isFault = typeof parsed === "string";
        if (indexedOffset !== null && (isFault || parsed.lastOffset !== indexedOffset)) {
          await segment.rebuildIndexes();
          return this.read(from, maxBytes, upTo);
        }
        if (isFault) throw corruption(segment.logPath, position + at, parsed);
        indexedOffset = null;
        expectedOffset = parsed.endOffset;
        if (parsed.endOffset > upTo || (foundBytes > 0 && foundBytes + parsed.sizeBytes > maxBytes)) {
          lease.release();
          return this.#found(found, position + at);
        }
        if (found.length === 0 && parsed.baseOffset > from && segment.cleaned === null) {
          throw corruption(segment.logPath, position + at, `offset ${parsed.baseOffset} where ${from} is due`);
        }
        at += parsed.sizeBytes;
        if (parsed.lastOffset < from) continue;
        parsed.lieIn(lease);
        found.push(parsed);
        foundBytes += parsed.sizeBytes;
      }
      if (found.length > 0) {
        lease.release();
        return this.#found(found, position + at);
      }
      if (count < wanted.length) throw corruption(segment.logPath, position + count, "the file is shorter than it was");
      position += at;
      if (at === 0) readBytes = batchBytesAt(wanted);
    }
    throw corruption(segment.logPath, position, `no batch holds offset ${from}, which was stored here`);
  }

  /** The first batch at or after `from` with a timestamp at or after `timestamp`, starting below `upTo`; null without one. */
  async batchForTimestamp(timestamp: TimestampMs, from: Offset, upTo: Offset): Promise<RecordBatch | null> {
    const segment = this.#segment;
    let before = segment.indexes.times.lookupBefore(timestamp);
    if (before !== null && !(await this.isBatch(before.lastOffset, before.timestamp))) {
      await segment.rebuildIndexes();
      before = segment.indexes.times.lookupBefore(timestamp);
    }
    let next = Math.max(from, before === null ? segment.baseOffset : before.lastOffset + 1);
    while (next < upTo && next < segment.endOffset) {
      const batches = await this.read(next, LIMITS.segmentReadBytes, Math.min(upTo, segment.endOffset));
      if (batches.length === 0) return null;
      for (const batch of batches) {
        if (batch.maxTimestamp >= timestamp && batch.endOffset > from && batch.recordCount > 0) return batch;
        next = batch.endOffset;
      }
    }
    return null;
  }

  /** Whether there is a batch with this last offset and largest timestamp: what a time entry says. */
  async isBatch(lastOffset: Offset, maxTimestamp: TimestampMs): Promise<boolean> {
    let isThere = false;
    await this.#scanFrom(lastOffset, (batch) => {
      if (batch.lastOffset < lastOffset) return null;
      isThere = batch.lastOffset === lastOffset && batch.maxTimestamp === maxTimestamp;
      return "found";
    });
    return isThere;
  }

  /** Position of the batch whose base offset is `boundary`; null when no batch starts there. */
  async positionOf(boundary: Offset): Promise<number | null> {
    const segment = this.#segment;
    if (boundary === segment.endOffset) return segment.sizeBytes;
    if (boundary === segment.baseOffset) return 0;
    let found: number | null = null;
    await this.#scanFrom(boundary - 1, (batch, position) => {
      if (batch.baseOffset < boundary) return null;
      if (batch.baseOffset === boundary) found = position;
      return "found";
    });
    return found;
  }

  /** Walks from where the index sends `offset`, and from the start if the index was wrong, until `onBatch` has found what it wants. */
  async #scanFrom(offset: Offset, onBatch: (batch: RecordBatch, position: number) => "found" | null): Promise<void> {
    const segment = this.#segment;
    const entry = segment.indexes.offsets.lookup(offset);
    for (const from of entry === null ? [0] : [entry.position, 0]) {
      const end = await scanSegment(
        segment.file,
        { from, to: segment.sizeBytes, expectedOffset: null, epochMin: -1, contiguous: false, pieceBytes: LOOK_BYTES },
        (batch, position) => {
          if (from > 0 && position === from && batch.lastOffset !== entry?.lastOffset) return "the index is wrong";
          return onBatch(batch, position);
        },
      );
      if (end.fault === "found") return;
    }
  }

  /** The batch at `at`, checked; null when the piece ends inside it, a text when it is damaged. */
  #batchAt(
    piece: Uint8Array,
    at: number,
    position: number,
    expectedOffset: Offset | null,
  ): RecordBatch | string | null {
    const segment = this.#segment;
    const verifyCrc = !this.#verified.covers(position, position + 1);
    const batch = parseRecordBatch(piece, at, { verifyCrc, batchBytesMax: LIMITS.batchBytesMax });
    if (isBatchFault(batch)) {
      return batch.fault === "short" && position - at + piece.length < segment.sizeBytes ? null : batch.detail;
    }
    if (batch.baseOffset < segment.baseOffset || batch.endOffset > segment.endOffset) {
      return `offset ${batch.baseOffset} in a segment of ${segment.baseOffset}–${segment.endOffset}`;
    }
    // The checksum does not cover the offset: a stale or misdirected sector passes it.
    const mayHaveGaps = segment.cleaned !== null && expectedOffset !== null && batch.baseOffset > expectedOffset;
    if (expectedOffset !== null && batch.baseOffset !== expectedOffset && !mayHaveGaps) {
      return `offset ${batch.baseOffset} where ${expectedOffset} is due`;
    }
    if (verifyCrc) this.#verified.add(position, position + batch.sizeBytes);
    return batch;
  }

  /** What a read returns, noting where the next one in sequence starts. */
  #found(batches: RecordBatch[], endPosition: number): RecordBatch[] {
    const last = batches.at(-1);
    if (last === undefined) return batches;
    this.#hints.delete(last.endOffset);
    this.#hints.set(last.endOffset, endPosition);
    if (this.#hints.size > READ_HINTS_MAX) {
      for (const oldest of this.#hints.keys()) {
        this.#hints.delete(oldest);
        break;
      }
    }
    return batches;
  }
}

/** Size of the batch at the start of a piece that is too small for it: its length was checked against the limit. */
function batchBytesAt(piece: Uint8Array): number {
  return Math.max(piece.length + 1, new DataView(piece.buffer).getInt32(8) + BATCH_LENGTH_END);
}
