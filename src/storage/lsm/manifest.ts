/**
 * Which tables are live, on which level, and from which log on a start must read: edits in an append-only file, folded
 * when it is loaded. A start writes the file anew, beside the old one and renamed over it: what a kill has left in the
 * page cache alone counts only after that.
 */
import { LIMITS } from "../../base/limits.ts";
import type { Disk, DiskFile } from "../../platform/disk.ts";
import { corruption } from "../log/corruption.ts";
import { pacedFile, type ScrubPace } from "../scrubbing.ts";
import { readSmallFile } from "../small_file.ts";
import { MANIFEST_FILE, TEMPORARY_SUFFIX } from "./file_names.ts";
import { fileSeed } from "./file_seed.ts";
import { rewriteRange } from "./rewrite_range.ts";
import {
  decodeManifestEdit,
  decodeManifestHeader,
  encodeManifestEdit,
  encodeManifestHeader,
  hasEditBehind,
  MANIFEST_HEADER_BYTES,
  type ManifestEdit,
  type PlacedTable,
} from "./manifest_edit.ts";

/** What all edits together say. */
export interface ManifestState {
  readonly flushedSequence: number;
  readonly lastSequence: number;
  readonly logNumber: number;
  readonly nextFileNumber: number;
  readonly tables: readonly PlacedTable[];
}

export interface LoadedManifest extends ManifestState {
  readonly generation: number;
  /** Up to the last good edit. */
  readonly sizeBytes: number;
  /** Of those, what is known to be synced. */
  readonly syncedBytes: number;
}

interface ManifestPlace {
  readonly disk: Disk;
  readonly directory: string;
  readonly identity: Uint8Array;
}

/**
 * Reads the manifest; null when there is none. `trusted`: bytes of a generation that are known to be synced. A bad edit is
 * a torn end only when it is the last one and lies behind them; anything else is corruption.
 */
export async function loadManifest(
  place: ManifestPlace,
  trusted: { readonly generation: number; readonly bytes: number; readonly isEnd: boolean } | null,
): Promise<LoadedManifest | null> {
  const path = `${place.directory}/${MANIFEST_FILE}`;
  const status = await place.disk.status(path);
  if (status === null) return null;
  const bytes = await readSmallFile(place.disk, path, LIMITS.lsmManifestBytesMax);
  if (bytes === null) throw corruption(path, 0, `the manifest has ${status.sizeBytes} bytes`);
  const generation = decodeManifestHeader(bytes, fileSeed(place.identity, "manifest", 0));
  if (typeof generation === "string") throw corruption(path, 0, generation);
  const trustedBytes = trusted !== null && trusted.generation === generation ? trusted.bytes : 0;
  const seed = fileSeed(place.identity, "manifest", generation);
  let state: ManifestState | null = null;
  let at = MANIFEST_HEADER_BYTES;
  while (at < bytes.length) {
    const decoded = decodeManifestEdit(bytes, seed, at);
    if (typeof decoded === "string") {
      if (state === null || at < trustedBytes || hasEditBehind(bytes, seed, at)) throw corruption(path, at, decoded);
      break;
    }
    const next = applyEdit(state, decoded.edit);
    if (typeof next === "string") throw corruption(path, at, next);
    state = next;
    at = decoded.end;
  }
  if (state === null || at < trustedBytes) throw corruption(path, at, "the manifest ends too early");
  if (trustedBytes > 0 && trusted!.isEnd && at !== trustedBytes) {
    throw corruption(path, trustedBytes, "there are bytes behind the end that the clean stop noted");
  }
  return { ...state, generation, sizeBytes: at, syncedBytes: trustedBytes };
}

/** The state after an edit, or what is wrong with that. */
function applyEdit(state: ManifestState | null, edit: ManifestEdit): ManifestState | string {
  const { flushedSequence, lastSequence, logNumber, nextFileNumber } = edit;
  const numbers = [flushedSequence, lastSequence, logNumber, nextFileNumber];
  if (!numbers.every((number) => Number.isSafeInteger(number))) return "an edit has a number that is too large";
  if (
    state !== null && (flushedSequence < state.flushedSequence || lastSequence < state.lastSequence ||
      logNumber < state.logNumber || nextFileNumber < state.nextFileNumber)
  ) return "an edit goes back";
  const tables = new Map((state?.tables ?? []).map((table) => [table.meta.number, table]));
  for (const number of edit.removed) {
    if (!tables.delete(number)) return `an edit removes the table ${number}, which is not there`;
  }
  for (const table of edit.added) {
    const { number, sizeBytes } = table.meta;
    if (tables.has(number)) return `an edit adds the table ${number}, which is there`;
    if (number >= nextFileNumber || !Number.isSafeInteger(sizeBytes)) return `an edit adds the table ${number} wrongly`;
    tables.set(number, table);
  }
  return { flushedSequence, lastSequence, logNumber, nextFileNumber, tables: [...tables.values()] };
}

