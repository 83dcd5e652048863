/** `lsm-put`: the seed's LSM_Put (facts §3): ascending pairs into a fresh tree with its defaults, with and without close. */
import { rm } from "node:fs/promises";
import { fillTree, openTree } from "../bench_tree.ts";
import { fillLevel, openLevel } from "../level_database.ts";
import { comparisonOf } from "../rounds.ts";
import { type BenchContext, besideFigure, type Workload } from "../workload.ts";

interface PutTimes {
  readonly putNs: number;
  readonly withCloseNs: number;
}

export const lsmPut: Workload = {
  name: "lsm-put",
  summary: "ascending pairs of 13 + 15 bytes into a fresh LSM tree; beside classic-level in batches of 1,000",
  async run(context) {
    const count = context.isSmoke ? 5_000 : 1_000_000;
    const rounds = context.isSmoke ? 1 : 5;
    const ours: PutTimes[] = [];
    const theirs: PutTimes[] = [];
    for (let round = 0; round < rounds; round++) {
      theirs.push(await putIntoLevel(context, count));
      ours.push(await putIntoTree(context, count));
    }
    const named = { workload: "lsm-put", unit: "ns", beside: "classic-level" };
    return (["putNs", "withCloseNs"] as const).map((of) =>
      besideFigure(
        { ...named, figure: of === "putNs" ? "put_ns" : "put_with_close_ns", target: { of: "ratio", atMost: 3 } },
        comparisonOf(theirs.map((times) => times[of]), ours.map((times) => times[of])),
      )
    );
  },
};

async function putIntoTree(context: BenchContext, count: number): Promise<PutTimes> {
  const { clock } = context.platform;
  const path = `${context.directory}/tree`;
  const tree = await openTree(context, path);
  const startMs = clock.monotonicMs();
  await fillTree(tree, count, (at) => at);
  const putMs = clock.monotonicMs() - startMs;
  await tree.close();
  const closedMs = clock.monotonicMs() - startMs;
  await rm(path, { recursive: true });
  return { putNs: putMs * 1e6 / count, withCloseNs: closedMs * 1e6 / count };
}

async function putIntoLevel({ directory, platform }: BenchContext, count: number): Promise<PutTimes> {
  const { clock } = platform;
  const path = `${directory}/level`;
  const database = await openLevel(path);
  const startMs = clock.monotonicMs();
  await fillLevel(database, count, (at) => at);
  const putMs = clock.monotonicMs() - startMs;
  await database.close();
  const closedMs = clock.monotonicMs() - startMs;
  await rm(path, { recursive: true });
  return { putNs: putMs * 1e6 / count, withCloseNs: closedMs * 1e6 / count };
}
