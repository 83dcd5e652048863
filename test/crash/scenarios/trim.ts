import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** DeleteRecords: inside a batch, at a segment's end, to the very end, with producers beside it. */
export const trim: Scenario = {
  name: "trim",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const send = async (connection: string, times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        await script.produce("orders", 0, { connection, count: 3, valueBytes: 60 });
      }
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "700", "index.interval.bytes": "100" });
      await send("a", 6);
      script.beginCrashes();
      await script.trim("orders", 2);
      await Promise.all([send("a", 2), script.trim("orders", 7), send("b", 2)]);
      await script.read("orders");
      await script.trim("orders", script.endOf("orders"));
      await send("a", 3);
      await script.trim("orders", script.endOf("orders") - 1);
      await send("b", 1);
      await script.stop();
    };
    return { script, run };
  },
};
