/** Which tables are to be merged next (facts S15; LevelDB's rule of scores). */
import { LIMITS } from "../../base/limits.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import { isInRange } from "./table_meta.ts";
import type { TableReader } from "./table_reader.ts";
import type { TreeSettings } from "./tree_settings.ts";
import type { Version } from "./version.ts";

export interface Compaction {
  readonly level: number;
  readonly inputs: readonly TableReader[];
  /** Tables of the next level that overlap them. */
  readonly overlapping: readonly TableReader[];
  /** Levels below the next one: what may hold older entries of a key. */
  readonly older: readonly (readonly TableReader[])[];
}

/** Where each level's last compaction ended: the next one begins behind it, so that all keys have their turn. */
export type CompactionPointers = Map<number, Uint8Array>;

/** The level that is most above its size, or null when all are within. */
export function pickCompaction(
  version: Version,
  settings: TreeSettings,
  pointers: CompactionPointers,
): Compaction | null {
  let best = -1;
  let bestScore = 1;
  for (const [level, tables] of version.levels.entries()) {
    // A setting may have become smaller: what lies below the last level moves nowhere.
    if (level + 1 >= settings.levelsMax) break;
    const score = level === 0
      ? tables.length / settings.level0Trigger
      : bytesOf(tables) / (settings.levelBytesBase * settings.levelMultiplier ** (level - 1));
    if (tables.length > 0 && score >= bestScore && (best < 0 || score > bestScore)) {
      best = level;
      bestScore = score;
    }
  }
  return best < 0 ? null : compactionOf(version, best, inputsOf(version, best, pointers));
}

/**
 * Bytes that compaction reads until it has emptied level 0, going by the sizes of levels as `pickCompaction` does: deeper
 * levels that are more above their size come first.
 */
export function bytesBeforeLevel0({ levels }: Pick<Version, "levels">, settings: TreeSettings): number {
  const { level0Trigger, levelBytesBase, levelMultiplier, levelsMax, tableBytes } = settings;
  const bytes = levels.map(bytesOf);
  const level0Score = levels[0]!.length / level0Trigger;
  let work = 0;
  for (let step = 0; step < LIMITS.lsmPaceStepsMax; step++) {
    let best = 0;
    let bestScore = level0Score;
    for (let level = 1; level + 1 < levelsMax; level++) {
      const score = bytes[level]! / (levelBytesBase * levelMultiplier ** (level - 1));
      if (score <= bestScore) continue;
      best = level;
      bestScore = score;
    }
    if (best === 0) break;
    const moved = Math.min(tableBytes, bytes[best]!);
    const overlap = moved * bytes[best + 1]! / Math.max(1, bytes[best]!);
    work += moved + overlap;
    bytes[best]! -= moved;
    bytes[best + 1]! += moved;
  }
  return work + bytes[0]! + bytes[1]!;
}

/** The merge of tables of a level into the next one. */
export function compactionOf(version: Version, level: number, inputs: readonly TableReader[]): Compaction {
  const overlapping: TableReader[] = [];
  const [min, max] = boundsOf(inputs);
  for (const table of version.levels[level + 1]!) {
    if (isInRange(table.meta, min, null) && compareBytes(table.meta.minKey, max) <= 0) overlapping.push(table);
  }
  return { level, inputs, overlapping, older: version.levels.slice(level + 2) };
}

/** Level 0 goes as a whole: its tables overlap, and an older entry must not stay above a newer one. */
function inputsOf(version: Version, level: number, pointers: CompactionPointers): readonly TableReader[] {
  const tables = version.levels[level]!;
  if (level === 0) return tables;
  const pointer = pointers.get(level);
  const next = pointer === undefined ? undefined : tables.find(({ meta }) => compareBytes(meta.minKey, pointer) > 0);
  return [next ?? tables[0]!];
}

export function boundsOf(tables: readonly TableReader[]): readonly [min: Uint8Array, max: Uint8Array] {
  let min = tables[0]!.meta.minKey;
  let max = tables[0]!.meta.maxKey;
  for (const { meta } of tables) {
    if (compareBytes(meta.minKey, min) < 0) min = meta.minKey;
    if (compareBytes(meta.maxKey, max) > 0) max = meta.maxKey;
  }
  return [min, max];
}

export function bytesOf(tables: readonly TableReader[]): number {
  return tables.reduce((sum, { meta }) => sum + meta.sizeBytes, 0);
}
