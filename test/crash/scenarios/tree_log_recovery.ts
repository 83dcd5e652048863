import { LogScript } from "../log_script.ts";
import type { Scenario } from "../scenario.ts";
import { treeLogHost } from "../tree/tree_log_host.ts";

const COMPACTION = { deleteRetentionMs: 100, dirtyRatioMin: 0, lagMsMin: 0, lagMsMax: Number.MAX_SAFE_INTEGER };

/** Kills, power losses and stops of a log in a tree: under passes of the cleaner, behind cuts, between its snapshots. */
export const treeLogRecovery: Scenario = {
  name: "tree_log_recovery",
  prepare: (seed) => {
    const settings = { segmentBytes: 500, compaction: COMPACTION };
    const script = new LogScript(seed, settings, treeLogHost({ syncMode: "batch", syncIntervalMs: 5 }));
    const append = async (epoch: number, ...batches: string[]): Promise<void> => {
      for (const keys of batches) await script.appendKeyed(epoch, keys);
    };
    const run = async (): Promise<void> => {
      await script.make();
      await append(0, "a b", "c a", "b d", "a", "d-", "b a");
      script.beginCrashes();
      const cleaning = script.clean(0, script.log.endOffset);
      await script.pass(1);
      script.kill();
      // Its answer never comes, or says that the disk is gone.
      cleaning.catch(() => {});
      await script.start();
      await append(1, "c", "e a", "b", "d e");
      await script.clean(200, script.log.endOffset, true);
      await script.truncate(script.log.endOffset - 2);
      await script.appendKeyed(2, "c f", { producerId: 1n });
      await append(2, "a", "f a");
      script.losePower({ kind: "all-lost" });
      await script.start();
      await script.clean(400, script.log.endOffset - 1, true);
      await script.trim(5);
      await script.appendKeyed(3, "b", { producerId: 1n });
      await script.close();
      await script.start();
      await append(4, "g", "a");
      await script.clean(600, script.log.endOffset, true);
      await script.close();
    };
    return { script, run };
  },
};
