import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Several connections produce at once to several partitions, and a reader looks on. */
export const produce: Scenario = {
  name: "produce",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const send = async (connection: string, partitions: readonly number[]): Promise<void> => {
      for (const partition of partitions) {
        const count = 1 + script.random.below(4);
        await script.produce("orders", partition, { connection, count, valueBytes: 20 + script.random.below(200) });
      }
    };
    const look = async (): Promise<void> => {
      for (let time = 0; time < 6; time++) {
        await script.pass(1);
        await script.read("orders", time % 2);
      }
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 2, { "index.interval.bytes": "100" });
      script.beginCrashes();
      await Promise.all([
        send("a", [0, 1, 0, 0, 1]),
        send("b", [0, 0, 1, 0]),
        send("c", [1, 0, 1, 1]),
        send("d", [0, 0, 0, 0]),
        look(),
      ]);
      // After a second a sync is followed by a recovery point.
      await script.pass(1_100);
      await Promise.all([send("a", [0, 1]), send("b", [0, 1])]);
      await Promise.all([send("c", [0, 1, 0]), send("d", [0, 1])]);
    };
    return { script, run };
  },
};
