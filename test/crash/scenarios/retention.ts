import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/** Retention by size and by time removes segments while producers go on. */
export const retention: Scenario = {
  name: "retention",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    /** Everything but the newest records may go: what is kept is at least the active segment. */
    const mayMove = (topic: string): void => {
      const place = script.placeOf(topic);
      script.ledger.push({ kind: "start asked", place, offset: script.endOf(topic), isLimit: true });
    };
    const send = async (connection: string, topic: string): Promise<void> => {
      for (let time = 0; time < 4; time++) {
        await script.produce(topic, 0, { connection, count: 2, valueBytes: 80 });
        mayMove(topic);
        await script.pass(40);
      }
    };
    const run = async (): Promise<void> => {
      await script.start({ retentionCheckMs: 100 });
      const settings = { "segment.bytes": "600", "index.interval.bytes": "100" };
      await script.create("by-size", 1, { ...settings, "retention.bytes": "1000" });
      await script.create("by-time", 1, { ...settings, "retention.ms": "150" });
      script.beginCrashes();
      await Promise.all([send("a", "by-size"), send("b", "by-time")]);
      await script.pass(150);
      await Promise.all([send("c", "by-size"), send("d", "by-time")]);
      await Promise.all([script.read("by-size"), script.read("by-time")]);
    };
    return { script, run };
  },
};
