import { BrokerScript } from "../broker_script.ts";
import type { Scenario } from "../scenario.ts";
import { SequencedProducer, sequencedSubject } from "../sequenced_producer.ts";

/** Idempotent producers with several batches under way, over rolled segments, with retries, a clean stop and a restart. */
export const idempotentProduce: Scenario = {
  name: "idempotent_produce",
  prepare: (seed, engine) => {
    const producers = [1, 2, 3].map((id) => new SequencedProducer("orders", 0, id));
    const script = Object.assign(new BrokerScript(seed, engine), { opens: sequencedSubject(producers, engine) });
    const send = async (producer: SequencedProducer, rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const batches = 1 + script.random.below(4);
        const sent = Array.from(
          { length: batches },
          () => script.produceSequenced(producer, { count: 1 + script.random.below(3) }),
        );
        // A retry while the original is under way, and one of a batch before it.
        const [last, earlier] = [producer.batches.at(-1)!, producer.batches.at(-2)];
        const retries = [script.retrySequenced(last), ...earlier === undefined ? [] : [script.retrySequenced(earlier)]];
        await Promise.all([...sent, ...retries]);
        await script.pass(script.random.below(400) / 1_000);
      }
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("orders", 1, { "segment.bytes": "900", "index.interval.bytes": "0" });
      script.beginCrashes();
      await Promise.all(producers.map((producer) => send(producer, 2)));
      await script.stop();
      await script.start();
      for (const producer of producers) await script.retrySequenced(producer.batches.at(-2)!);
      await Promise.all(producers.slice(0, 2).map((producer) => send(producer, 1)));
      await script.read("orders");
    };
    return { script, run };
  },
};
