/**
 * Topic settings of Kafka's that this broker does not work with, and whose default describes it all the same: they are
 * listed, and can be set to that default only. A setting whose default would be untrue here (`flush.messages`,
 * `flush.ms`: we sync before we acknowledge; `file.delete.delay.ms`: we delete at once) is neither listed nor taken.
 */
import type { ConfigType } from "./config_entry.ts";

export interface FixedTopicSetting {
  readonly type: ConfigType;
  readonly value: string;
  readonly documentation: string;
}

const fixed = (type: ConfigType, value: string, documentation: string): FixedTopicSetting => ({
  type,
  value,
  documentation,
});

/** By Kafka's names. What is built moves to the table in `topic_config.ts`. */
export const FIXED_TOPIC_SETTINGS: Readonly<Record<string, FixedTopicSetting>> = {
  "compression.lz4.level": fixed(
    "int",
    "9",
    "Level of LZ4 where the broker compresses: 9 stands for the fast compressor",
  ),
  "follower.replication.throttled.replicas": fixed("list", "", "Replicas whose copying is slowed down: none"),
  "leader.replication.throttled.replicas": fixed("list", "", "Replicas that are served slowly: none"),
  "local.retention.bytes": fixed(
    "long",
    "-2",
    "Bytes kept here of a topic in tiers: -2 is retention.bytes, all of them",
  ),
  "local.retention.ms": fixed("long", "-2", "Time kept here of a topic in tiers: -2 is retention.ms, all of it"),
  "preallocate": fixed("boolean", "false", "Whether a segment's file gets its full size when it is made"),
  "remote.log.copy.disable": fixed("boolean", "false", "Stops copying segments to another tier; there is none"),
  "remote.log.delete.on.disable": fixed("boolean", "false", "Deletes what another tier holds; there is none"),
  "remote.storage.enable": fixed("boolean", "false", "Keeps old segments in another tier; there is none"),
  "segment.index.bytes": fixed("int", "10485760", "Size at which an index is full, and its segment is sealed"),
  "segment.jitter.ms": fixed("long", "0", "Random time by which segments are sealed earlier: none"),
  "unclean.leader.election.enable": fixed(
    "boolean",
    "false",
    "Whether a replica that lacks acknowledged records may lead: never",
  ),
};