/** The open manifest. One call at a time. */
export class Manifest {
  readonly #place: ManifestPlace;
  #file: DiskFile | null = null;
  #seed = 0;
  generation: number;
  /** Bytes that are good and synced. */
  sizeBytes = 0;

  /** `generation`: the newest that may exist. */
  constructor(place: ManifestPlace, generation: number) {
    this.#place = place;
    this.generation = generation;
  }

  get #path(): string {
    return `${this.#place.directory}/${MANIFEST_FILE}`;
  }

  /** Writes the whole state as the next generation. Durable when it resolves; after a failure the old one counts. */
  async rewrite(state: ManifestState, orFail: (sync: () => Promise<void>) => Promise<void>): Promise<void> {
    const { disk, directory, identity } = this.#place;
    const generation = this.generation + 1;
    const seed = fileSeed(identity, "manifest", generation);
    const header = encodeManifestHeader(generation, fileSeed(identity, "manifest", 0));
    const { tables, ...numbers } = state;
    const edit = encodeManifestEdit({ ...numbers, removed: [], added: tables }, seed, MANIFEST_HEADER_BYTES);
    const temporary = `${this.#path}${TEMPORARY_SUFFIX}`;
    const file = await disk.open(temporary, "write");
    try {
      await file.truncate(0);
      await file.writeAt(0, [header, edit]);
      await orFail(() => file.sync());
      await disk.rename(temporary, this.#path);
      await orFail(() => disk.syncDirectory(directory));
    } catch (thrown) {
      await file.close();
      // On a full disk its room is needed; what cannot be removed the next start does.
      await disk.remove(temporary).catch(() => {});
      throw thrown;
    }
    await this.#file?.close();
    this.#file = file;
    this.#seed = seed;
    this.generation = generation;
    this.sizeBytes = header.length + edit.length;
  }

  /** Goes on with the file as it was loaded: for a disk that has no room for another one. Durable when it resolves. */
  async resume(loaded: LoadedManifest, orFail: (sync: () => Promise<void>) => Promise<void>): Promise<void> {
    const { disk, directory, identity } = this.#place;
    const file = this.#file = await disk.open(this.#path, "write");
    if (await file.sizeBytes() > loaded.sizeBytes) await file.truncate(loaded.sizeBytes);
    await rewriteRange(file, loaded.syncedBytes, loaded.sizeBytes);
    await orFail(() => file.sync());
    await orFail(() => disk.syncDirectory(directory));
    this.#seed = fileSeed(identity, "manifest", loaded.generation);
    this.generation = loaded.generation;
    this.sizeBytes = loaded.sizeBytes;
  }

  /** Adds an edit. Durable when it resolves. A write that fails is cut back. */
  async append(edit: ManifestEdit, orFail: (sync: () => Promise<void>) => Promise<void>): Promise<void> {
    const file = this.#file!;
    const bytes = encodeManifestEdit(edit, this.#seed, this.sizeBytes);
    try {
      await file.writeAt(this.sizeBytes, [bytes]);
    } catch (thrown) {
      await orFail(async () => {
        await file.truncate(this.sizeBytes);
        await file.sync();
      });
      throw thrown;
    }
    await orFail(() => file.sync());
    this.sizeBytes += bytes.length;
  }

  /** Reads what is good and synced again. Fails where it is not what was written. */
  async verify(pace: ScrubPace): Promise<void> {
    const { disk, identity } = this.#place;
    const { sizeBytes, generation } = this;
    const seed = this.#seed;
    const bytes = new Uint8Array(sizeBytes);
    const file = await disk.open(this.#path, "read");
    let count: number;
    try {
      count = await pacedFile(file, pace).readAt(0, bytes);
    } finally {
      await file.close();
    }
    const found = decodeManifestHeader(bytes.subarray(0, count), fileSeed(identity, "manifest", 0));
    if (typeof found === "string") throw corruption(this.#path, 0, found);
    // The next one has the name already, though nobody was told yet.
    if (found > generation) return;
    if (found < generation) throw corruption(this.#path, 0, `it is generation ${found}, not ${generation}`);
    if (count < sizeBytes) throw corruption(this.#path, count, "the manifest ends too early");
    for (let at = MANIFEST_HEADER_BYTES; at < sizeBytes;) {
      const decoded = decodeManifestEdit(bytes, seed, at);
      if (typeof decoded === "string") throw corruption(this.#path, at, decoded);
      at = decoded.end;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
