/**
 * The settings of the broker under Kafka's names: those that are true here, with the value that is true. What we decide
 * otherwise than Kafka, or have no such thing for, is not listed.
 */
import type { LIMITS } from "../base/limits.ts";
import type { NodeId } from "../base/ids.ts";
import type { Address } from "../platform/network.ts";
import type { StorageEngine } from "../cluster/partition_store.ts";
import type { Durability } from "../cluster/replica.ts";
import type { ConfigType } from "./config_entry.ts";
import { groupSettings } from "./groups/group_settings.ts";
import type { GroupOptions } from "./groups/group_settings.ts";
import { OFFSETS_TOPIC_CONFIG } from "./internal_topics.ts";

/** How this broker was started. */
export interface BrokerFacts {
  readonly nodeId: NodeId;
  readonly dataPath: string;
  /** Where it listens, and what clients are told; null before it listens. */
  readonly listens: Address | null;
  readonly advertised: Address | null;
  readonly autoCreate: boolean;
  readonly partitionsDefault: number;
  readonly durability: Durability;
  readonly storageEngine?: StorageEngine;
  readonly flushIntervalMs: number;
  readonly retentionCheckMs: number;
  readonly cleanerCheckMs?: number;
  readonly groups?: GroupOptions;
}

export interface BrokerSettingRow {
  readonly name: string;
  readonly type: ConfigType;
  readonly value: string | null;
  /** Kafka's default; null: none by default; undefined: there is nothing like it in Kafka, or it must be given. */
  readonly kafkaDefault: string | null | undefined;
  readonly documentation: string;
}

const INT32_MAX = "2147483647";
const INT64_MAX = "9223372036854775807";

type Row = readonly [
  name: string,
  type: ConfigType,
  value: string | null,
  kafkaDefault: string | null | undefined,
  documentation: string,
];

/** Sorted by name. */
export function brokerSettingRows(facts: BrokerFacts, limits: typeof LIMITS): BrokerSettingRow[] {
  const rows: readonly Row[] = [
    ...processRows(facts, limits),
    ...topicRows(facts, limits),
    ...logRows(facts),
    ...cleanerRows(facts, limits),
    ...coordinatorRows(facts, limits),
  ];
  return rows.map(([name, type, value, kafkaDefault, documentation]) => ({
    name,
    type,
    value,
    kafkaDefault,
    documentation,
  })).sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
}

function processRows(facts: BrokerFacts, limits: typeof LIMITS): Row[] {
  const nodeId = String(facts.nodeId);
  return [
    ["node.id", "int", nodeId, undefined, "This node's id (--node-id)"],
    ["broker.id", "int", nodeId, "-1", "The same as node.id"],
    ["broker.rack", "string", null, null, "Where this broker stands; not used"],
    ["process.roles", "list", "broker,controller", undefined, "What this process does: both, always"],
    ["listeners", "list", listenerOf(facts.listens), "PLAINTEXT://:9092", "The binary port (--host, --port)"],
    [
      "advertised.listeners",
      "list",
      listenerOf(facts.advertised),
      null,
      "The address that clients are told (--advertise)",
    ],
    ["log.dirs", "list", facts.dataPath, null, "The data directory (--data); there is one"],
    [
      "storage.engine",
      "string",
      facts.storageEngine ?? "log",
      undefined,
      "How a new topic is stored (--storage-engine)",
    ],
    ["durability", "string", facts.durability, undefined, "What an acknowledgement stands on (--durability)"],
    [
      "flush.interval.ms",
      "int",
      String(facts.flushIntervalMs),
      undefined,
      "With durability interval: how often to sync (--flush-interval-ms)",
    ],
    ["authorizer.class.name", "string", "", "", "Who may do what: no one decides"],
    [
      "connections.max.idle.ms",
      "long",
      String(limits.connectionIdleMsMax),
      "600000",
      "A connection that is silent for this long is closed",
    ],
    ["max.connections", "int", String(limits.connectionsMax), INT32_MAX, "Connections on the binary port"],
    ["max.connections.per.ip", "int", INT32_MAX, INT32_MAX, "Connections from one address: no bound of their own"],
    ["socket.request.max.bytes", "int", String(limits.frameBytesMax), "104857600", "The largest request"],
    ["fetch.max.bytes", "int", String(limits.fetchBytesMax), "57671680", "The largest answer to a fetch"],
    ["remote.log.storage.system.enable", "boolean", "false", "false", "Tiers: there is one"],
  ];
}

