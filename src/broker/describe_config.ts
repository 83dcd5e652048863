/** The settings of a topic and of this broker, each with its value, where it comes from, and what it does. */
import { LIMITS } from "../base/limits.ts";
import { brokerSettingRows } from "./broker_config.ts";
import type { BrokerFacts } from "./broker_config.ts";
import type { ConfigEntry, ConfigSynonym } from "./config_entry.ts";
import { topicSettingRows } from "./topic_config.ts";
import type { TopicConfig, TopicConfigDefaults } from "./topic_config.ts";

/** Where a topic's setting comes from when the topic says nothing: Kafka's name of the broker's setting. */
const BROKER_SETTING: Readonly<Record<string, string>> = {
  "cleanup.policy": "log.cleanup.policy",
  "compression.gzip.level": "compression.gzip.level",
  "compression.lz4.level": "compression.lz4.level",
  "compression.type": "compression.type",
  "compression.zstd.level": "compression.zstd.level",
  "delete.retention.ms": "log.cleaner.delete.retention.ms",
  "durability": "durability",
  "index.interval.bytes": "log.index.interval.bytes",
  "local.retention.bytes": "log.local.retention.bytes",
  "local.retention.ms": "log.local.retention.ms",
  "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
  "max.message.bytes": "message.max.bytes",
  "message.timestamp.after.max.ms": "log.message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms": "log.message.timestamp.before.max.ms",
  "message.timestamp.type": "log.message.timestamp.type",
  "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
  "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
  "min.insync.replicas": "min.insync.replicas",
  "preallocate": "log.preallocate",
  "retention.bytes": "log.retention.bytes",
  "segment.bytes": "log.segment.bytes",
  "segment.index.bytes": "log.index.size.max.bytes",
  "storage.engine": "storage.engine",
  "unclean.leader.election.enable": "unclean.leader.election.enable",
};

/** Settings of ours whose default is how this broker was started, and the values that it is not told of then. */
const STARTED_WITH: Readonly<Record<string, string>> = { "durability": "fsync", "storage.engine": "log" };

/** Every setting that a topic has, sorted by name. */
export function describeTopicConfig(config: TopicConfig, defaults: TopicConfigDefaults): ConfigEntry[] {
  return topicSettingRows(defaults).map((row): ConfigEntry => {
    const brokerName = BROKER_SETTING[row.name];
    // Kafka's tools show what is no default as if the topic had set it: the usual would only be noise.
    const usual = STARTED_WITH[row.name];
    const isStarted = usual !== undefined && row.default !== usual;
    const defaultSource = isStarted ? "static-broker" : "default";
    const synonyms: ConfigSynonym[] = brokerName === undefined
      ? []
      : [{ name: brokerName, value: row.default, source: defaultSource }];
    const value = config[row.name];
    if (value !== undefined) synonyms.unshift({ name: row.name, value, source: "topic" });
    return {
      name: row.name,
      value: value ?? row.default,
      type: row.type,
      source: value === undefined ? defaultSource : "topic",
      isReadOnly: row.isFixed,
      synonyms,
      documentation: row.documentation,
    };
  });
}

/** Every setting of this broker that is true, sorted by name. None can be changed while it runs. */
export function describeBrokerConfig(facts: BrokerFacts): ConfigEntry[] {
  return brokerSettingRows(facts, LIMITS).map((row): ConfigEntry => {
    const isDefault = row.value === row.kafkaDefault;
    const synonyms: ConfigSynonym[] = [];
    if (!isDefault && row.value !== null) {
      synonyms.push({ name: row.name, value: row.value, source: "static-broker" });
    }
    if (typeof row.kafkaDefault === "string") {
      synonyms.push({ name: row.name, value: row.kafkaDefault, source: "default" });
    }
    return {
      name: row.name,
      value: row.value,
      type: row.type,
      source: isDefault ? "default" : "static-broker",
      isReadOnly: true,
      synonyms,
      documentation: row.documentation,
    };
  });
}
