/**
 * Opening a tree. The manifest says which tables are live and from which log on to read; the logs hold the rest. The rules
 * are design D3's:
 *
 * - Every log but the newest was synced before the next took a byte: anything wrong in it is corruption.
 * - The newest is cut at its first bad record above the recovery point; below it, or after a clean stop, that is
 *   corruption. What is kept above it is written again and synced before it counts.
 * - A log that is missing or too short shows in the next one's header, which has the last sequence before it.
 * - The manifest is written anew before anything relies on it; then what nobody needs is removed.
 */
import type { DiskFile } from "../../platform/disk.ts";
import { corruption } from "../log/corruption.ts";
import { isFull } from "../log/write_failures.ts";
import { unmadeLog, WritesBeginning } from "./begin_writes.ts";
import { BlockCache } from "./block_cache.ts";
import { createLog } from "./create_log.ts";
import {
  logFileName,
  MANIFEST_FILE,
  type NumberedFile,
  parseNumberedFile,
  tableFileName,
  TEMPORARY_SUFFIX,
} from "./file_names.ts";
import { fileSeed } from "./file_seed.ts";
import { LiveSnapshots } from "./live_snapshots.ts";
import { forEachOperation, LOG_HEADER_BYTES, type LogHeader } from "./log_record.ts";
import { type LogEnd, readLogHeader, scanLog } from "./log_reader.ts";
import { LogWriter } from "./log_writer.ts";
import { type LoadedManifest, loadManifest, Manifest, type ManifestState } from "./manifest.ts";
import { Memtable } from "./memtable.ts";
import { lockTree, makeTreeDirectory, mustBeUnused } from "./tree_directory.ts";
import { removeOrphans } from "./remove_orphans.ts";
import { rewriteRange } from "./rewrite_range.ts";
import { type StorePoint, StorePointFile } from "./store_point.ts";
import { noTableCounts } from "./table_reader.ts";
import { TableFiles } from "./table_files.ts";
import type { TreeSettings } from "./tree_settings.ts";
import { FailureGate, type RecoveredTree, type TreeLocation } from "./tree_state.ts";
import { inLevels, levelsFaultOf } from "./version.ts";
import { VersionSet } from "./version_set.ts";

/** What a start did. */
export interface TreeReport {
  readonly tables: number;
  /** Records that were read from logs. */
  readonly records: number;
  /** Bytes behind the last good record that were cut off; 0 after a clean stop. */
  readonly cutBytes: number;
  /** Bytes above the recovery point that were kept, and written and synced again. */
  readonly rewrittenBytes: number;
  /** Files that nobody needed any more. */
  readonly orphans: number;
}

/**
 * After an unclean start so many sequences are left out: more than one memtable can have lost, so that none is ever given
 * twice (I38). The manifest keeps what was given, so that this holds from start to start.
 */
const UNCLEAN_GAP = 2 ** 25;
export async function recoverTree(
  location: TreeLocation,
  settings: TreeSettings,
): Promise<{ readonly recovered: RecoveredTree; readonly report: TreeReport }> {
  await makeTreeDirectory(location);
  const lock = await lockTree(location);
  const recovery = new Recovery(location, settings);
  try {
    return await recovery.run(lock);
  } catch (thrown) {
    await recovery.close();
    await lock.release();
    throw thrown;
  }
}

/** A log that a start reads. */
interface LiveLog {
  readonly number: number;
  readonly path: string;
  readonly file: DiskFile;
  readonly header: LogHeader;
}

class Recovery {
  readonly #location: TreeLocation;
  readonly #settings: TreeSettings;
  readonly #gate: FailureGate;
  readonly #snapshots = new LiveSnapshots();
  #pointFile: StorePointFile | null = null;
  #point: StorePoint | null = null;
  #manifest: Manifest | null = null;
  #names: string[] = [];
  readonly #numbered = new Map<string, NumberedFile>();
  readonly #openFiles = new Set<DiskFile>();
  readonly #memtables: Memtable[] = [];
  #newestBytes = 0;
  #records = 0;
  #cutBytes = 0;
  #rewrittenBytes = 0;
  #mustBeWhole = false;
  #log: LogWriter | null = null;

