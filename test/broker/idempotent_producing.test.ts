/** Batches with a producer id through the broker: what is answered when, and what is in the log. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PlatformError, SentinelError } from "../../src/base/errors.ts";
import type { ProduceAck } from "../../src/broker/types.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import type { RecordBatch } from "../../src/records/record_batch.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { isLogOf, openBroker, values } from "./broker_fixture.ts";
import type { OpenedBroker } from "./broker_fixture.ts";

const CREATED_MS = 1_000;

function batchOf(sequence: number, text = `value ${sequence}`, isTransactional = false): RecordBatch {
  const record = { key: null, value: new TextEncoder().encode(text), headers: [] };
  const producer = { producerId: 7n, producerEpoch: 0, baseSequence: sequence, isTransactional };
  return buildRecordBatch([record], { nowMs: CREATED_MS, ...producer });
}

function send({ broker }: OpenedBroker, sequence: number, text?: string): Promise<ProduceAck> {
  return broker.produceBatch("orders", 0, batchOf(sequence, text), { acks: "all" });
}

/** Holds back each sync of a segment until it is released. */
function holdSyncs(disk: FaultyDisk): { readonly held: Promise<void>; release(): void } {
  let reached = (): void => {};
  let open = (): void => {};
  const held = new Promise<void>((resolve) => reached = resolve);
  const gate = new Promise<void>((resolve) => open = resolve);
  const { before } = disk;
  disk.before = async (effect) => {
    if (effect.operation !== "sync" || !isLogOf(effect.path, "orders-0")) return;
    reached();
    await gate;
  };
  return {
    held,
    release: () => {
      disk.before = before;
      open();
    },
  };
}

/** Whether a promise has settled, once everything that was ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test("a retry is answered with the original's offset and is in the log once", async () => {
  await using opened = await openBroker();
  equal((await send(opened, 0)).first, 0);
  equal((await send(opened, 1)).first, 1);
  deepEqual([(await send(opened, 0)).first, (await send(opened, 1)).first], [0, 1]);
  deepEqual(await values(opened.broker, "orders"), ["value 0", "value 1"]);
  equal(opened.broker.counters.recordsProduced, 2);
});

test("a retry says when the original was appended, where the log sets the time", async () => {
  await using opened = await openBroker();
  await opened.broker.createTopic("orders", { config: { "message.timestamp.type": "LogAppendTime" } });
  const { logAppendTimeMs } = await send(opened, 0);
  opened.clock.advance(5_000);
  equal((await send(opened, 0)).logAppendTimeMs, logAppendTimeMs);
});

test("a gap and an older epoch are refused with Kafka's codes", async () => {
  await using opened = await openBroker();
  await send(opened, 0);
  await rejects(send(opened, 2), { code: "out_of_order_sequence" });
  const record = { key: null, value: null, headers: [] };
  const newer = { nowMs: CREATED_MS, producerId: 7n, producerEpoch: 1, baseSequence: 0 };
  await opened.broker.produceBatch("orders", 0, buildRecordBatch([record], newer), { acks: "all" });
  await rejects(send(opened, 1), { code: "invalid_producer_epoch" });
});

test("a batch of a transaction is refused: there are none", async () => {
  await using opened = await openBroker();
  const sent = opened.broker.produceBatch("orders", 0, batchOf(0, "", true), { acks: "all" });
  await rejects(sent, { code: "forbidden_transactional_id" });
});

test("batches under way follow each other, and a retry of one waits until the original is durable", async () => {
  await using opened = await openBroker();
  await opened.broker.createTopic("orders");
  const syncs = holdSyncs(opened.disk);
  const first = send(opened, 0);
  const second = send(opened, 1);
  await syncs.held;
  const retry = send(opened, 0);
  equal(await isSettled(retry), false, "the retry was acknowledged before the original was durable");
  syncs.release();
  deepEqual([(await first).first, (await second).first, (await retry).first], [0, 1, 0]);
});

test("a retry of what is cut back fails with it, and the sequence can be sent again", async () => {
  await using opened = await openBroker();
  const { broker, disk } = opened;
  await broker.createTopic("orders");
  await send(opened, 0);
  let fails = true;
  const { before } = disk;
  disk.before = ({ operation, path }) => {
    if (fails && operation === "write" && isLogOf(path, "orders-0")) {
      throw new PlatformError("no_space", operation, path);
    }
  };
  const [original, retry, next] = await Promise.allSettled([send(opened, 1), send(opened, 1), send(opened, 2)]);
  fails = false;
  disk.before = before;
  for (const refused of [original, retry, next]) {
    equal(refused.status, "rejected");
    equal(((refused as PromiseRejectedResult).reason as SentinelError).code, "storage_error");
  }
  equal((await send(opened, 1)).first, 1);
  deepEqual(await values(broker, "orders"), ["value 0", "value 1"]);
});

test("a log that has failed acknowledges no retry", async () => {
  const disk = new FaultyDisk();
  {
    await using opened = await openBroker({}, disk);
    await opened.broker.createTopic("orders");
    await send(opened, 0);
    const { before } = disk;
    disk.before = ({ operation, path }) => {
      if (operation === "sync" && isLogOf(path, "orders-0")) {
        throw new PlatformError("io", operation, path);
      }
    };
    await rejects(send(opened, 1), { code: "storage_error" });
    await rejects(send(opened, 1), { code: "storage_error" });
    disk.before = before;
  }
  await using again = await openBroker({}, disk);
  const { first } = await send(again, 1);
  deepEqual([first, await values(again.broker, "orders")], [1, ["value 0", "value 1"]]);
});

test("a retry after a clean stop, and after a trim of all segments, is known", async () => {
  const disk = new FaultyDisk();
  for (let sequence = 0; sequence < 5; sequence++) {
    await using opened = await openBroker({}, disk);
    if (sequence === 0) await opened.broker.createTopic("orders", { config: { "segment.bytes": "150" } });
    await send(opened, sequence);
  }
  {
    await using opened = await openBroker({}, disk);
    for (let sequence = 0; sequence < 5; sequence++) equal((await send(opened, sequence)).first, sequence);
    await opened.broker.deleteRecordsBefore("orders", 0, 5);
  }
  await using again = await openBroker({}, disk);
  equal((await send(again, 4)).first, 4);
  equal((await send(again, 5)).first, 5);
  deepEqual(await values(again.broker, "orders"), ["value 5"]);
});
