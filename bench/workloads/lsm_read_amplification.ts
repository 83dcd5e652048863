/**
 * `lsm-read-amplification`: what a lookup costs in a tree of many levels, after 10,000,000 puts in an order that jumps:
 * tables that are asked, blocks that are read, filters that send a reader to nothing.
 */
import { fillTree, openTree, removeTree } from "../bench_tree.ts";
import { PairFormat, shuffledNumbers } from "../pairs.ts";
import { type Figure } from "../figure.ts";
import { type BenchContext, loneFigure, type Workload } from "../workload.ts";
import type { LsmStore } from "../../src/storage/lsm/lsm_store.ts";

const PAIRS = 10_000_000;
const SMOKE_PAIRS = 10_000;
const GETS = 200_000;
/** A merge of levels takes some seconds, and shows when it is over. */
const QUIET_LOOK_MS = 500;
const QUIET_LOOKS = 20;
const MEBIBYTE = 1_024 * 1_024;

export const lsmReadAmplification: Workload = {
  name: "lsm-read-amplification",
  summary: "tables asked and blocks read by a lookup, present and absent, in tables of 10,000,000 puts",
  async run(context) {
    const { isSmoke } = context;
    const path = `${context.directory}/tree`;
    const memtableBytes = (isSmoke ? 1 / 16 : 8) * MEBIBYTE;
    // So small a cache that most lookups of a block are reads; filters and indexes have their place in it too.
    const store = await openTree(context, path, {
      memtableBytes,
      levelBytesBase: 4 * memtableBytes,
      blockCacheBytes: isSmoke ? MEBIBYTE : 64 * MEBIBYTE,
    });
    const numbers = shuffledNumbers(isSmoke ? SMOKE_PAIRS : PAIRS);
    // Twice the numbers, each other one: what is absent lies between what is there.
    await fillTree(store, numbers.length, (at) => 2 * numbers[at]!);
    await store.flush();
    if (!isSmoke) await quiet(store);
    const gets = Math.min(GETS, numbers.length);
    const present = await look(context, store, gets, (at) => 2 * numbers[at]!);
    const absent = await look(context, store, gets, (at) => 2 * numbers[at]! + 1);
    const levels = store.stats().levels.filter(({ tables }) => tables > 0).length;
    await removeTree(store, path);
    const of = (figure: string, unit: string, value: number): Figure =>
      loneFigure({ workload: "lsm-read-amplification", figure, unit }, value);
    return [
      of("levels", "", levels),
      ...[["present", present] as const, ["absent", absent] as const].flatMap(([name, cost]) => [
        of(`${name}_tables_asked`, "", cost.tablesAsked),
        of(`${name}_blocks_read`, "", cost.blocksRead),
        of(`${name}_get_us`, "us", cost.us),
      ]),
      loneFigure({
        workload: "lsm-read-amplification",
        figure: "filter_false_positives",
        unit: "%",
        target: { of: "value", atMost: 1.5 },
      }, 100 * absent.falsePositives),
    ];
  },
};

/** Until compaction has nothing more to do. */
async function quiet(store: LsmStore): Promise<void> {
  let before = "";
  for (let same = 0; same < QUIET_LOOKS;) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_LOOK_MS));
    const levels = JSON.stringify(store.stats().levels);
    same = levels === before ? same + 1 : 0;
    before = levels;
  }
}

interface Cost {
  /** For each lookup, on average. */
  readonly tablesAsked: number;
  readonly blocksRead: number;
  readonly us: number;
  /** Of the filters that were asked for a key that the table does not have. */
  readonly falsePositives: number;
}

async function look(
  { platform }: BenchContext,
  store: LsmStore,
  gets: number,
  numberAt: (at: number) => number,
): Promise<Cost> {
  const pairs = new PairFormat();
  const before = store.stats();
  const startMs = platform.clock.monotonicMs();
  let found = 0;
  for (let at = 0; at < gets; at++) {
    const answer = store.get(pairs.formatKey(numberAt(at)));
    if ((answer instanceof Promise ? await answer : answer) !== null) found += 1;
  }
  const us = (platform.clock.monotonicMs() - startMs) * 1_000 / gets;
  if (found !== 0 && found !== gets) throw new Error(`${found} of ${gets} pairs were found`);
  const after = store.stats();
  const rejections = after.filterRejections - before.filterRejections;
  const falsePositives = after.filterFalsePositives - before.filterFalsePositives;
  return {
    tablesAsked: (after.tablesAsked - before.tablesAsked) / gets,
    blocksRead: (after.blocksRead - before.blocksRead) / gets,
    us,
    falsePositives: falsePositives / Math.max(1, rejections + falsePositives),
  };
}