  constructor(location: TreeLocation, settings: TreeSettings) {
    this.#location = location;
    this.#settings = settings;
    this.#gate = new FailureGate(location.directory);
  }

  async run(
    lock: RecoveredTree["lock"],
  ): Promise<{ readonly recovered: RecoveredTree; readonly report: TreeReport }> {
    const { disk, directory, identity } = this.#location;
    await this.#list();
    const isNew = !this.#names.includes(MANIFEST_FILE);
    if (isNew) mustBeUnused(directory, this.#names);
    // A new tree's manifest comes first: with any other file a directory without it counts as damaged.
    else await this.#openPoint();
    const loaded = await this.#load(isNew);
    await this.#checkTables(loaded);
    const logs = await this.#openLogs(loaded);
    for (const [at, log] of logs.entries()) await this.#replay(log, at === logs.length - 1, logs[at - 1], loaded);
    const lastSequence = this.#lastSequence(loaded);
    const state = { ...loaded, lastSequence, nextFileNumber: this.#nextFileNumber(loaded) };
    const manifest = this.#manifest = new Manifest(this.#location, loaded.generation);
    await this.#storeManifest(manifest, loaded, state);
    if (isNew) await this.#openPoint();
    const cache = new BlockCache(this.#settings.blockCacheBytes);
    const files = new TableFiles(disk);
    const versions = new VersionSet(
      {
        disk,
        source: { directory, identity, files, cache, counts: noTableCounts() },
        manifest,
        orFail: this.#gate.orFail,
      },
      state,
    );
    const orphans = await removeOrphans(this.#location, this.#names, state);
    const newest = this.#newestLog(logs.at(-1), versions, state);
    const beginning = await this.#begin(manifest, logs.at(-1)?.number ?? 0, newest);
    const log = this.#log!;
    const memtable = this.#memtables.pop()!;
    for (const older of this.#memtables) older.freeze();
    const parts = {
      lock,
      pointFile: this.#pointFile!,
      manifest,
      versions,
      files,
      cache,
      log,
      beginning,
      memtable,
      lastSequence,
    };
    return {
      recovered: { ...parts, snapshots: this.#snapshots, immutables: this.#memtables, gate: this.#gate },
      report: {
        tables: loaded.tables.length,
        records: this.#records,
        cutBytes: this.#cutBytes,
        rewrittenBytes: this.#rewrittenBytes,
        orphans,
      },
    };
  }

  /** Closes what is open, after a failure. */
  async close(): Promise<void> {
    for (const file of this.#openFiles) await file.close();
    await this.#log?.close();
    await this.#manifest?.close();
    await this.#pointFile?.close();
  }

  async #openPoint(): Promise<void> {
    const { disk, directory, identity } = this.#location;
    this.#pointFile = await StorePointFile.open(disk, directory, identity);
    this.#point = this.#pointFile.found;
    // It may have been made just now, and what is told to it must not go with its name.
    if (this.#point === null) await disk.syncDirectory(directory);
  }

  async #list(): Promise<void> {
    this.#names = await this.#location.disk.list(this.#location.directory);
    for (const name of this.#names) {
      const file = parseNumberedFile(name);
      if (file !== null) this.#numbered.set(name, file);
    }
  }

  async #load(isNew: boolean): Promise<LoadedManifest> {
    const empty = {
      flushedSequence: 0,
      lastSequence: 0,
      logNumber: 1,
      nextFileNumber: 1,
      tables: [],
      generation: 0,
      sizeBytes: 0,
      syncedBytes: 0,
    };
    if (isNew) return empty;
    const point = this.#point;
    const trusted = point === null
      ? null
      : { generation: point.manifestGeneration, bytes: point.manifestBytes, isEnd: point.clean };
    return await loadManifest(this.#location, trusted) ?? empty;
  }

  async #checkTables(loaded: LoadedManifest): Promise<void> {
    const { disk, directory } = this.#location;
    for (const { meta } of loaded.tables) {
      const path = `${directory}/${tableFileName(meta.writtenLevel, meta.number)}`;
      const status = await disk.status(path);
      if (status === null) throw corruption(path, 0, "the file is missing, and the manifest names it");
      if (status.sizeBytes !== meta.sizeBytes) {
        throw corruption(path, 0, `the file has ${status.sizeBytes} bytes, the manifest says ${meta.sizeBytes}`);
      }
    }
    const fault = levelsFaultOf(inLevels(loaded.tables.map(({ level, meta }) => ({ level, table: { meta } }))));
    if (fault !== null) throw corruption(`${directory}/${MANIFEST_FILE}`, 0, fault);
  }

  // -- Logs ---------------------------------------------------------------------------------------------------------

  /** The logs from the manifest's on, in order, open. */
  async #openLogs(loaded: LoadedManifest): Promise<LiveLog[]> {
    const { disk, directory } = this.#location;
    const numbers = [...this.#numbered.values()].filter(({ kind, number }) =>
      kind === "log" && number >= loaded.logNumber
    )
      .map(({ number }) => number).sort((left, right) => left - right);
    const point = this.#point;
    if (point !== null && point.logNumber >= loaded.logNumber && !numbers.includes(point.logNumber)) {
      throw corruption(`${directory}/${logFileName(point.logNumber)}`, 0, "the log of the recovery point is missing");
    }
    const logs: LiveLog[] = [];
    for (const number of numbers) {
      const path = `${directory}/${logFileName(number)}`;
      const file = await disk.open(path, "write");
      this.#openFiles.add(file);
      const header = await readLogHeader(file, fileSeed(this.#location.identity, "log", number), number);
      if (typeof header !== "string") {
        logs.push({ number, path, file, header });
        continue;
      }
      // A crash while the newest log was made leaves it half; nothing was ever written behind its header.
      const isHalfMade = number === numbers.at(-1) && point !== null && point.logNumber < number && !point.clean;
      if (!isHalfMade) throw corruption(path, 0, header);
      this.#openFiles.delete(file);
      await file.close();
      await disk.remove(path);
      // Before another log is made: this one must not come back between two others.
      await disk.syncDirectory(directory);
      this.#mustBeWhole = true;
    }
    if (point !== null && point.clean && (numbers.at(-1) ?? 0) > point.logNumber) {
      throw corruption(logs.at(-1)!.path, 0, `a log is newer than the clean stop noted, ${point.logNumber}`);
    }
    return logs;
  }

  /** Reads a log into a memtable of its own. */
  async #replay(log: LiveLog, isNewest: boolean, before: LiveLog | undefined, loaded: LoadedManifest): Promise<void> {
    const { path, file, header, number } = log;
    const expected = before === undefined ? loaded.flushedSequence : this.#memtables.at(-1)!.lastSequence;
    if (header.previousSequence !== expected) {
      // A log that is cut between two records, or is gone, shows only here: its name is told too.
      const name = before === undefined ? "the tables" : before.path.slice(before.path.lastIndexOf("/") + 1);
      const detail =
        `the log goes on from sequence ${header.previousSequence}, and ${name} before it ends with ${expected}`;
      throw corruption(path, 0, detail);
    }
    const memtable = new Memtable(header, header.previousSequence, this.#settings.memtableBytes, this.#snapshots);
    const seed = fileSeed(this.#location.identity, "log", number);
    const end = await scanLog(file, seed, header.previousSequence, (record, bytes, from, to) => {
      let sequence = record.firstSequence;
      this.#records += 1;
      forEachOperation(bytes, from, to, (keyAt, keyBytes, valueBytes) => {
        memtable.write(bytes, keyAt, keyBytes, valueBytes, record.timestamp, sequence);
        sequence += 1;
      });
    });
    this.#memtables.push(memtable);
    if (isNewest) await this.#cutNewest(log, end);
    else {
      if (end.fault !== null) throw corruption(path, end.position, end.fault);
      this.#openFiles.delete(file);
      await file.close();
    }
  }

  async #cutNewest({ path, file, number }: LiveLog, end: LogEnd): Promise<void> {
    const point = this.#point;
    const isKnown = point !== null && point.logNumber === number;
    const trustedBytes = isKnown ? point.logBytes : LOG_HEADER_BYTES;
    const isWhole = this.#mustBeWhole || (point !== null && point.clean);
    if (end.position < trustedBytes || (isWhole && end.fault !== null)) {
      throw corruption(path, end.position, end.fault ?? `the log ends below its recovery point ${trustedBytes}`);
    }
    if (point !== null && point.clean && end.position !== trustedBytes) {
      throw corruption(path, trustedBytes, "there are records behind the end that the clean stop noted");
    }
    this.#newestBytes = end.position;
    if (point !== null && point.clean) return;
    if (end.fault !== null) {
      this.#cutBytes = await file.sizeBytes() - end.position;
      await file.truncate(end.position);
    }
    // What the page cache shows after a kill or a failed sync need not be on the disk.
    await rewriteRange(file, trustedBytes, end.position);
    await file.sync();
    this.#rewrittenBytes = end.position - trustedBytes;
  }

  /** The log that takes the next writes, in `#log`, and its memtable. Where there is none, what makes one is returned. */
  #newestLog(
    newest: LiveLog | undefined,
    versions: VersionSet,
    state: { readonly flushedSequence: number; readonly lastSequence: number },
  ): (() => Promise<LogWriter>) | null {
    const { identity, directory } = this.#location;
    if (newest !== undefined) {
      const { number, path, file } = newest;
      if (this.#memtables.at(-1)!.isEmpty) {
        this.#memtables[this.#memtables.length - 1] = this.#emptyMemtable(newest.header, state.lastSequence);
      }
      const seed = fileSeed(identity, "log", number);
      this.#log = new LogWriter({ number, path, file, seed, sizeBytes: this.#newestBytes });
      return null;
    }
    const number = versions.takeFileNumber();
    const header = { number, previousSequence: state.flushedSequence };
    this.#memtables.push(this.#emptyMemtable(header, state.lastSequence));
    const path = `${directory}/${logFileName(number)}`;
    this.#log = unmadeLog({ number, path });
    return () => createLog({ ...this.#location, path }, header, this.#gate.orFail);
  }

  /** Takes the clean mark back, then makes the log. A full disk is read as it is, and this is done when there is room. */
  async #begin(
    manifest: Manifest,
    logNumber: number,
    makeLog: (() => Promise<LogWriter>) | null,
  ): Promise<WritesBeginning> {
    const logBytes = this.#newestBytes;
    const point = (): StorePoint => ({
      logNumber,
      logBytes,
      manifestGeneration: manifest.generation,
      manifestBytes: manifest.sizeBytes,
      clean: false,
    });
    const beginning = new WritesBeginning({ pointFile: this.#pointFile!, point, makeLog });
    beginning.onLog = (log) => void (this.#log = log);
    try {
      await beginning.run();
    } catch (thrown) {
      if (!isFull(thrown) || this.#gate.failure !== null) throw thrown;
    }
    return beginning;
  }

  #emptyMemtable(header: LogHeader, lastSequence: number): Memtable {
    return new Memtable(header, lastSequence, this.#settings.memtableBytes, this.#snapshots);
  }

  // -- Numbers and files --------------------------------------------------------------------------------------------

  #lastSequence(loaded: LoadedManifest): number {
    let last = Math.max(loaded.lastSequence, loaded.flushedSequence);
    for (const { lastSequence } of this.#memtables) last = Math.max(last, lastSequence);
    const isFresh = loaded.generation === 0 || this.#point?.clean === true;
    return isFresh ? last : last + UNCLEAN_GAP;
  }

  #nextFileNumber(loaded: LoadedManifest): number {
    let next = loaded.nextFileNumber;
    for (const name of this.#names) {
      const whole = name.endsWith(TEMPORARY_SUFFIX) ? name.slice(0, -TEMPORARY_SUFFIX.length) : name;
      const file = parseNumberedFile(whole);
      if (file !== null) next = Math.max(next, file.number + 1);
    }
    return next;
  }

  /** Anew; where there is no room for that, the old one again, so that a full disk can be read. */
  async #storeManifest(manifest: Manifest, loaded: LoadedManifest, state: ManifestState): Promise<void> {
    try {
      await manifest.rewrite(state, this.#gate.orFail);
    } catch (thrown) {
      if (!isFull(thrown) || loaded.generation === 0) throw thrown;
      await manifest.resume(loaded, this.#gate.orFail);
    }
  }
}
