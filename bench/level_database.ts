/** classic-level (LevelDB in C++, through Node-API): what the tree's workloads stand beside. */
import { rm } from "node:fs/promises";
import { ClassicLevel } from "classic-level";
import { PairFormat } from "./pairs.ts";

export type LevelDatabase = ClassicLevel<Uint8Array, Uint8Array>;
/** Its writes one by one are a call into C++ each: in batches it is at its best. */
export const LEVEL_BATCH = 1_000;

export async function openLevel(
  path: string,
  options: { readonly writeBufferSize?: number } = {},
): Promise<LevelDatabase> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
    ...options,
  });
  await database.open();
  return database;
}

export async function removeLevel(database: LevelDatabase, path: string): Promise<void> {
  await database.close();
  await rm(path, { recursive: true });
}

/** Puts the seed's pairs of these numbers, in batches. */
export async function fillLevel(
  database: LevelDatabase,
  count: number,
  numberAt: (at: number) => number,
): Promise<void> {
  const pairs = new PairFormat();
  for (let at = 0; at < count; at += LEVEL_BATCH) {
    const end = Math.min(count, at + LEVEL_BATCH);
    const operations = [];
    for (let index = at; index < end; index++) {
      const number = numberAt(index);
      operations.push({
        type: "put" as const,
        key: pairs.formatKey(number).slice(),
        value: pairs.formatValue(number).slice(),
      });
    }
    await database.batch(operations);
  }
}
