import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Starts after kills and power losses, each crashed in turn, with tails that were never synced. */
export const recovery: Scenario = {
  name: "recovery",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const fill = async (): Promise<void> => {
      const sends = ["a", "b", "c"].map((connection) =>
        script.produce("orders", 0, { connection, count: 2, valueBytes: 90 })
      );
      await Promise.all([...sends, script.produce("orders", 1, { connection: "d", count: 3 })]);
    };
    /** Under way when the process dies: written, and never synced. */
    const leaveUnsynced = async (): Promise<void> => {
      for (const connection of ["x", "y"]) {
        void script.produce("orders", 0, { connection, count: 2 });
        void script.produce("orders", 1, { connection, count: 2 });
      }
      await script.pass(script.random.below(2) / 4 + 0.1);
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 2, { "segment.bytes": "800", "index.interval.bytes": "100" });
      await fill();
      await fill();
      script.beginCrashes();
      await leaveUnsynced();
      script.kill();
      await script.start();
      await fill();
      await leaveUnsynced();
      script.losePower({ kind: "random", random: script.random.stream("loss"), names: "prefix" });
      await script.start();
      await fill();
      await leaveUnsynced();
      script.kill();
      await script.start();
      await script.read("orders", 0);
      await script.read("orders", 1);
    };
    return { script, run };
  },
};
