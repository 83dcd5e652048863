import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../../adapters/memory/disk.ts";
import { Broker } from "../../src/broker/broker.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { BATCH_HEADER_BYTES, RecordBatch } from "../../src/records/record_batch.ts";
import { currentPlatform } from "../adapters/current.ts";

const OPTIONS = {
  dataPath: "/data",
  nodeId: 1,
  durability: "fsync",
  flushIntervalMs: 100,
  autoCreate: true,
  partitionsDefault: 1,
} as const;

/** A client could take a partition down for good: what is stored damaged is found at the next start, and called damage. */
test("a produced batch that does not agree with its checksum is refused, and the next start finds nothing wrong", async () => {
  const disk = memoryDisk();
  const platform = { ...currentPlatform(), disk };
  const { broker } = await Broker.open(platform, OPTIONS);
  const record = { key: null, value: new Uint8Array(100), headers: [] };
  for (const at of [21, 43, BATCH_HEADER_BYTES + 20]) {
    const bytes = buildRecordBatch([record], { nowMs: 1_000 }).bytes;
    bytes[at]! ^= 1;
    const damaged = broker.produceBatch("orders", 0, new RecordBatch(bytes), { acks: "all" });
    await rejects(damaged, { code: "corrupt_batch" }, `byte ${at}`);
  }
  equal(broker.describeTopic("orders"), null);
  await broker.produceBatch("orders", 0, buildRecordBatch([record], { nowMs: 1_000 }), { acks: "all" });
  await broker.close();
  const { broker: again, report } = await Broker.open(platform, OPTIONS);
  deepEqual(report.offline, []);
  equal(again.describeTopic("orders")?.partitions[0]?.end, 1);
  await again.close();
});
