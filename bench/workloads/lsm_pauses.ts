/** `lsm-pauses`: how long compaction keeps the event loop from everybody else, beside the same loop with nothing to do. */
import { fillTree, openTree, removeTree } from "../bench_tree.ts";
import { LoopPauses } from "../loop_pauses.ts";
import { shuffledNumbers } from "../pairs.ts";
import { compareInRounds, type Comparison } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

const PAIRS = 1_000_000;
const SMOKE_PAIRS = 5_000;
const MEMTABLE_BYTES = 8 * 1_024 * 1_024;

type Pauses = ReturnType<LoopPauses["stop"]>;

export const lsmPauses: Workload = {
  name: "lsm-pauses",
  summary: "the event loop's pauses while everything is compacted, 1,000,000 pairs; beside the idle loop",
  async run(context) {
    const { clock } = context.platform;
    const found: { readonly idle: Pauses[]; readonly compacting: Pauses[] } = { idle: [], compacting: [] };
    let lastMs = 200;
    const rounds = context.isSmoke ? 1 : 3;
    const p999 = await compareInRounds(rounds, async () => {
      const pauses = new LoopPauses(() => clock.monotonicMs());
      await new Promise((resolve) => setTimeout(resolve, lastMs));
      found.idle.push(pauses.stop());
      return found.idle.at(-1)!.p999Ms;
    }, async () => {
      const startMs = clock.monotonicMs();
      found.compacting.push(await compacting(context));
      lastMs = Math.min(5_000, clock.monotonicMs() - startMs);
      return found.compacting.at(-1)!.p999Ms;
    });
    const beside = "idle event loop";
    const longest: Comparison = {
      value: Math.max(...found.compacting.map(({ maxMs }) => maxMs)),
      besideValue: Math.max(...found.idle.map(({ maxMs }) => maxMs)),
      ratio: 0,
      ratioRange: [0, 0],
    };
    const ratio = longest.value / longest.besideValue;
    return [
      besideFigure({ workload: "lsm-pauses", figure: "pause_p999_ms", unit: "ms", beside }, p999),
      besideFigure({
        workload: "lsm-pauses",
        figure: "longest_pause_ms",
        unit: "ms",
        beside,
        target: { of: "value", atMost: 50 },
      }, { ...longest, ratio, ratioRange: [ratio, ratio] }),
    ];
  },
};

/** Overlapping tables of all pairs, merged while the pauses are taken. */
async function compacting(context: BenchContext): Promise<Pauses> {
  const path = `${context.directory}/tree`;
  const store = await openTree(context, path, { memtableBytes: MEMTABLE_BYTES, levelBytesBase: 4 * MEMTABLE_BYTES });
  const numbers = shuffledNumbers(context.isSmoke ? SMOKE_PAIRS : PAIRS);
  await fillTree(store, numbers.length, (at) => numbers[at]!);
  await store.flush();
  const pauses = new LoopPauses(() => context.platform.clock.monotonicMs());
  await store.compact();
  const found = pauses.stop();
  await removeTree(store, path);
  return found;
}
