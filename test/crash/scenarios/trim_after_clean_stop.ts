import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** DeleteRecords on a log that nobody has written to since its clean stop: its recovery point stays clean through the trim. */
export const trimAfterCleanStop: Scenario = {
  name: "trim_after_clean_stop",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "700", "index.interval.bytes": "100" });
      for (let time = 0; time < 6; time++) {
        await script.produce("orders", 0, { connection: "a", count: 3, valueBytes: 60 });
      }
      await script.stop();
      await script.start();
      script.beginCrashes();
      await script.trim("orders", 2);
      await script.trim("orders", 10);
      await script.read("orders");
      await script.trim("orders", script.endOf("orders"));
      await script.stop();
    };
    return { script, run };
  },
};
