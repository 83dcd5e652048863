import { GroupScript } from "../group_script.ts";
import type { Scenario } from "../scenario.ts";

/** Members come and go and commit, at once in two groups; a group is deleted; the broker stops and starts in between. */
export const offsetCommits: Scenario = {
  name: "offset_commits",
  prepare: (seed) => {
    const script = new GroupScript(seed);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 2);
      script.beginCrashes();
      await script.commit("jobs", "orders", [1, 2]);
      const reader = await script.join("readers", "orders", 2);
      await Promise.all([
        script.commit("readers", "orders", [3, 0], reader),
        script.commit("jobs", "orders", [4, 5]),
      ]);
      await script.commit("readers", "orders", [7, 1], reader);
      await script.commit("jobs", "orders", [2, 6]);
      script.leave("readers", reader);
      const next = await script.join("readers", "orders", 2, "fixed");
      await script.commit("readers", "orders", [8, 2], next);
      await script.stop();
      await script.start();
      await script.broker.groups.whenLoaded("readers");
      script.look("readers", "orders", 2);
      const again = await script.join("readers", "orders", 2, "fixed");
      await script.commit("readers", "orders", [9, 3], again);
      await script.deleteGroup("jobs", "orders", 2);
      await script.commit("jobs", "orders", [1, 1]);
    };
    return { script, run };
  },
};
