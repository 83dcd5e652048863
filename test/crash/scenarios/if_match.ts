import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Appends that name the offset they expect: of several at once, one gets it, and the others leave no trace. */
export const ifMatch: Scenario = {
  name: "if_match",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const contend = async (round: number): Promise<void> => {
      const expectedOffset = script.endOf("orders");
      const won = await Promise.all(
        ["a", "b", "c"].map((connection) =>
          script.produce("orders", 0, { connection, count: 1 + round % 2, expectedOffset })
        ),
      );
      const winners = won.filter((isAcknowledged) => isAcknowledged).length;
      if (winners !== 1) throw new Error(`${winners} of three got the offset ${expectedOffset}`);
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "600" });
      script.beginCrashes();
      for (let round = 0; round < 6; round++) await contend(round);
      const isAcknowledged = await script.produce("orders", 0, { expectedOffset: script.endOf("orders") + 1 });
      if (isAcknowledged) throw new Error("An append ahead of the end was acknowledged");
    };
    return { script, run };
  },
};
