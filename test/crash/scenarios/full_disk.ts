import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

const BLOCK_BYTES = 4_096;

/** The disk is full, or takes half of a write: nothing is acknowledged that is not there, and it goes on when there is room. */
export const fullDisk: Scenario = {
  name: "full_disk",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const leave = (freeBytes: number): void => {
      const { volume } = script;
      volume.capacityBytes += freeBytes - volume.freeBytes;
    };
    const failOnce = (code: "io" | "no_space", effect: "part" | "all"): void =>
      script.process.disk.faults.add({
        operation: "write",
        pathPart: script.logOf("orders-0"),
        code,
        times: 1,
        effect,
      });
    const sendMany = (prefix: string): Promise<boolean[]> =>
      Promise.all(
        Array.from({ length: 6 }, (_, number) =>
          script.produce("orders", 0, { connection: `${prefix}${number}`, valueBytes: 40 + 60 * (number % 3) })),
      );
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "5000" });
      await script.produce("orders", 0, { count: 3 });
      script.beginCrashes();
      failOnce("io", "part");
      await sendMany("a");
      failOnce("no_space", "part");
      await sendMany("b");
      failOnce("no_space", "all");
      await script.produce("orders", 0, { connection: "c", count: 3 });
      await script.produce("orders", 0, { connection: "d" });
      leave(BLOCK_BYTES);
      for (let time = 0; time < 5; time++) {
        await script.produce("orders", 0, { connection: "e", count: 4, valueBytes: 300 });
      }
      // In the tree it would fit into the bytes that are left.
      await script.createInVain("too-much", 3, engine === "lsm" ? { "storage.engine": "log" } : {});
      await script.read("orders");
      leave(2 ** 30);
      await sendMany("f");
      await script.create("again");
      await script.produce("again");
      await script.stop();
    };
    return { script, run };
  },
};
