/**
 * What a broker stands on, opened from a data directory: the metadata log, the node's tree, and the topics with all their
 * partitions.
 */
import { LIMITS } from "../base/limits.ts";
import { METADATA_LOG_SETTINGS, MetadataLog } from "../cluster/metadata_log.ts";
import { NodeTree } from "../cluster/node_tree.ts";
import { PartitionStore } from "../cluster/partition_store.ts";
import type { Platform } from "../platform/platform.ts";
import { storeIdentity } from "../storage/data_directory.ts";
import type { DataDirectory } from "../storage/data_directory.ts";
import type { BrokerOptions } from "./broker_options.ts";
import { ProducerIds } from "./producer_ids.ts";
import { openTopics, Topics } from "./topics.ts";
import type { OpenReport } from "./topics.ts";

export interface OpenStorage {
  readonly topics: Topics;
  readonly producerIds: ProducerIds;
  /** Closed by the broker, behind everything that uses it. */
  readonly tree: NodeTree;
  readonly report: OpenReport;
}

/** Recovers every partition. A failure leaves nothing open. */
export async function openStorage(
  { disk, clock, random }: Platform,
  options: BrokerOptions,
  directory: DataDirectory,
): Promise<OpenStorage> {
  const { dataPath: path, flushIntervalMs, partitionsDefault, durability } = options;
  const { directoryId } = directory;
  const memtableBytes = options.treeMemtableBytes ?? LIMITS.nodeTreeMemtableBytes;
  const told = options.onError === undefined ? {} : { onError: options.onError };
  const tree = new NodeTree({ disk, clock, path, directoryId, memtableBytes, ...told });
  const store = new PartitionStore({ disk, clock, path, flushIntervalMs, tree });
  try {
    await tree.openExisting();
    const log = await store.openMetadataLog(directory.isNew, { durability: "fsync", log: METADATA_LOG_SETTINGS });
    if (directory.isNew) await storeIdentity(disk, path, directory);
    const metadata = new MetadataLog(log, clock);
    const producerIds = new ProducerIds(metadata);
    const { storageEngine: engine = "log", segmentBytesMin = LIMITS.segmentBytesMin } = options;
    const configDefaults = { durability, engine, segmentBytesMin };
    const topics = new Topics({ store, metadata, producerIds, random, partitionsDefault, configDefaults });
    return { topics, producerIds, tree, report: await openTopics(topics) };
  } catch (thrown) {
    await tree.close();
    throw thrown;
  }
}
