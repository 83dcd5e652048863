/** The seed's benchmarks of the memtable's skip list (facts §3): time per operation, the making of the pair included. */
import { SkipList } from "../../src/storage/lsm/skip_list.ts";
import { KEY_BYTES, PairFormat, shuffledNumbers, VALUE_BYTES } from "../pairs.ts";
import { median } from "../statistics.ts";
import { type BenchContext, loneFigure, type Workload } from "../workload.ts";

const ROUNDS = 7;
const LOADED = 100_000;
/** What the reference takes on a machine of this kind, at most (facts §3). */
const PUT_NS_MAX = 749;
const GET_NS_MAX = 289;

function inRounds({ isSmoke, platform }: BenchContext, count: number, round: () => () => void): number {
  const times: number[] = [];
  for (let time = 0; time < (isSmoke ? 1 : ROUNDS); time++) {
    const run = round();
    const startMs = platform.clock.monotonicMs();
    run();
    times.push((platform.clock.monotonicMs() - startMs) * 1e6 / count);
  }
  return median(times);
}

function load(list: SkipList, count: number, numberAt: (at: number) => number): void {
  const pairs = new PairFormat();
  for (let at = 0; at < count; at++) {
    const number = numberAt(at);
    list.put(pairs.formatKey(number), pairs.formatValue(number), at, at + 1);
  }
}

export const skiplistPut: Workload = {
  name: "skiplist-put",
  summary: "ascending pairs of 13 + 15 bytes into a fresh skip list, and what an entry takes beside them",
  async run(context) {
    const count = context.isSmoke ? 10_000 : 1_000_000;
    let list = new SkipList(0);
    const ns = inRounds(context, count, () => {
      list = new SkipList(count * 80);
      return () => load(list, count, (at) => at);
    });
    const named = { workload: "skiplist-put", unit: "ns" };
    return [
      loneFigure({ ...named, figure: "put_ns", target: { of: "value", atMost: PUT_NS_MAX } }, ns),
      loneFigure(
        { ...named, figure: "overhead_bytes", unit: "B", target: { of: "value", atMost: 40 } },
        list.arenaBytes / count - KEY_BYTES - VALUE_BYTES,
      ),
    ];
  },
};

export const skiplistGet: Workload = {
  name: "skiplist-get",
  summary: "lookups in the order of the keys, all hits, in a skip list of 100,000 pairs",
  async run(context) {
    const count = context.isSmoke ? 10_000 : 2_000_000;
    const list = new SkipList(LOADED * 80);
    load(list, LOADED, (at) => at);
    const pairs = new PairFormat();
    let found = 0;
    const ns = inRounds(context, count, () => () => {
      for (let at = 0; at < count; at++) if (list.find(pairs.formatKey(at % LOADED), Infinity) !== 0) found += 1;
    });
    if (found === 0) throw new Error("The lookups found nothing");
    const named = { workload: "skiplist-get", figure: "get_ns", unit: "ns" };
    return [loneFigure({ ...named, target: { of: "value", atMost: GET_NS_MAX } }, ns)];
  },
};

export const skiplistRandom: Workload = {
  name: "skiplist-random",
  summary: "puts and lookups in an order that jumps, in a skip list that grows to 500,000 pairs",
  async run(context) {
    const count = context.isSmoke ? 10_000 : 500_000;
    const numbers = shuffledNumbers(count);
    const pairs = new PairFormat();
    let list = new SkipList(0);
    const putNs = inRounds(context, count, () => {
      list = new SkipList(count * 80);
      return () => load(list, count, (at) => numbers[at]!);
    });
    let found = 0;
    const getNs = inRounds(context, count, () => () => {
      for (let at = count - 1; at >= 0; at--) if (list.find(pairs.formatKey(numbers[at]!), Infinity) !== 0) found += 1;
    });
    if (found === 0) throw new Error("The lookups found nothing");
    const named = { workload: "skiplist-random", unit: "ns" };
    return [
      loneFigure({ ...named, figure: "put_ns" }, putNs),
      loneFigure({ ...named, figure: "get_ns" }, getNs),
    ];
  },
};
