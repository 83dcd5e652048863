/** `lsm-fill`: pairs in an order that jumps, through memtables of 4 MiB (LevelDB's size): flush and compaction run along. */
import { rm } from "node:fs/promises";
import { fillTree, openTree } from "../bench_tree.ts";
import { fillLevel, openLevel } from "../level_database.ts";
import { KEY_BYTES, shuffledNumbers, VALUE_BYTES } from "../pairs.ts";
import { compareInRounds } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

const MEMTABLE_BYTES = 4 * 1_024 * 1_024;

export const lsmFill: Workload = {
  name: "lsm-fill",
  summary: "1,000,000 pairs in an order that jumps, with flushes, compactions and close; beside classic-level",
  async run(context) {
    const numbers = shuffledNumbers(context.isSmoke ? 5_000 : 1_000_000);
    const megabytes = numbers.length * (KEY_BYTES + VALUE_BYTES) / 1e6;
    const rate = async (work: () => Promise<void>): Promise<number> => {
      const startMs = context.platform.clock.monotonicMs();
      await work();
      return megabytes / (context.platform.clock.monotonicMs() - startMs) * 1_000;
    };
    const comparison = await compareInRounds(
      context.isSmoke ? 1 : 3,
      () => rate(() => level(context, numbers)),
      () => rate(() => tree(context, numbers)),
    );
    const named = { workload: "lsm-fill", figure: "filled_mb_per_s", unit: "MB/s", beside: "classic-level" };
    return [besideFigure({ ...named, target: { of: "ratio", atLeast: 0.33 } }, comparison)];
  },
};

async function tree(context: BenchContext, numbers: Int32Array): Promise<void> {
  const path = `${context.directory}/tree`;
  const store = await openTree(context, path, { memtableBytes: MEMTABLE_BYTES, levelBytesBase: 4 * MEMTABLE_BYTES });
  await fillTree(store, numbers.length, (at) => numbers[at]!);
  await store.close();
  await rm(path, { recursive: true });
}

async function level({ directory }: BenchContext, numbers: Int32Array): Promise<void> {
  const path = `${directory}/level`;
  const database = await openLevel(path, { writeBufferSize: MEMTABLE_BYTES });
  await fillLevel(database, numbers.length, (at) => numbers[at]!);
  await database.close();
  await rm(path, { recursive: true });
}