function listenerOf(address: Address | null): string | null {
  if (address === null) return null;
  const { host, port } = address;
  return `PLAINTEXT://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function topicRows(facts: BrokerFacts, limits: typeof LIMITS): Row[] {
  return [
    [
      "auto.create.topics.enable",
      "boolean",
      String(facts.autoCreate),
      "true",
      "Whether topics that are produced to and missing are made (--auto-create)",
    ],
    ["delete.topic.enable", "boolean", "true", "true", "Whether topics can be deleted"],
    ["num.partitions", "int", String(facts.partitionsDefault), "1", "Partitions of a new topic (--partitions)"],
    ["default.replication.factor", "int", "1", "1", "Replicas of a new topic"],
    ["min.insync.replicas", "int", "1", "1", "Replicas that must have a record before acks=all is answered"],
    ["message.max.bytes", "int", String(limits.batchBytesDefaultMax), "1048588", "The largest record batch"],
    ["compression.type", "string", "producer", "producer", "The codec of stored batches"],
    ["compression.gzip.level", "int", "-1", "-1", "Level of gzip where the broker compresses"],
    ["compression.lz4.level", "int", "9", "9", "Level of LZ4 where the broker compresses"],
    ["compression.zstd.level", "int", "3", "3", "Level of zstd where the broker compresses"],
    ["unclean.leader.election.enable", "boolean", "false", "false", "Whether a replica that lacks records may lead"],
  ];
}

function logRows(facts: BrokerFacts): Row[] {
  return [
    ["log.cleanup.policy", "list", "delete", "delete", "What happens to old segments"],
    ["log.index.interval.bytes", "int", "4096", "4096", "Bytes of log between two index entries"],
    ["log.index.size.max.bytes", "int", "10485760", "10485760", "Size at which an index is full"],
    ["log.message.timestamp.after.max.ms", "long", "3600000", "3600000", "How far ahead a timestamp may be"],
    ["log.message.timestamp.before.max.ms", "long", INT64_MAX, INT64_MAX, "How far behind a timestamp may be"],
    ["log.message.timestamp.type", "string", "CreateTime", "CreateTime", "Whose clock timestamps come from"],
    ["log.preallocate", "boolean", "false", "false", "Whether a segment's file gets its full size at once"],
    ["log.retention.bytes", "long", "-1", "-1", "Bytes of a partition that are kept"],
    ["log.retention.hours", "int", "168", "168", "How long records are kept"],
    ["log.retention.minutes", "int", null, null, "The same in minutes; not set"],
    ["log.retention.ms", "long", null, null, "The same in milliseconds; not set"],
    [
      "log.retention.check.interval.ms",
      "long",
      String(facts.retentionCheckMs),
      "300000",
      "How often retention looks for segments to remove",
    ],
    ["log.roll.hours", "int", "168", "168", "Span of time after which a segment is sealed"],
    ["log.roll.ms", "long", null, null, "The same in milliseconds; not set"],
    ["log.roll.jitter.hours", "int", "0", "0", "Random time by which segments are sealed earlier"],
    ["log.roll.jitter.ms", "long", null, null, "The same in milliseconds; not set"],
    ["log.segment.bytes", "int", String(1024 ** 3), "1073741824", "Size at which a segment is sealed"],
    ["log.local.retention.bytes", "long", "-2", "-2", "Bytes kept here of a topic in tiers"],
    ["log.local.retention.ms", "long", "-2", "-2", "Time kept here of a topic in tiers"],
  ];
}

function cleanerRows({ cleanerCheckMs }: BrokerFacts, limits: typeof LIMITS): Row[] {
  const backoffMs = String(cleanerCheckMs ?? limits.cleanerCheckMs);
  return [
    ["log.cleaner.enable", "boolean", "true", "true", "Whether compacted topics are compacted"],
    ["log.cleaner.backoff.ms", "long", backoffMs, "15000", "How often the cleaner looks for the dirtiest log"],
    ["log.cleaner.delete.retention.ms", "long", "86400000", "86400000", "How long tombstones are kept"],
    ["log.cleaner.max.compaction.lag.ms", "long", INT64_MAX, INT64_MAX, "How long a record may stay uncompacted"],
    ["log.cleaner.min.compaction.lag.ms", "long", "0", "0", "How long a record stays uncompacted at least"],
    ["log.cleaner.min.cleanable.ratio", "double", "0.5", "0.5", "Uncompacted part of a log that is worth compacting"],
  ];
}

function coordinatorRows(facts: BrokerFacts, limits: typeof LIMITS): Row[] {
  const { settings, offsetsTopicPartitions, expiryCheckMs } = groupSettings(facts.groups);
  const row = (
    name: string,
    type: ConfigType,
    value: number,
    kafkaDefault: string,
    documentation: string,
  ): Row => [name, type, String(value), kafkaDefault, documentation];
  const segmentBytes = Number(OFFSETS_TOPIC_CONFIG["segment.bytes"]);
  return [
    row(
      "group.initial.rebalance.delay.ms",
      "int",
      settings.initialRebalanceDelayMs,
      "3000",
      "How long a new group waits for more members",
    ),
    row("group.min.session.timeout.ms", "int", settings.sessionTimeoutMsMin, "6000", "The shortest session time-out"),
    row("group.max.session.timeout.ms", "int", settings.sessionTimeoutMsMax, "1800000", "The longest session time-out"),
    row("group.max.size", "int", settings.membersMax, INT32_MAX, "Members of one group"),
    row("offset.metadata.max.bytes", "int", limits.offsetMetadataBytesMax, "4096", "Text beside a committed offset"),
    row("offsets.retention.check.interval.ms", "long", expiryCheckMs, "600000", "How often old offsets are looked for"),
    row("offsets.retention.minutes", "int", settings.offsetsRetentionMs / 60_000, "10080", "How long offsets are kept"),
    row("offsets.topic.num.partitions", "int", offsetsTopicPartitions, "50", "Partitions of the offsets topic"),
    row("offsets.topic.replication.factor", "short", 1, "3", "Replicas of the offsets topic"),
    row("offsets.topic.segment.bytes", "int", segmentBytes, "104857600", "Segments of the offsets topic"),
    row(
      "producer.id.expiration.ms",
      "int",
      limits.producerIdExpirationMs,
      "86400000",
      "A silent producer is forgotten",
    ),
  ];
}
