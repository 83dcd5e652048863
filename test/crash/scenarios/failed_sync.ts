import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";

/**
 * A sync fails and its pages count as written (ATC'20, Rebello et al.): the log takes no more writes, and the start after
 * it must not believe the page cache.
 */
export const failedSync: Scenario = {
  name: "failed_sync",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 2);
      await script.produce("orders", 0, { count: 2 });
      script.beginCrashes();
      const fault = {
        operation: "sync",
        pathPart: script.logOf("orders-0"),
        code: "io",
        times: 1,
        effect: "lost",
      } as const;
      script.process.disk.faults.add(fault);
      await Promise.all([
        script.produce("orders", 0, { connection: "a", count: 2 }),
        script.produce("orders", 0, { connection: "b" }),
        script.produce("orders", 1, { connection: "c" }),
      ]);
      if (await script.produce("orders", 0)) throw new Error("A log whose sync failed took a record");
      await script.produce("orders", 1, { connection: "c" });
      script.kill();
      const { platform } = script.startProcess();
      const subject = await script.opens(platform);
      script.noteSeen(await subject.observe(), (topic) => script.placeOf(topic).incarnation);
      script.kill();
      await script.start();
      await script.produce("orders", 0, { count: 2 });
      await script.stop();
    };
    return { script, run };
  },
};
