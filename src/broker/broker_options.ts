import type { SentinelError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import type { StorageEngine } from "../cluster/partition_store.ts";
import type { Durability } from "../cluster/replica.ts";
import type { GroupOptions } from "./groups/group_settings.ts";
import type { PartitionerName } from "./partitioner.ts";

/** How a broker is set up. */
export interface BrokerOptions {
  readonly dataPath: string;
  readonly nodeId: NodeId;
  readonly durability: Durability;
  readonly flushIntervalMs: number;
  /** Make a topic when a producer names one that is missing. */
  readonly autoCreate: boolean;
  /** Partitions of a topic that is made without a number. */
  readonly partitionsDefault: number;
  /** `storage.engine` of a topic that is made without one; default `log`. */
  readonly storageEngine?: StorageEngine;
  /** Who gets records that name no partition; default `murmur2`. */
  readonly partitioner?: PartitionerName;
  /** The disk is memory: acknowledgements must not claim more. */
  readonly inMemory?: boolean;
  /** Smallest `segment.bytes`; below Kafka's 1 MiB only in tests. */
  readonly segmentBytesMin?: number;
  /** Memory of the node's tree before it writes a table; below `nodeTreeMemtableBytes` only in tests. */
  readonly treeMemtableBytes?: number;
  readonly retentionCheckMs?: number;
  /** How often the cleaner looks for something to compact. */
  readonly cleanerCheckMs?: number;
  /** What the scrub may read; 0, the default: it is off. */
  readonly scrubBytesPerSecond?: number;
  /** How long after the beginning of a pass of the scrub the next one begins. */
  readonly scrubPeriodMs?: number;
  readonly scrubCheckMs?: number;
  /** How consumer groups are coordinated, where it is not as Kafka's defaults say. */
  readonly groups?: GroupOptions;
  /** Told what goes wrong where no request is that could be answered with it. */
  readonly onError?: (error: SentinelError) => void;
}
