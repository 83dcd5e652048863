import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";
import { SequencedProducer, sequencedSubject } from "../sequenced_producer.ts";

/** The disk refuses batches of idempotent producers: their sequences come again, as new ones, and retries of them fail with them. */
export const idempotentCutBack: Scenario = {
  name: "idempotent_cut_back",
  prepare: (seed, engine) => {
    const producers = [1, 2].map((id) => new SequencedProducer("orders", 0, id));
    const script = Object.assign(new BrokerScript(seed, engine), { opens: sequencedSubject(producers, engine) });
    const failOnce = (code: "io" | "no_space", effect: "part" | "all"): void =>
      script.process.disk.faults.add({
        operation: "write",
        pathPart: script.logOf("orders-0"),
        code,
        times: 1,
        effect,
      });
    /** Several under way, each sent again at once; then what was refused is sent again, in order. */
    const send = async (producer: SequencedProducer): Promise<void> => {
      const from = producer.batches.length;
      const sent = [script.produceSequenced(producer), script.produceSequenced(producer, { count: 2 })];
      sent.push(script.retrySequenced(producer.batches.at(-1)!));
      await Promise.all(sent);
      for (const batch of producer.batches.slice(from)) await script.retrySequenced(batch);
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "1500" });
      await Promise.all(producers.map(send));
      script.beginCrashes();
      for (const [code, effect] of [["io", "part"], ["no_space", "part"], ["no_space", "all"]] as const) {
        failOnce(code, effect);
        await Promise.all(producers.map(send));
      }
      await Promise.all(producers.map(send));
      await script.read("orders");
    };
    return { script, run };
  },
};
