/** `compression.type`: the form in which a topic's batches are stored, whatever their producers sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCompression } from "../../adapters/node/compression.ts";
import { SentinelError } from "../../src/base/errors.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import type { Codec } from "../../src/platform/compression.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { compressBatch } from "../../src/records/compressed_batch.ts";
import { rebuiltBatch } from "../../src/records/rebuild_batch.ts";
import type { RecordBatch } from "../../src/records/record_batch.ts";
import { lineOf, recordsOf } from "../storage/log/cleaning_fixture.ts";
import { fetchOne, openBroker } from "./broker_fixture.ts";
import type { OpenedBroker } from "./broker_fixture.ts";

const CODECS = ["gzip", "snappy", "lz4", "zstd"] as const;

async function batchOf(opened: OpenedBroker, values: readonly string[], codec?: Codec): Promise<RecordBatch> {
  const inputs = values.map((value) => ({
    key: new TextEncoder().encode("k"),
    value: new TextEncoder().encode(value),
    headers: [],
  }));
  const options = { nowMs: opened.clock.nowMs(), producerId: 9n, producerEpoch: 1, baseSequence: 0 };
  const batch = buildRecordBatch(inputs, options);
  return codec === undefined ? batch : await compressBatch(batch, codec, nodeCompression);
}

async function refused(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof SentinelError && thrown.code === code, String(thrown));
    return true;
  });
}

test("each codec turns into each other, with records, producer and sequences as they were", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  for (const target of ["uncompressed", ...CODECS] as const) {
    for (const source of [undefined, ...CODECS]) {
      const name = `${target}-${source}`;
      await broker.createTopic(name, { config: { "compression.type": target } });
      await broker.produceBatch(name, 0, await batchOf(opened, ["one", "two"], source), { acks: "leader" });
      const [stored] = (await fetchOne(broker, name)).batches;
      assert.equal(stored!.codec, target === "uncompressed" ? "none" : target, name);
      assert.ok(stored!.hasValidCrc());
      assert.deepEqual([stored!.producerId, stored!.producerEpoch, stored!.baseSequence], [9n, 1, 0]);
      assert.deepEqual((await recordsOf([stored!])).map(lineOf), ["0 k=one", "1 k=two"]);
    }
  }
});

test("what comes as records is compressed too; producer keeps what came", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("zipped", { config: { "compression.type": "zstd", "compression.zstd.level": "19" } });
  await broker.createTopic("kept");
  const record = { key: null, value: new TextEncoder().encode("v".repeat(1_000)), headers: [] };
  for (const name of ["zipped", "kept"]) await broker.produceRecords(name, [{ record }], { acks: "leader" });
  await broker.produceBatch("kept", 0, await batchOf(opened, ["one"], "lz4"), { acks: "leader" });
  assert.deepEqual((await fetchOne(broker, "zipped")).batches.map(({ codec }) => codec), ["zstd"]);
  assert.deepEqual((await fetchOne(broker, "kept")).batches.map(({ codec }) => codec), ["none", "lz4"]);
});

test("batches of one partition are appended in the order in which they came, however long each takes", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.createTopic("orders", { config: { "compression.type": "gzip" } });
  const acks = await Promise.all(Array.from({ length: 30 }, async (_, at) => {
    const value = new TextEncoder().encode(`${at}`.padEnd(at % 3 === 0 ? 200_000 : 10, "."));
    const batch = buildRecordBatch([{ key: null, value, headers: [] }], { nowMs: opened.clock.nowMs() });
    // Every other one is in its form already and has nothing to wait for but its turn.
    const sent = at % 2 === 0 ? batch : at % 5 === 0 ? await compressBatch(batch, "gzip", nodeCompression) : batch;
    return sent;
  })).then((batches) =>
    Promise.all(batches.map((batch) => broker.produceBatch("orders", 0, batch, { acks: "leader" })))
  );
  assert.deepEqual(acks.map(({ first }) => first), Array.from({ length: 30 }, (_, at) => at));
});

test("a bomb, a block that does not open, and a batch that grows too large are refused", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const settings = { "compression.type": "uncompressed", "max.message.bytes": "1000" };
  await broker.createTopic("plain", { config: settings });
  // Some hundred bytes that expand to more than is ever opened.
  const zeros = await nodeCompression.compress("zstd", new Uint8Array(70 * 1024 * 1024));
  const bomb = withPayload(await batchOf(opened, ["x"], "zstd"), zeros);
  await refused("too_large", broker.produceBatch("plain", 0, bomb, { acks: "leader" }));
  await refused(
    "too_large",
    broker.produceBatch("plain", 0, await batchOf(opened, ["x".repeat(2_000)], "gzip"), { acks: "leader" }),
  );
  const broken = withPayload(await batchOf(opened, ["x"], "gzip"), Uint8Array.of(1, 2, 3));
  await refused("invalid_record", broker.produceBatch("plain", 0, broken, { acks: "leader" }));
  // The records inside are looked at, once it is open.
  const lying = withPayload(
    await batchOf(opened, ["x"], "gzip"),
    await nodeCompression.compress("gzip", bytesOf("no")),
  );
  await refused("invalid_record", broker.produceBatch("plain", 0, lying, { acks: "leader" }));
  assert.equal((await fetchOne(broker, "plain")).highWatermark, 0);
});

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A batch with another block, and a checksum that agrees with it. */
function withPayload(batch: RecordBatch, payload: Uint8Array): RecordBatch {
  return rebuiltBatch(batch, { payload, recordCount: batch.recordCount, maxTimestamp: batch.maxTimestamp });
}
