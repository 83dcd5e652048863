import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Segments of a few batches: a new one again and again, with readers of the sealed ones. */
export const roll: Scenario = {
  name: "roll",
  prepare: (seed) => {
    const script = new BrokerScript(seed);
    const send = async (connection: string): Promise<void> => {
      for (let time = 0; time < 5; time++) {
        await script.produce("orders", 0, { connection, count: 1 + time % 3, valueBytes: 80 });
      }
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "700", "index.interval.bytes": "0" });
      script.beginCrashes();
      await Promise.all([send("a"), send("b")]);
      await script.read("orders");
      await script.pass(1_100);
      await Promise.all([send("a"), send("b")]);
      await script.read("orders");
    };
    return { script, run };
  },
};
