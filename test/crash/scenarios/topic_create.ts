import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** The first start on an empty disk, topics made one after another and at once, the first records in them. */
export const topicCreate: Scenario = {
  name: "topic_create",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const run = async (): Promise<void> => {
      script.beginCrashes();
      await script.start();
      await script.create("first");
      await script.produce("first");
      await Promise.all([script.create("second", 3, { "segment.bytes": "1000" }), script.create("third")]);
      await Promise.all([script.produce("second", 2), script.produce("third"), script.produce("first")]);
    };
    return { script, run };
  },
};
