/**
 * Scrubs an open tree: every byte of the live tables, and the manifest. A table never changes, and its version is pinned
 * while it is read, so that compaction takes nothing away under it. Blocks that are in the cache were right when they were
 * read; what is read from the disk again is checked again, so that damage is never served.
 */
import { isPlatformError, PlatformError, SentinelError } from "../../base/errors.ts";
import { damageOf } from "../log/corruption.ts";
import { type Damage, pacedFile, type Scrubbing, type ScrubPace, type ScrubUnit } from "../scrubbing.ts";
import { BlockCache } from "./block_cache.ts";
import { MANIFEST_FILE } from "./file_names.ts";
import { TableFiles } from "./table_files.ts";
import { noTableCounts, TableReader } from "./table_reader.ts";
import type { TreeState } from "./tree_state.ts";
import type { Version } from "./version.ts";

/** Holds no block: what is scrubbed comes from the disk. */
const NO_CACHE_BYTES = 0;

export class TreeScrubber implements Scrubbing {
  readonly #state: TreeState;
  /** By path. */
  readonly #damage = new Map<string, Damage>();

  constructor(state: TreeState) {
    this.#state = state;
  }

  get coldBytes(): number {
    return tablesOf(this.#state.versions.current).reduce((sum, { meta }) => sum + meta.sizeBytes, 0);
  }

  get damage(): readonly Damage[] {
    const live = new Set([this.#manifestPath, ...tablesOf(this.#state.versions.current).map(({ path }) => path)]);
    for (const path of [...this.#damage.keys()]) if (!live.has(path)) this.#damage.delete(path);
    return [...this.#damage.values()];
  }

  units(): ScrubUnit[] {
    const { versions, manifest } = this.#state;
    const units = tablesOf(versions.current).map((table): ScrubUnit => ({
      path: table.path,
      sizeBytes: table.meta.sizeBytes,
      scrub: (pace) => this.#noted(table.path, this.#scrubTable(table, pace)),
    }));
    units.push({
      path: this.#manifestPath,
      sizeBytes: manifest.sizeBytes,
      scrub: (pace) => this.#noted(this.#manifestPath, this.#scrubManifest(pace)),
    });
    return units.sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
  }

  get #manifestPath(): string {
    return `${this.#state.location.directory}/${MANIFEST_FILE}`;
  }

  async #noted(path: string, scrubbing: Promise<Damage | null | undefined>): Promise<readonly Damage[] | null> {
    const found = await scrubbing;
    if (found === undefined) return null;
    if (found === null) this.#damage.delete(path);
    else this.#damage.set(path, found);
    return found === null ? [] : [found];
  }

  /** What is wrong; null: nothing; undefined: it is no longer a table of the tree. */
  async #scrubTable(table: TableReader, pace: ScrubPace): Promise<Damage | null | undefined> {
    const { versions, location } = this.#state;
    const version = versions.pin();
    const files = new TableFiles(location.disk, 1);
    const paced = {
      readAt: (path: string, position: number, into: Uint8Array) =>
        pacedFile({ readAt: (at, piece) => files.readAt(path, at, piece) }, pace).readAt(position, into),
      close: (path: string) => files.close(path),
    };
    try {
      if (!version.holds(table)) return undefined;
      const source = {
        ...versions.source,
        files: paced,
        cache: new BlockCache(NO_CACHE_BYTES),
        counts: noTableCounts(),
      };
      return await this.#found(table.path, () => new TableReader(source, table.meta).verify());
    } finally {
      await files.closeAll();
      versions.unpin(version);
    }
  }

  async #scrubManifest(pace: ScrubPace): Promise<Damage | null | undefined> {
    return await this.#found(this.#manifestPath, () => this.#state.manifest.verify(pace));
  }

  async #found(path: string, verify: () => Promise<void>): Promise<Damage | null | undefined> {
    try {
      await verify();
      return null;
    } catch (thrown) {
      if (this.#state.isClosing) return undefined;
      if (thrown instanceof SentinelError && thrown.code === "storage_error") return damageOf(thrown, path);
      if (!(thrown instanceof PlatformError)) throw thrown;
      const isLost = isPlatformError(thrown, "io") || isPlatformError(thrown, "not_found");
      if (!isLost) return undefined;
      return { path, position: 0, detail: `it cannot be read: ${thrown.message}`, isMended: false };
    }
  }
}

function tablesOf(version: Version): TableReader[] {
  return version.levels.flat();
}
