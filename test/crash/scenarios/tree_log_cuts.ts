import { LogScript } from "../log_script.ts";
import type { Scenario } from "../scenario.ts";
import { treeLogHost } from "../tree/tree_log_host.ts";

/**
 * Truncations, trims and retention of a log in a tree, inside segments and over several, with producers and times: what
 * lies beside the batches must not outlive them.
 */
export const treeLogCuts: Scenario = {
  name: "tree_log_cuts",
  prepare: (seed) => {
    const script = new LogScript(seed, {}, treeLogHost({ syncMode: "written" }));
    const append = async (epoch: number, times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        if (time % 2 === 0) await script.appendSequenced(epoch, BigInt(1 + time % 3), 2);
        else await script.append(epoch, 2);
      }
    };
    const run = async (): Promise<void> => {
      await script.make();
      await append(0, 6);
      script.beginCrashes();
      await append(1, 5);
      await script.truncate(16);
      await append(2, 4);
      // Over segments that are sealed and have snapshots.
      await script.truncate(6);
      await append(3, 6);
      await script.trim(3);
      await script.trim(11);
      await script.truncate(14);
      await append(4, 5);
      await script.retain(400, script.log.endOffset);
      await script.truncate(script.log.endOffset - 2);
      await append(5, 2);
      await script.trim(script.log.endOffset);
      await append(5, 1);
      await script.close();
    };
    return { script, run };
  },
};
