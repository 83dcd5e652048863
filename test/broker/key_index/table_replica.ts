/** A partition in memory that can be compacted, trimmed, cut and damaged by hand: what an index of keys follows. */
import { SentinelError } from "../../../src/base/errors.ts";
import type { Replica } from "../../../src/cluster/replica.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { isRecordsFault, readRecords } from "../../../src/records/read_records.ts";
import type { RecordInput, StoredRecord } from "../../../src/records/record.ts";
import { RecordBatch } from "../../../src/records/record_batch.ts";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function record(key: string | null, value: string | null): RecordInput {
  return { key: key === null ? null : bytes(key), value: value === null ? null : bytes(value), headers: [] };
}

export class TableReplica implements Replica {
  readonly topic = "tables";
  readonly partition = 0;
  readonly epoch = 0;
  readonly sizeBytes = 0;
  readonly failure = null;
  readonly onAdvance = new Set<() => void>();
  highWatermark = 0;
  startOffset = 0;
  batches: RecordBatch[] = [];
  reads = 0;
  /** Reads fail with it. */
  damage: SentinelError | null = null;
  /** Called in front of each read. */
  beforeRead: (() => void | Promise<void>) | null = null;

  get endOffset(): number {
    return this.batches.at(-1)?.endOffset ?? this.startOffset;
  }

  /** Appends the records as one batch; they are committed unless `isCommitted` says otherwise. */
  put(records: readonly RecordInput[], { isCommitted = true, isControl = false } = {}): number {
    const baseOffset = Math.max(this.endOffset, this.highWatermark);
    const nowMs = 1_700_000_000_000 + baseOffset;
    this.batches.push(buildRecordBatch(records, { baseOffset, nowMs, isControl }));
    if (isCommitted) this.commit();
    return baseOffset;
  }

  /** A batch as it is, at the end of the log. */
  putBatch(batch: RecordBatch): void {
    this.batches.push(batch);
    this.commit();
  }

  commit(): void {
    this.highWatermark = this.endOffset;
    for (const advanced of [...this.onAdvance]) advanced();
  }

  /** As the cleaner does it: only the newest record of each key stays, tombstones too if they are wanted. */
  compact({ keepsTombstones }: { readonly keepsTombstones: boolean }): void {
    const newest = new Map<string, number>();
    for (const { key, offset } of this.records()) if (key !== null) newest.set(String(key), offset);
    this.batches = this.batches.flatMap((batch, at) => {
      const kept = recordsOf(batch).filter(({ key, offset, value }) =>
        key !== null && newest.get(String(key)) === offset && (value !== null || keepsTombstones)
      );
      if (kept.length === recordsOf(batch).length) return [batch];
      return kept.length === 0 && at < this.batches.length - 1 ? [] : [withRecords(batch, kept)];
    });
  }

  trim(offset: number): void {
    this.startOffset = Math.max(this.startOffset, offset);
    this.batches = this.batches.filter((batch) => batch.endOffset > offset);
  }

  /** What a power loss leaves of a log that was not synced: nothing from this batch boundary on. */
  cut(endOffset: number): void {
    this.batches = this.batches.filter((batch) => batch.endOffset <= endOffset);
    this.highWatermark = Math.max(this.startOffset, this.endOffset);
  }

  records(): StoredRecord[] {
    return this.batches.flatMap((batch) => recordsOf(batch)).filter(({ offset }) => offset >= this.startOffset);
  }

  /** Key → offset of the newest committed record, without deleted keys: what an index must say. */
  table(): Map<string, number> {
    const table = new Map<string, number>();
    for (const { key, value, offset } of this.records()) {
      if (key === null || offset >= this.highWatermark) continue;
      const text = new TextDecoder().decode(key);
      if (value === null) table.delete(text);
      else table.set(text, offset);
    }
    return table;
  }

  async read(from: number, maxBytes: number): Promise<RecordBatch[]> {
    this.reads += 1;
    await this.beforeRead?.();
    if (this.damage !== null) throw this.damage;
    if (from < this.startOffset || from > this.highWatermark) {
      throw new SentinelError("offset_out_of_range", `${from} is outside ${this.startOffset} to ${this.highWatermark}`);
    }
    const found: RecordBatch[] = [];
    let size = 0;
    for (const batch of this.batches) {
      if (batch.endOffset <= from || batch.endOffset > this.highWatermark) continue;
      if (found.length > 0 && size + batch.sizeBytes > maxBytes) break;
      found.push(batch);
      size += batch.sizeBytes;
    }
    return found;
  }

  waitForRoom(): null {
    return null;
  }
  append(): never {
    throw new Error("not used");
  }
  batchForTimestamp(): Promise<null> {
    return Promise.resolve(null);
  }
  endOfEpoch(): null {
    return null;
  }
  epochAt(): number {
    return 0;
  }
  producer(): null {
    return null;
  }
  producers(): [] {
    return [];
  }
  trimBefore(): Promise<void> {
    return Promise.resolve();
  }
  applyRetention(): Promise<number> {
    return Promise.resolve(0);
  }
  configure(): void {}
  close(): Promise<void> {
    return Promise.resolve();
  }
}

export function recordsOf(batch: RecordBatch): StoredRecord[] {
  const records = readRecords(batch);
  if (isRecordsFault(records)) throw new Error(records.fault);
  return records;
}

/** The batch with fewer records: they keep their offsets, and the batch keeps its range. */
function withRecords(batch: RecordBatch, kept: readonly StoredRecord[]): RecordBatch {
  const { baseOffset, lastOffsetDelta } = batch;
  // Offsets are deltas inside the batch: build it with fillers for what is gone, and leave those out by hand.
  const parts = kept.map((one) => {
    const single = buildRecordBatch([one], { baseOffset: one.offset, nowMs: one.timestamp });
    return { payload: single.payload, delta: one.offset - baseOffset };
  });
  const bodies = parts.map(({ payload, delta }) => withDelta(payload, delta));
  const size = bodies.reduce((sum, body) => sum + body.length, 0);
  const made = new Uint8Array(61 + size);
  made.set(batch.bytes.subarray(0, 61));
  let at = 61;
  for (const body of bodies) {
    made.set(body, at);
    at += body.length;
  }
  const view = new DataView(made.buffer);
  view.setInt32(8, made.length - 12);
  view.setInt32(23, lastOffsetDelta);
  view.setInt32(57, kept.length);
  // Any other number than before: what is in front of an index is a batch that was rewritten.
  view.setUint32(17, batch.crc ^ kept.length ^ 0x5a5a);
  return new RecordBatch(made);
}

/** A record of one (small) batch of its own, moved to another offset delta below 64. */
function withDelta(payload: Uint8Array, delta: number): Uint8Array {
  if (delta >= 64) throw new Error(`Offset delta ${delta} takes more than a byte`);
  // length varint (1 or 2 bytes), attributes, timestamp delta 0, offset delta 0.
  const lengthBytes = payload[0]! < 128 ? 1 : 2;
  const moved = payload.slice();
  moved[lengthBytes + 2] = delta << 1;
  return moved;
}
