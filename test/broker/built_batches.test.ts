/** Batches that the broker has built itself are large pieces of memory, which go back to the allocator early. */
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import type { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/broker_options.ts";
import type { Acks } from "../../src/broker/types.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { fetchOne, openBroker, valuesOf } from "./broker_fixture.ts";

const TOPIC = "built";
/** Each is a batch of its own, and the tail cache holds ten of them. */
const VALUES = Array.from({ length: 16 }, (_, index) => String.fromCharCode(97 + index).repeat(180_000));

const encoder = new TextEncoder();

async function produceAll(broker: Broker, acks: Acks): Promise<void> {
  for (const value of VALUES) {
    const record = { key: encoder.encode("k"), value: encoder.encode(value), headers: [] };
    for (const outcome of await broker.produceRecords(TOPIC, [{ record, partition: 0 }], { acks })) {
      equal(outcome.ok, true);
    }
  }
}

/** What is stored; the newest of it is read from the tail cache while older batches lie in the file. */
async function readAll(broker: Broker): Promise<string[]> {
  const found: string[] = [];
  while (found.length < VALUES.length) found.push(...valuesOf(await fetchOne(broker, TOPIC, 0, found.length)));
  return found;
}

const cases: Readonly<Record<string, { options?: Partial<BrokerOptions>; config?: Record<string, string> }>> = {
  "in the log": { options: { storageEngine: "log" } },
  "in the tree": { options: { storageEngine: "lsm" } },
  "with the broker's time": { config: { "message.timestamp.type": "LogAppendTime" } },
};

for (const [name, { options = {}, config = {} }] of Object.entries(cases)) {
  test(`batches that the broker has built are stored and read as they were: ${name}`, async () => {
    await using opened = await openBroker(options);
    await opened.broker.createTopic(TOPIC, { partitions: 1, config });
    await produceAll(opened.broker, "all");
    deepEqual(await readAll(opened.broker), VALUES);
    deepEqual(await readAll(opened.broker), VALUES);
  });
}

test("a built batch that is not written yet is not free, though nobody waits for it", async () => {
  const disk = new FaultyDisk();
  await using opened = await openBroker({ storageEngine: "log" }, disk);
  await opened.broker.createTopic(TOPIC, { partitions: 1 });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  disk.before = async ({ operation, path }) => {
    if (operation === "write" && path.includes(`/${TOPIC}-0/`)) await gate;
  };
  await produceAll(opened.broker, "none");
  open();
  const { promise: advanced, resolve: advance } = Promise.withResolvers<void>();
  const waiting = opened.broker.fetch({
    partitions: [{ topic: TOPIC, partition: 0, offset: VALUES.length - 1, maxBytes: 1_000_000 }],
    minBytes: 1,
    waitMs: 30_000,
    maxBytes: 1_000_000,
  });
  void waiting.result.then(() => advance());
  await advanced;
  deepEqual(await readAll(opened.broker), VALUES);
});
