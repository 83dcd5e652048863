/**
 * The live tables at one moment, and those who read them. A reader pins the version that it began with: its files stay
 * until it lets go, whatever compaction does meanwhile.
 */
import { assert } from "../../base/assert.ts";
import { compareBytes } from "../../bytes/compare_bytes.ts";
import type { PlacedTable } from "./manifest_edit.ts";
import { LEVELS_MAX } from "./manifest_edit.ts";
import type { TableReader } from "./table_reader.ts";

export class Version {
  /** Level 0 newest first, whose tables may overlap; the others by key, without overlap. */
  readonly levels: readonly (readonly TableReader[])[];
  /** Who reads it. */
  pins = 0;

  constructor(levels: readonly (readonly TableReader[])[]) {
    this.levels = levels;
    this.assertInvariants();
  }

  get tableCount(): number {
    return this.levels.reduce((sum, tables) => sum + tables.length, 0);
  }

  placedTables(): PlacedTable[] {
    return this.levels.flatMap((tables, level) => tables.map(({ meta }) => ({ level, meta })));
  }

  holds(table: TableReader): boolean {
    return this.levels.some((tables) => tables.includes(table));
  }

  /** I39, I40. */
  assertInvariants(): void {
    const fault = levelsFaultOf(this.levels);
    assert(fault === null, fault ?? "");
  }
}

/** What is wrong with the order of tables, or null. */
export function levelsFaultOf(levels: readonly (readonly Pick<TableReader, "meta">[])[]): string | null {
  for (const [level, tables] of levels.entries()) {
    for (let at = 1; at < tables.length; at++) {
      const before = tables[at - 1]!.meta;
      const { number, minKey } = tables[at]!.meta;
      const isInOrder = level === 0 ? before.number > number : compareBytes(before.maxKey, minKey) < 0;
      if (!isInOrder) return `the tables ${before.number} and ${number} of level ${level} are not in order`;
    }
  }
  return null;
}

/** Tables of each level in the order of a version. */
export function inLevels<Table extends Pick<TableReader, "meta">>(
  placed: readonly { readonly level: number; readonly table: Table }[],
): Table[][] {
  const levels: Table[][] = Array.from({ length: LEVELS_MAX }, () => []);
  for (const { level, table } of placed) levels[level]!.push(table);
  levels[0]!.sort((left, right) => right.meta.number - left.meta.number);
  for (const tables of levels.slice(1)) {
    tables.sort((left, right) => compareBytes(left.meta.minKey, right.meta.minKey));
  }
  return levels;
}
