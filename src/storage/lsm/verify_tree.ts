/**
 * `sentinel log verify` of a tree that no broker has open: manifest, tables and logs, every byte of them, by the rules of
 * a start (`recover_tree.ts`). It changes nothing, and goes on behind what is damaged.
 */
import { SentinelError } from "../../base/errors.ts";
import type { Disk } from "../../platform/disk.ts";
import { damageOf } from "../log/corruption.ts";
import { decodeSlot, RECOVERY_POINT_FILE } from "../log/recovery_point.ts";
import { readSmallFile } from "../small_file.ts";
import type { VerifyOptions } from "../verify_finding.ts";
import { BlockCache } from "./block_cache.ts";
import { logFileName, MANIFEST_FILE, parseNumberedFile, tableFileName } from "./file_names.ts";
import { fileSeed } from "./file_seed.ts";
import { LOG_HEADER_BYTES } from "./log_record.ts";
import { readLogHeader, scanLog } from "./log_reader.ts";
import { type LoadedManifest, loadManifest } from "./manifest.ts";
import { type StorePoint, storePointOf } from "./store_point.ts";
import { TableFiles } from "./table_files.ts";
import type { TableMeta } from "./table_meta.ts";
import { noTableCounts, TableReader } from "./table_reader.ts";
import { inLevels, levelsFaultOf } from "./version.ts";

export interface TreeSummary {
  tables: number;
  logs: number;
  bytes: number;
  damaged: number;
}

export interface VerifiedTree {
  readonly disk: Disk;
  readonly directory: string;
  readonly identity: Uint8Array;
}

/** Fails as the disk does. */
export async function verifyTree(tree: VerifiedTree, options: VerifyOptions): Promise<TreeSummary> {
  return await new TreeVerifier(tree, options).run();
}

class TreeVerifier {
  readonly #tree: VerifiedTree;
  readonly #options: VerifyOptions;
  readonly #summary: TreeSummary = { tables: 0, logs: 0, bytes: 0, damaged: 0 };
  #point: StorePoint | null = null;

  constructor(tree: VerifiedTree, options: VerifyOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  async run(): Promise<TreeSummary> {
    await this.#readPoint();
    const manifest = await this.#readManifest();
    if (manifest === null) return this.#summary;
    for (const { meta } of manifest.tables) await this.#verifyTable(meta);
    await this.#verifyLogs(manifest);
    return this.#summary;
  }

  async #readPoint(): Promise<void> {
    const { disk, directory, identity } = this.#tree;
    const path = `${directory}/${RECOVERY_POINT_FILE}`;
    const bytes = await readSmallFile(disk, path, 1024 * 1024) ?? new Uint8Array(0);
    let newest = -1;
    for (const slot of [0, 1]) {
      const decoded = decodeSlot(bytes.subarray(slot * 4_096, slot * 4_096 + 64), slot, identity);
      if (decoded === null) this.#note(path, slot * 4_096, `slot ${slot} is not readable`);
      else if (decoded.sequence > newest) {
        newest = decoded.sequence;
        this.#point = storePointOf(decoded.point);
      }
    }
  }

  async #readManifest(): Promise<LoadedManifest | null> {
    const path = `${this.#tree.directory}/${MANIFEST_FILE}`;
    const point = this.#point;
    const trusted = point === null
      ? null
      : { generation: point.manifestGeneration, bytes: point.manifestBytes, isEnd: point.clean };
    try {
      const loaded = await loadManifest(this.#tree, trusted);
      if (loaded === null) {
        // A crash in the first start leaves a directory with nothing in it.
        const names = await this.#tree.disk.list(this.#tree.directory);
        if (names.some((name) => parseNumberedFile(name) !== null)) this.#damage(path, 0, "the manifest is missing");
        return null;
      }
      const placed = loaded.tables.map(({ level, meta }) => ({ level, table: { meta } }));
      const fault = levelsFaultOf(inLevels(placed));
      if (fault !== null) this.#damage(path, 0, fault);
      this.#read(loaded.sizeBytes);
      return loaded;
    } catch (thrown) {
      this.#damageOf(thrown, path);
      return null;
    }
  }

