/** `lsm-get`, `lsm-scan`: reads of pairs that are in tables. */
import { fillTree, openTree, removeTree } from "../bench_tree.ts";
import { fillLevel, LEVEL_BATCH, type LevelDatabase, openLevel, removeLevel } from "../level_database.ts";
import { PairFormat, shuffledNumbers } from "../pairs.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";
import type { LsmStore } from "../../src/storage/lsm/lsm_store.ts";

const PAIRS = 200_000;
const SMOKE_PAIRS = 2_000;
/** The same for both, and room for all pairs: what is measured is the lookup, not the disk. */
const CACHE_BYTES = 64 * 1_024 * 1_024;

/** Measures both over the same pairs; nanoseconds an operation. */
async function compareReads(
  context: BenchContext,
  level: (database: LevelDatabase, count: number) => Promise<number>,
  tree: (store: LsmStore, count: number) => Promise<number>,
): Promise<Awaited<ReturnType<typeof compareInRounds>>> {
  const count = context.isSmoke ? SMOKE_PAIRS : PAIRS;
  const treePath = `${context.directory}/tree`;
  const levelPath = `${context.directory}/level`;
  const store = await openTree(context, treePath, { blockCacheBytes: CACHE_BYTES });
  await fillTree(store, count, (at) => at);
  await store.flush();
  await store.compact();
  const database = await openLevel(levelPath);
  await fillLevel(database, count, (at) => at);
  await database.compactRange(new Uint8Array([0]), new Uint8Array([255]));
  const { clock } = context.platform;
  const timed = async (work: () => Promise<number>): Promise<number> => {
    const startMs = clock.monotonicMs();
    const found = await work();
    if (found !== count) throw new Error(`${found} of ${count} pairs were found`);
    return (clock.monotonicMs() - startMs) * 1e6 / count;
  };
  const comparison = await compareInRounds(
    context.isSmoke ? 1 : 7,
    () => timed(() => level(database, count)),
    () => timed(() => tree(store, count)),
  );
  await removeTree(store, treePath);
  await removeLevel(database, levelPath);
  return comparison;
}

export const lsmGet: Workload = {
  name: "lsm-get",
  summary: "lookups in an order that jumps, of 200,000 pairs in tables; beside classic-level's getSync",
  async run(context) {
    const numbers = shuffledNumbers(context.isSmoke ? SMOKE_PAIRS : PAIRS);
    const pairs = new PairFormat();
    const comparison = await compareReads(context, async (database) => {
      let found = 0;
      for (const number of numbers) if (database.getSync(pairs.formatKey(number)) !== undefined) found += 1;
      return found;
    }, async (store) => {
      let found = 0;
      for (const number of numbers) {
        const answer = store.get(pairs.formatKey(number));
        if ((answer instanceof Promise ? await answer : answer) !== null) found += 1;
      }
      return found;
    });
    const named = { workload: "lsm-get", figure: "get_ns", unit: "ns", beside: "classic-level" };
    return [besideFigure({ ...named, target: { of: "ratio", atMost: 3 } }, comparison)];
  },
};

export const lsmScan: Workload = {
  name: "lsm-scan",
  summary: "one scan over 200,000 pairs in tables; beside classic-level's nextv of 1,000",
  async run(context) {
    const comparison = await compareReads(context, async (database) => {
      let found = 0;
      const iterator = database.iterator();
      for (let some = await iterator.nextv(LEVEL_BATCH); some.length > 0; some = await iterator.nextv(LEVEL_BATCH)) {
        found += some.length;
      }
      await iterator.close();
      return found;
    }, async (store) => {
      let found = 0;
      const scan = store.scan();
      while (true) {
        const answer = scan.next();
        if ((answer instanceof Promise ? await answer : answer) === null) break;
        found += 1;
      }
      scan.close();
      return found;
    });
    const named = { workload: "lsm-scan", figure: "pair_ns", unit: "ns", beside: "classic-level" };
    return [besideFigure({ ...named, target: { of: "ratio", atMost: 3 } }, comparison)];
  },
};
