import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** A topic is deleted and made again, twice: nothing of an older one comes back. */
export const topicDelete: Scenario = {
  name: "topic_delete",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("other");
      await script.produce("other");
      await script.create("orders", 2, { "segment.bytes": "500" });
      for (let time = 0; time < 3; time++) await script.produce("orders", 0, { count: 3 });
      script.beginCrashes();
      await script.delete("orders");
      await script.create("orders");
      await script.produce("orders", 0, { connection: "two" });
      await Promise.all([script.delete("orders"), script.produce("other")]);
      await script.create("orders", 2);
      await Promise.all([script.produce("orders", 1), script.produce("orders", 0)]);
      await script.delete("other");
    };
    return { script, run };
  },
};
