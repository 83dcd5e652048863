import { LogScript } from "../log_script.ts";
import type { Scenario } from "../scenario.ts";

/** What a follower does: several epochs, truncations over segments and inside one, new batches in their place. */
export const truncate: Scenario = {
  name: "truncate",
  prepare: (seed) => {
    const script = new LogScript(seed);
    const append = async (epoch: number, times: number): Promise<void> => {
      for (let time = 0; time < times; time++) await script.append(epoch, 2);
    };
    const run = async (): Promise<void> => {
      await script.make();
      await append(0, 3);
      await append(1, 3);
      script.beginCrashes();
      await append(3, 3);
      await script.truncate(14);
      await append(4, 2);
      await script.truncate(4);
      await append(5, 4);
      await script.trim(3);
      await script.truncate(10);
      // At the log's end: nothing to do, and nothing may change.
      await script.truncate(10);
      await append(6, 1);
      await script.close();
    };
    return { script, run };
  },
};
