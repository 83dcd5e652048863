/**
 * The current version and those that somebody still reads; changes it edit by edit, each durable in the manifest before
 * it is seen, and removes the files of tables that nobody needs any more.
 */
import type { Disk } from "../../platform/disk.ts";
import { LIMITS } from "../../base/limits.ts";
import { SentinelError } from "../../base/errors.ts";
import { Mutex } from "../mutex.ts";
import type { Manifest, ManifestState } from "./manifest.ts";
import type { ManifestEdit, PlacedTable } from "./manifest_edit.ts";
import { TableReader, type TableSource } from "./table_reader.ts";
import { inLevels, Version } from "./version.ts";

/** What an edit changes; the rest stays. */
export interface Change {
  readonly removed: readonly TableReader[];
  readonly added: readonly PlacedTable[];
  readonly flushedSequence?: number;
  readonly logNumber?: number;
}

export class VersionSet {
  readonly source: TableSource;
  readonly #disk: Disk;
  readonly #manifest: Manifest;
  readonly #mutex = new Mutex();
  readonly #orFail: (sync: () => Promise<void>) => Promise<void>;
  /** Versions that are read, and the current one. */
  readonly #live = new Set<Version>();
  readonly #obsolete = new Set<TableReader>();
  #removing: Promise<void> = Promise.resolve();
  #numbers: Omit<ManifestState, "tables">;
  current: Version;

  constructor(
    parts: {
      readonly disk: Disk;
      readonly source: TableSource;
      readonly manifest: Manifest;
      readonly orFail: (sync: () => Promise<void>) => Promise<void>;
    },
    state: ManifestState,
  ) {
    this.#disk = parts.disk;
    this.source = parts.source;
    this.#manifest = parts.manifest;
    this.#orFail = parts.orFail;
    const { tables, ...numbers } = state;
    this.#numbers = numbers;
    const placed = tables.map(({ level, meta }) => ({ level, table: new TableReader(parts.source, meta) }));
    this.current = new Version(inLevels(placed));
    this.#live.add(this.current);
  }

  /** A number that no file ever had. It is durable with the next edit; until then a start finds the file itself. */
  takeFileNumber(): number {
    const number = this.#numbers.nextFileNumber;
    this.#numbers = { ...this.#numbers, nextFileNumber: number + 1 };
    return number;
  }

  /** The version of now, whose files stay until `unpin`. */
  pin(): Version {
    this.current.pins += 1;
    return this.current;
  }

  unpin(version: Version): void {
    version.pins -= 1;
    this.#forget(version);
  }

  /**
   * Makes a change durable, then seen: `onSeen` runs in the same turn, so that no reader finds what it replaces gone and
   * the new tables not there (facts T7). `lastSequence`: of all writes so far.
   */
  async commit(change: Change, lastSequence: number, onSeen: () => void = () => {}): Promise<void> {
    await this.#mutex.run(async () => {
      const edit: ManifestEdit = {
        flushedSequence: change.flushedSequence ?? this.#numbers.flushedSequence,
        lastSequence: Math.max(lastSequence, this.#numbers.lastSequence),
        logNumber: change.logNumber ?? this.#numbers.logNumber,
        nextFileNumber: this.#numbers.nextFileNumber,
        removed: change.removed.map(({ meta }) => meta.number),
        added: change.added,
      };
      if (this.current.tableCount + edit.added.length > LIMITS.lsmTablesMax) {
        throw new SentinelError("storage_error", `The tree has ${LIMITS.lsmTablesMax} tables; it takes no more`);
      }
      await this.#manifest.append(edit, this.#orFail);
      this.#numbers = {
        flushedSequence: edit.flushedSequence,
        lastSequence: edit.lastSequence,
        logNumber: edit.logNumber,
        nextFileNumber: this.#numbers.nextFileNumber,
      };
      this.#show(change);
      onSeen();
      if (this.#manifest.sizeBytes > LIMITS.lsmManifestRewriteBytes) await this.#maybeRewrite();
    });
  }

  /** Resolves when the files of all that is not needed are removed. */
  async idle(): Promise<void> {
    await this.#removing;
  }

  /** A manifest that stays long costs the next start's time, nothing else. */
  async #maybeRewrite(): Promise<void> {
    try {
      await this.#manifest.rewrite({ ...this.#numbers, tables: this.current.placedTables() }, this.#orFail);
    } catch (thrown) {
      if (thrown instanceof SentinelError) throw thrown;
    }
  }

  #show({ removed, added }: Change): void {
    const before = this.current;
    const moved = new Map(removed.map((table) => [table.meta.number, table]));
    const placed = before.levels.flatMap((tables, level) =>
      tables.filter((table) => !removed.includes(table)).map((table) => ({ level, table }))
    );
    for (const { level, meta } of added) {
      const known = moved.get(meta.number);
      moved.delete(meta.number);
      placed.push({ level, table: known ?? new TableReader(this.source, meta) });
    }
    this.current = new Version(inLevels(placed));
    this.#live.add(this.current);
    for (const table of moved.values()) this.#obsolete.add(table);
    this.#forget(before);
  }

  #forget(version: Version): void {
    if (version.pins > 0 || version === this.current || !this.#live.delete(version)) return;
    for (const table of this.#obsolete) {
      if ([...this.#live].some((other) => other.holds(table))) continue;
      this.#obsolete.delete(table);
      this.#removing = this.#removing.then(() => this.#remove(table));
    }
  }

  /** What cannot be removed now is an orphan that the next start removes. */
  async #remove(table: TableReader): Promise<void> {
    try {
      await table.release();
      await this.#disk.remove(table.path);
    } catch {
      // See above.
    }
  }
}
