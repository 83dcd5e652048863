import { LogScript } from "../log_script.ts";
import type { Scenario } from "../scenario.ts";
import { treeLogHost } from "../tree/tree_log_host.ts";

/** Trims of a log that is larger than some of its tree's tables: those that lie in what is trimmed go as a whole. */
export const treeLogTrim: Scenario = {
  name: "tree_log_trim",
  prepare: (seed) => {
    const script = new LogScript(seed, { segmentBytes: 4_000 }, treeLogHost({ syncMode: "always", tableBytes: 4_096 }));
    const run = async (): Promise<void> => {
      await script.make();
      for (let time = 0; time < 50; time++) await script.append(0, 2, 180);
      // Merges go on beside it.
      await script.pass(20);
      script.beginCrashes();
      await script.trim(41);
      for (let time = 0; time < 6; time++) await script.append(1, 2, 180);
      await Promise.all([script.trim(93), script.append(1)]);
      await script.close();
      await script.start();
      await script.append(2);
    };
    return { script, run };
  },
};
