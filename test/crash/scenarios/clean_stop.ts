import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Clean stops with producers still at work, and the first writes after the starts that follow. */
export const cleanStop: Scenario = {
  name: "clean_stop",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 2, { "segment.bytes": "900", "index.interval.bytes": "100" });
      for (let time = 0; time < 3; time++) await script.produce("orders", 0, { count: 3 });
      script.beginCrashes();
      await script.stop();
      await script.start();
      await script.produce("orders", 0, { count: 2 });
      await script.produce("orders", 1);
      await script.stop();
      // Nothing is written in between.
      await script.start();
      await script.stop();
      await script.start();
      await Promise.all([script.produce("orders", 0), script.produce("orders", 0, { connection: "two", count: 2 })]);
    };
    return { script, run };
  },
};
