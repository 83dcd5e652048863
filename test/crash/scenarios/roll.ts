import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/**
 * Segments of a few batches: a new one again and again, with readers of the sealed ones. The connections are out of step,
 * so that a segment is sealed while a sync runs and behind what that sync covers.
 */
export const roll: Scenario = {
  name: "roll",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const send = async (connection: string): Promise<void> => {
      for (let time = 0; time < 4; time++) {
        await script.pass(script.random.below(400) / 1_000);
        await script.produce("orders", 0, { connection, count: 1 + time % 2, valueBytes: 60 });
      }
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "600", "index.interval.bytes": "0" });
      script.beginCrashes();
      await Promise.all(["a", "b", "c", "d"].map(send));
      await script.read("orders");
      await script.pass(1_100);
      await Promise.all([send("e"), send("f")]);
      await script.read("orders");
    };
    return { script, run };
  },
};
