import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { fetchOne, isLogOf, openBroker, produce, values, valuesOf } from "./broker_fixture.ts";

/** Whether a promise is still open after all that could run has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  promise.then(() => (isSettled = true), () => (isSettled = true));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  return !isSettled;
}

const one = (topic: string, offset: number | "earliest" | "latest", maxBytes = 1_000_000, partition = 0) => ({
  topic,
  partition,
  offset,
  maxBytes,
});

test("a fetch waits for minBytes, and its time runs by the clock", async () => {
  await using opened = await openBroker();
  const { broker, clock } = opened;
  await produce(broker, "orders", "first");
  const bytes = (await fetchOne(broker, "orders")).batches[0]!.sizeBytes;
  const enough = broker.fetch({ partitions: [one("orders", 0)], minBytes: bytes, waitMs: 1_000, maxBytes: 1_000 });
  assert.deepEqual(valuesOf((await enough.result)[0]!), ["first"]);
  const waiting = broker.fetch({ partitions: [one("orders", 0)], minBytes: bytes + 1, waitMs: 1_000, maxBytes: 1_000 });
  assert.ok(await isPending(waiting.result));
  clock.advance(999);
  assert.ok(await isPending(waiting.result));
  clock.advance(1);
  assert.deepEqual(valuesOf((await waiting.result)[0]!), ["first"]);
  const woken = broker.fetch({ partitions: [one("orders", 1)], minBytes: 1, waitMs: 1_000, maxBytes: 1_000 });
  assert.ok(await isPending(woken.result));
  await produce(broker, "orders", "second");
  assert.deepEqual(valuesOf((await woken.result)[0]!), ["second"]);
});

test("seed-W5: latest is fixed when the fetch starts, and is not the beginning", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "old");
  const waiting = broker.fetch({ partitions: [one("orders", "latest")], minBytes: 1, waitMs: 1_000, maxBytes: 1_000 });
  assert.ok(await isPending(waiting.result));
  await produce(broker, "orders", "new");
  const [fetched] = await waiting.result;
  assert.deepEqual([fetched!.offset, valuesOf(fetched!)], [1, ["new"]]);
});

test("the first batch of the whole answer is returned whole, and only that one passes a bound", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("orders", { partitions: 3 });
  for (const partition of [1, 2]) {
    for (const value of ["a", "b"]) await produce(broker, "orders", value.repeat(100), partition);
  }
  const partitions = [0, 1, 2].map((partition) => one("orders", 0, 1, partition));
  const fetched = await broker.fetch({ partitions, minBytes: 0, waitMs: 0, maxBytes: 1 }).result;
  assert.deepEqual(fetched.map(({ batches }) => batches.length), [0, 1, 0]);
  const wide = await broker.fetch({
    partitions: partitions.map((part) => ({ ...part, maxBytes: 300 })),
    minBytes: 0,
    waitMs: 0,
    maxBytes: 10_000,
  }).result;
  assert.deepEqual(wide.map(({ batches }) => batches.length), [0, 1, 1]);
});

test("a fetch reads on over the end of a segment", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("orders", { config: { "segment.bytes": "200" } });
  const expected = Array.from({ length: 12 }, (_, count) => `value ${count}`);
  for (const value of expected) await produce(broker, "orders", value);
  await opened.broker.close();
  await using again = await openBroker({}, opened.disk);
  assert.deepEqual(await values(again.broker, "orders"), expected);
});

test("offsets outside a partition, unknown topics and partitions are answered in their place, at once", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "value");
  const partitions = [
    one("orders", 0),
    one("orders", 2),
    one("orders", -1),
    one("orders", 0.5),
    one("none", 0),
    one("orders", 0, 1_000, 9),
  ];
  const fetched = await broker.fetch({ partitions, minBytes: 1_000_000, waitMs: 60_000, maxBytes: 1_000_000 }).result;
  assert.deepEqual(fetched.map(({ error }) => error?.code), [
    undefined,
    "offset_out_of_range",
    "offset_out_of_range",
    "offset_out_of_range",
    "unknown_topic",
    "unknown_partition",
  ]);
  assert.equal(fetched[1]!.error!.facts["tail"], 1);
});

test("cancel() and a stop end a wait with what is there; a deleted topic ends it with unknown_topic", async () => {
  const opened = await openBroker();
  const { broker, clock } = opened;
  for (const topic of ["a", "b", "c"]) await produce(broker, topic, "value");
  const wait = (topic: string) =>
    broker.fetch({ partitions: [one(topic, 1)], minBytes: 1, waitMs: 60_000, maxBytes: 1_000 });
  const [cancelled, deleted, stopped] = [wait("a"), wait("b"), wait("c")];
  assert.ok(await isPending(Promise.race([cancelled.result, deleted.result, stopped.result])));
  cancelled.cancel();
  assert.deepEqual((await cancelled.result)[0]!.batches, []);
  await broker.deleteTopic("b");
  assert.equal((await deleted.result)[0]!.error?.code, "unknown_topic");
  broker.endWaits();
  assert.deepEqual((await stopped.result)[0]!.batches, []);
  assert.deepEqual((await wait("c").result)[0]!.batches, [], "after a stop began nothing waits");
  await broker.close();
  assert.equal(clock.pending, 0, "no timer is left");
});

test("seed-K2: readers see nothing that is not durable, and no gaps", async () => {
  await using opened = await openBroker();
  const { broker, disk } = opened;
  await produce(broker, "orders", "durable");
  const held = Promise.withResolvers<void>();
  disk.before = async ({ operation, path }) => {
    if (operation === "sync" && isLogOf(path, "orders-0")) await held.promise;
  };
  const producing = produce(broker, "orders", "not yet");
  assert.ok(await isPending(producing));
  assert.deepEqual(await values(broker, "orders"), ["durable"]);
  assert.equal((await broker.offsetFor("orders", 0, "latest")).offset, 1);
  held.resolve();
  assert.equal(await producing, 1);
  assert.deepEqual(await values(broker, "orders"), ["durable", "not yet"]);
});

test("seed-P2: nonsense in a fetch is an answer, never an exception", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "value");
  for (const maxBytes of [-1, 0, NaN]) {
    const fetched = await broker.fetch({ partitions: [one("orders", 0, maxBytes)], minBytes: -1, waitMs: -1, maxBytes })
      .result;
    assert.equal(fetched.length, 1);
  }
  assert.deepEqual(await broker.fetch({ partitions: [], minBytes: 1, waitMs: 60_000, maxBytes: 1 }).result, []);
  const error = await broker.offsetFor("orders", 9, "latest").catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SentinelError && error.code === "unknown_partition");
});
