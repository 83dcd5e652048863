import { BrokerScript } from "../broker_script.ts";
import { KeyedRequest, keyedSubject } from "../keyed_request.ts";
import type { Scenario } from "../scenario.ts";

/** Requests with keys over two partitions, in several batches, at once, interrupted by a full disk and a power loss. */
export const idempotencyKey: Scenario = {
  name: "idempotency_key",
  prepare: (seed, engine) => {
    const requests: KeyedRequest[] = [];
    const script = Object.assign(new BrokerScript(seed, engine), { opens: keyedSubject(requests, engine) });
    const request = (key: string, partitions: readonly number[], valueBytes: number): KeyedRequest => {
      const records = script.records(key, partitions.length, valueBytes)
        .map((record, index) => ({ record, partition: partitions[index]! }));
      const made = new KeyedRequest("orders", key, records);
      requests.push(made);
      return made;
    };
    const run = async (): Promise<void> => {
      const large = request("large", [0, 0, 0, 1, 0], 120);
      const small = [request("a", [0, 1], 20), request("b", [1, 0], 20), request("c", [0], 20)];
      const refused = request("refused", [0, 1, 0], 100);
      const last = request("last", [1, 0, 1], 30);
      await script.start();
      await script.create("orders", 2, { "max.message.bytes": "400", "segment.bytes": "1200" });
      await script.produceKeyed(small[0]!);
      script.beginCrashes();
      await script.produceKeyed(large);
      await Promise.all([...small, ...small].map((each) => script.produceKeyed(each)));
      const pathPart = script.logOf("orders-0");
      script.process.disk.faults.add({ operation: "write", pathPart, code: "no_space", times: 1, effect: "part" });
      await script.produceKeyed(refused);
      await script.produceKeyed(refused);
      script.losePower({ kind: "all-lost" });
      await script.start();
      await script.produceKeyed(large);
      await script.produceKeyed(last);
      await script.stop();
    };
    return { script, run };
  },
};
