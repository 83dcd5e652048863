/** The metadata log's records: whatever they hold, the table is built from them or the log is called damaged. */
import assert from "node:assert/strict";
import { LIMITS } from "../../../src/base/limits.ts";
import { ProducerIds } from "../../../src/broker/producer_ids.ts";
import { topicNameFault } from "../../../src/broker/topic_name.ts";
import { TopicTable } from "../../../src/broker/topic_table.ts";
import { topicSettings } from "../../../src/broker/topic_config.ts";
import { MetadataLog } from "../../../src/cluster/metadata_log.ts";
import { decodeUtf8Leniently } from "../../../src/bytes/utf8.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import type { PartitionLog } from "../../../src/storage/partition_log.ts";
import { ManualClock } from "../../manual_clock.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { anyText, hostileJson, nearly, nearlyConfig } from "../grammar.ts";
import { mutate } from "../mutation.ts";
import { refusalsAllowed } from "./documented_errors.ts";

const IDS = ["AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg", "x"] as const;
const LF = 0x0a;

/** A log that holds one batch and is only read. */
function logOf(values: readonly Uint8Array[]): PartitionLog {
  const inputs = values.map((value) => ({ key: null, value, headers: [] }));
  const batch = buildRecordBatch(inputs, { nowMs: 0 });
  const log: Pick<PartitionLog, "startOffset" | "endOffset" | "read"> = {
    startOffset: 0,
    endOffset: values.length,
    read: () => [batch],
  };
  return log as PartitionLog;
}

/** One record a line. */
export const metadataLog: FuzzTarget = {
  name: "metadata_log",
  weight: 20,
  inputsPerSubject: 1_000_000,
  open: async () => ({
    make(random) {
      const lines: number[] = [];
      for (let count = 1 + random.below(5); count > 0; count--) {
        const record = nearly(random, {
          type: (inner) =>
            inner.pick(["topic", "topic", "topic", "change", "delete", "snapshot", "later", "producer_ids"]),
          name: (inner) => inner.below(6) === 0 ? anyText(inner) : inner.pick(["orders", "t"]),
          id: (inner) => inner.pick(IDS),
          partitions: (inner) => inner.pick([1, 2, 3, 10_000, 0, -1, 1e300, 1.5]),
          config: nearlyConfig,
          reserved: (inner) => inner.pick([1_000, 2_000, -1, 1.5, 1e300]),
        });
        const bytes = hostileJson(random, record);
        lines.push(...(random.below(4) === 0 ? mutate(random, bytes) : bytes), LF);
      }
      return Uint8Array.from(lines);
    },
    async check(input) {
      const values = decodeUtf8Leniently(input).split("\n").map((line) => new TextEncoder().encode(line));
      const table = new TopicTable();
      const producerIds = new ProducerIds({ append: () => Promise.resolve() });
      const replay = new MetadataLog(logOf(values), new ManualClock()).replay((record) => {
        if (!producerIds.apply(record)) table.apply(record);
      });
      await refusalsAllowed(replay, ["storage_error"]);
      for (const entry of table.entries()) {
        assert.equal(topicNameFault(entry.name), null);
        assert.ok(entry.partitions <= LIMITS.topicPartitionsMax);
        for (const value of Object.values(entry.config)) assert.equal(typeof value, "string");
        topicSettings(entry.config, { durability: "fsync", engine: "log", segmentBytesMin: 1_048_576 });
      }
      for (const record of [...table.snapshot(), ...producerIds.snapshot()]) assert.equal(typeof record.type, "string");
    },
  }),
};
