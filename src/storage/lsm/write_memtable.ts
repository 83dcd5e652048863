import { LIMITS } from "../../base/limits.ts";
import type { LiveSnapshots } from "./live_snapshots.ts";
import type { Memtable } from "./memtable.ts";
import type { TableMeta } from "./table_meta.ts";
import { TableReader, type TableSource } from "./table_reader.ts";
import { type TablePlace, TableWriter } from "./table_writer.ts";

type OrFail = (sync: () => Promise<void>) => Promise<void>;

/**
 * Writes a frozen memtable as a table of level 0, syncs it, and reads it back: only what was read may take the log's
 * place. A version goes along when it is the newest, or a live snapshot sees it. After a failure no file is left.
 */
export async function writeMemtable(
  memtable: Memtable,
  number: number,
  parts: {
    readonly place: TablePlace;
    readonly source: TableSource;
    readonly snapshots: LiveSnapshots;
    readonly orFail: OrFail;
    /** Told of what was written. */
    readonly onWritten: (bytes: number) => void;
  },
): Promise<TableMeta> {
  const { list } = memtable;
  const writer = new TableWriter(parts.place, number, 0);
  try {
    for (let node = list.first(); node !== 0; node = list.next(node)) {
      const key = list.keyOf(node);
      let newer = Infinity;
      for (let version = list.versionAt(node, Infinity); version !== 0; version = list.olderThan(version)) {
        const sequence = list.sequenceOf(version);
        if (newer === Infinity || parts.snapshots.isSeenBetween(sequence, newer)) {
          writer.add(key, list.valueOf(version), list.timestampOf(version), sequence);
        }
        newer = sequence;
      }
      // The write is where other work gets its turn.
      if (writer.pendingBytes < LIMITS.lsmSliceBytes) continue;
      parts.onWritten(writer.pendingBytes);
      await writer.flush();
    }
    return await finishTable(writer, parts.source, parts.orFail);
  } catch (thrown) {
    await writer.abandon();
    throw thrown;
  }
}

/** Ends a table and reads it back. */
export async function finishTable(writer: TableWriter, source: TableSource, orFail: OrFail): Promise<TableMeta> {
  const meta = await writer.finish(orFail);
  const reader = new TableReader(source, meta);
  try {
    await reader.verify();
  } finally {
    await reader.release();
  }
  return meta;
}
