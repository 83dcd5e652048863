/** `lsm-put-fsync`: puts that wait for the disk, one writer and many: one sync serves all who wait. */
import { openTree, removeTree } from "../bench_tree.ts";
import type { Figure } from "../figure.ts";
import { openLevel, removeLevel } from "../level_database.ts";
import { PairFormat } from "../pairs.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

const WRITERS = [1, 64] as const;

export const lsmPutFsync: Workload = {
  name: "lsm-put-fsync",
  summary: "puts in mode always, from 1 and from 64 writers; beside classic-level with sync",
  async run(context) {
    const figures: Figure[] = [];
    for (const writers of WRITERS) {
      const count = context.isSmoke ? 128 : writers * 64;
      const comparison = await compareInRounds(
        context.isSmoke ? 1 : 5,
        () => level(context, count, writers),
        () => tree(context, count, writers),
      );
      const named = { workload: "lsm-put-fsync", figure: `puts_${writers}_writers_per_s`, unit: "1/s" };
      figures.push(
        besideFigure({ ...named, beside: "classic-level", target: { of: "ratio", atLeast: 0.33 } }, comparison),
      );
    }
    return figures;
  },
};

async function tree(context: BenchContext, count: number, writers: number): Promise<number> {
  const path = `${context.directory}/tree`;
  const store = await openTree(context, path, { syncMode: "always" });
  const perSecond = await putAll(context, count, writers, async (key, value) => await store.put(key, value));
  await removeTree(store, path);
  return perSecond;
}

async function level(context: BenchContext, count: number, writers: number): Promise<number> {
  const path = `${context.directory}/level`;
  const database = await openLevel(path);
  const perSecond = await putAll(context, count, writers, (key, value) => database.put(key, value, { sync: true }));
  await removeLevel(database, path);
  return perSecond;
}

async function putAll(
  { platform }: BenchContext,
  count: number,
  writers: number,
  put: (key: Uint8Array, value: Uint8Array) => Promise<void>,
): Promise<number> {
  let next = 0;
  const run = async (): Promise<void> => {
    const pairs = new PairFormat();
    while (next < count) {
      const number = next++;
      await put(pairs.formatKey(number).slice(), pairs.formatValue(number).slice());
    }
  };
  const startMs = platform.clock.monotonicMs();
  await Promise.all(Array.from({ length: writers }, run));
  return count / (platform.clock.monotonicMs() - startMs) * 1_000;
}
