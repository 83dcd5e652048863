/**
 * A real broker inside `bun test`, in milliseconds.
 *
 * @example
 * ```ts
 * await using broker = await startBroker({ memory: true });
 * await fetch(`${broker.http}/v1/topics/orders/records`, {
 *   method: "POST",
 *   headers: { "content-type": "application/json" },
 *   body: JSON.stringify({ records: [{ value: "hello" }] }),
 * });
 * ```
 */
import { startTestBroker } from "../../src/server/test_broker.ts";
import type { TestBroker, TestBrokerOptions } from "../../src/server/test_broker.ts";
import { memoryDisk } from "../memory/disk.ts";
import { bunPlatform } from "./platform.ts";

export type { TestBroker, TestBrokerOptions };

/** Starts a broker on free ports of the loopback interface; `await using` stops it. */
export function startBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const inMemory = options.memory ?? options.dataPath === undefined;
  return startTestBroker(bunPlatform(inMemory ? { disk: memoryDisk() } : {}), options);
}
