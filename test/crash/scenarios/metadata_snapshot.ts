import { METADATA_LOG_SETTINGS, MetadataLog } from "../../../src/cluster/metadata_log.ts";
import { NodeTree } from "../../../src/cluster/node_tree.ts";
import { PartitionStore } from "../../../src/cluster/partition_store.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { changeRecord } from "../../../src/broker/topic_table.ts";
import { BrokerScript } from "../broker_script.ts";
import { BROKER_OPTIONS } from "../broker_subject.ts";
import type { Scenario } from "../scenario.ts";

/** A metadata log that has grown is replaced by a snapshot at the start; topics change right after it. */
export const metadataSnapshot: Scenario = {
  name: "metadata_snapshot",
  prepare: (seed, engine) => {
    const script = new BrokerScript(seed, engine);
    /** As many changes of one topic as lead to a snapshot, in one batch: made one by one they would be as many syncs. */
    const growLog = async (): Promise<void> => {
      const { partitions, topicId } = script.broker.describeTopic("orders")!;
      await script.stop();
      const { disk, clock } = script.startProcess().platform;
      const path = BROKER_OPTIONS.dataPath;
      const tree = new NodeTree({ disk, clock, path, directoryId: "" });
      const store = new PartitionStore({ disk, clock, path, flushIntervalMs: 100, tree });
      const log = await store.openMetadataLog(false, { durability: "fsync", log: METADATA_LOG_SETTINGS });
      const metadata = new MetadataLog(log, clock);
      const record = changeRecord({
        name: "orders",
        topicId,
        partitions: partitions.length,
        engine: "log",
        config: {},
      });
      await metadata.append(Array.from({ length: LIMITS.metadataRecordsBeforeSnapshot }, () => record));
      await metadata.close();
    };
    const run = async (): Promise<void> => {
      await script.start();
      await script.create("deleted");
      await script.create("orders");
      await script.delete("deleted");
      await script.produce("orders");
      await growLog();
      script.beginCrashes();
      await script.start();
      await Promise.all([script.create("late"), script.produce("orders")]);
      await script.alter("orders", 2, {});
      await script.delete("late");
    };
    return { script, run };
  },
};
