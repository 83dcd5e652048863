import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Settings change and partitions are added, while records come in. */
export const topicChange: Scenario = {
  name: "topic_change",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "1000" });
      await script.produce("orders", 0, { count: 4 });
      script.beginCrashes();
      await Promise.all([
        script.alter("orders", 1, { "segment.bytes": "400", "retention.ms": "900000000000" }),
        script.produce("orders", 0, { count: 3 }),
        script.produce("orders", 0, { connection: "two", count: 3 }),
      ]);
      await script.alter("orders", 3, { "segment.bytes": "400" });
      await Promise.all([
        script.produce("orders", 2, { count: 2 }),
        script.produce("orders", 1),
        script.produce("orders"),
      ]);
      await script.alter("orders", 4, {});
      await script.produce("orders", 3);
    };
    return { script, run };
  },
};