  async #verifyTable(meta: TableMeta): Promise<void> {
    const { disk, directory, identity } = this.#tree;
    const path = `${directory}/${tableFileName(meta.writtenLevel, meta.number)}`;
    this.#summary.tables += 1;
    const status = await disk.status(path);
    if (status === null) return this.#damage(path, 0, "the file is missing, and the manifest names it");
    if (status.sizeBytes !== meta.sizeBytes) {
      return this.#damage(path, 0, `the file has ${status.sizeBytes} bytes, the manifest says ${meta.sizeBytes}`);
    }
    const files = new TableFiles(disk, 1);
    try {
      const source = { directory, identity, files, cache: new BlockCache(0), counts: noTableCounts() };
      await new TableReader(source, meta).verify();
      this.#read(meta.sizeBytes);
    } catch (thrown) {
      this.#damageOf(thrown, path);
    } finally {
      await files.closeAll();
    }
  }

  async #verifyLogs({ logNumber, flushedSequence }: LoadedManifest): Promise<void> {
    const { disk, directory } = this.#tree;
    const point = this.#point;
    const numbers = (await disk.list(directory)).map(parseNumberedFile)
      .flatMap((file) => (file?.kind === "log" && file.number >= logNumber ? [file.number] : []))
      .sort((left, right) => left - right);
    if (point !== null && point.logNumber >= logNumber && !numbers.includes(point.logNumber)) {
      this.#damage(`${directory}/${logFileName(point.logNumber)}`, 0, "the log of the recovery point is missing");
    }
    let expected: number | null = flushedSequence;
    for (const number of numbers) {
      expected = await this.#verifyLog(number, number === numbers.at(-1), expected);
    }
  }

  /** Returns the last sequence of the log, or null where that cannot be said. `expected`: the last one before it. */
  async #verifyLog(number: number, isNewest: boolean, expected: number | null): Promise<number | null> {
    const { disk, directory, identity } = this.#tree;
    const path = `${directory}/${logFileName(number)}`;
    const seed = fileSeed(identity, "log", number);
    const point = this.#point;
    this.#summary.logs += 1;
    const file = await disk.open(path, "read");
    try {
      const header = await readLogHeader(file, seed, number);
      if (typeof header === "string") {
        const isHalfMade = isNewest && point !== null && point.logNumber < number && !point.clean;
        if (isHalfMade) this.#note(path, 0, "a crash left it half made; the next start removes it");
        else this.#damage(path, 0, header);
        return null;
      }
      if (expected !== null && header.previousSequence !== expected) {
        const detail = `the log goes on from sequence ${header.previousSequence}, and what is before it ends with`;
        this.#damage(path, 0, `${detail} ${expected}`);
      }
      const end = await scanLog(file, seed, header.previousSequence, () => {});
      this.#read(end.position);
      const knownBytes = point !== null && point.logNumber === number ? point.logBytes : LOG_HEADER_BYTES;
      const isCut = end.position < knownBytes;
      if (end.fault === null && !isCut) return end.lastSequence;
      const detail = end.fault ?? `the log ends below its recovery point ${knownBytes}`;
      if (isNewest && !isCut && point?.clean !== true) {
        this.#note(path, end.position, `${detail}; what is behind was never promised, the next start cuts it`);
        return end.lastSequence;
      }
      this.#damage(path, end.position, detail);
      return null;
    } finally {
      await file.close();
    }
  }

  #read(bytes: number): void {
    this.#summary.bytes += bytes;
    this.#options.onProgress?.(this.#summary.bytes);
  }

  #damageOf(thrown: unknown, path: string): void {
    if (!(thrown instanceof SentinelError) || thrown.code !== "storage_error") throw thrown;
    const { path: file, position, detail } = damageOf(thrown, path);
    this.#damage(file, position, detail);
  }

  #damage(path: string, position: number, detail: string): void {
    this.#summary.damaged += 1;
    this.#options.onFinding({ severity: "damage", path, position, detail });
  }

  #note(path: string, position: number, detail: string): void {
    this.#options.onFinding({ severity: "note", path, position, detail });
  }
}
