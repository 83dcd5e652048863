import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

const LSM = { "storage.engine": "lsm" };

/**
 * Topics of either engine beside each other; a name that is deleted and made again, with the same engine and with the other
 * one: nothing of an older topic comes back.
 */
export const engines: Scenario = {
  name: "engines",
  prepare: (seed) => {
    const script = new BrokerScript(seed);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("segments");
      script.beginCrashes();
      // The first need makes the tree.
      await Promise.all([script.create("orders", 2, LSM), script.produce("segments")]);
      await Promise.all([0, 1, 0].map((partition) => script.produce("orders", partition, { valueBytes: 700 })));
      await Promise.all([script.create("other", 1, LSM), script.produce("segments"), script.produce("orders", 1)]);
      await Promise.all([
        script.delete("orders"),
        script.produce("other", 0, { count: 2 }),
        script.produce("segments"),
      ]);
      await script.create("orders", 1, LSM);
      await script.produce("orders", 0, { connection: "two", valueBytes: 3_000 });
      await Promise.all([script.delete("orders"), script.produce("other")]);
      await script.create("orders", 2);
      await Promise.all([script.produce("orders", 0), script.produce("orders", 1), script.produce("other")]);
      await script.delete("orders");
      await script.create("orders", 1, LSM);
      await Promise.all([script.produce("orders"), script.trim("other", 1)]);
      await script.alter("other", 2, LSM);
      await script.produce("other", 1);
      await script.stop();
      await script.start();
      await Promise.all(["orders", "other", "segments"].map((topic) => script.produce(topic)));
      await script.delete("other");
    };
    return { script, run };
  },
};
