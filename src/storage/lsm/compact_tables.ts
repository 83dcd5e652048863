/**
 * Merges tables into the next level (facts S15): of each key the newest entry stays, and older ones that a live snapshot
 * sees; a deletion goes when nothing older can hold its key. It works in slices of bytes and gives way between them.
 */
import { LIMITS } from "../../base/limits.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { EntryCursor } from "./entry_cursor.ts";
import type { LiveSnapshots } from "./live_snapshots.ts";
import type { PlacedTable } from "./manifest_edit.ts";
import { MergeCursor } from "./merge_cursor.ts";
import type { Compaction } from "./pick_compaction.ts";
import { TableCursor } from "./table_cursor.ts";
import { firstReaching } from "./table_meta.ts";
import type { TableReader, TableSource } from "./table_reader.ts";
import { entryBytes, type TablePlace, TableWriter } from "./table_writer.ts";
import { finishTable } from "./write_memtable.ts";

export interface CompactionParts {
  readonly place: TablePlace;
  readonly source: TableSource;
  readonly snapshots: LiveSnapshots;
  readonly orFail: (sync: () => Promise<void>) => Promise<void>;
  readonly tableBytes: number;
  readonly takeFileNumber: () => number;
  /** Lets other work have its turn, after so many bytes; false: the tree is closing. */
  readonly giveWay: (bytes: number) => Promise<boolean>;
}

/** The new tables, synced and read back, or null when it was told to stop. After a failure no file is left. */
export async function compactTables(compaction: Compaction, parts: CompactionParts): Promise<PlacedTable[] | null> {
  const run = new CompactionRun(compaction, parts);
  let isDone = false;
  try {
    isDone = await run.run();
    return isDone ? run.made : null;
  } finally {
    if (!isDone) await run.abandon();
  }
}

class CompactionRun {
  readonly made: PlacedTable[] = [];
  readonly #compaction: Compaction;
  readonly #parts: CompactionParts;
  readonly #writers: TableWriter[] = [];
  #writer: TableWriter | null = null;
  #key: Uint8Array | null = null;
  /** The sequence of the entry of this key before the one here. */
  #newer = Infinity;
  #sliceBytes = 0;

  constructor(compaction: Compaction, parts: CompactionParts) {
    this.#compaction = compaction;
    this.#parts = parts;
  }

  async run(): Promise<boolean> {
    const { level, inputs, overlapping } = this.#compaction;
    const upper = level === 0 ? inputs.map((table) => [table]) : [inputs];
    const cursors = [...upper, overlapping].map((tables) => new TableCursor(tables, false));
    for (const cursor of cursors) await cursor.seekUp(null);
    const merge = MergeCursor.over(cursors, "up");
    for (let here = merge.here; here !== null; here = merge.here) {
      await this.#take(here);
      if (this.#sliceBytes >= LIMITS.lsmSliceBytes) {
        const bytes = this.#sliceBytes;
        this.#sliceBytes = 0;
        await this.#writer?.flush();
        if (!await this.#parts.giveWay(bytes)) return false;
      }
      const moved = merge.step();
      if (moved !== undefined) await moved;
    }
    await this.#finish();
    return true;
  }

  /** Takes every file back. */
  async abandon(): Promise<void> {
    for (const writer of this.#writers) await writer.abandon();
  }

  async #take(entry: EntryCursor): Promise<void> {
    const key = entry.key!;
    const { sequence, timestamp } = entry;
    const isNewest = this.#key === null || compareBytes(this.#key, key) !== 0;
    const value = entry.value();
    this.#sliceBytes += entryBytes(key, value);
    const isKept = isNewest
      ? value !== null || !this.#canDrop(key, sequence)
      : this.#parts.snapshots.isSeenBetween(sequence, this.#newer);
    this.#newer = sequence;
    if (isNewest) {
      this.#key = key;
      // Between two keys only: all entries of one are in one table.
      if (this.#writer !== null && this.#writer.sizeBytes >= this.#parts.tableBytes) await this.#finish();
    }
    if (!isKept) return;
    if (this.#writer === null) {
      const { place, takeFileNumber } = this.#parts;
      this.#writer = new TableWriter(place, takeFileNumber(), this.#compaction.level + 1);
      this.#writers.push(this.#writer);
    }
    this.#writer.add(key, value, timestamp, sequence);
  }

  /** Whether a key's newest entry, a deletion, hides nothing: no deeper level has the key, and nobody reads before it. */
  #canDrop(key: Uint8Array, sequence: number): boolean {
    if (this.#parts.snapshots.oldest(Infinity) < sequence) return false;
    return this.#compaction.older.every((tables) => !mayHold(tables, key));
  }

  async #finish(): Promise<void> {
    if (this.#writer === null) return;
    const meta = await finishTable(this.#writer, this.#parts.source, this.#parts.orFail);
    this.#writer = null;
    this.made.push({ level: this.#compaction.level + 1, meta });
  }
}

function mayHold(tables: readonly TableReader[], key: Uint8Array): boolean {
  const at = firstReaching(tables, key);
  return at < tables.length && compareBytes(tables[at]!.meta.minKey, key) <= 0;
}
