/** Settings as Kafka's messages tell them: its numbers for where a value comes from and what type it has. */
import type { ConfigEntry, ConfigSource, ConfigType } from "../../broker/config_entry.ts";

/** Kafka's ConfigResource.Type. */
export const RESOURCE_TYPES = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

/** Kafka's DescribeConfigsResponse.ConfigSource. */
export const CONFIG_SOURCES: Readonly<Record<ConfigSource, number>> = { "topic": 1, "static-broker": 4, "default": 5 };

/** Kafka's DescribeConfigsResponse.ConfigType. */
export const CONFIG_TYPES: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
};

/** What CreateTopics and DescribeConfigs both tell of a setting. */
export function configValue(entry: ConfigEntry) {
  return {
    name: entry.name,
    value: entry.value,
    readOnly: entry.isReadOnly,
    configSource: CONFIG_SOURCES[entry.source],
    isSensitive: false,
  };
}

/** A node id as Java reads it from a resource's name, or null. */
export function nodeIdOf(name: string): number | null {
  if (!/^[+-]?\d{1,20}$/.test(name)) return null;
  const id = Number(name);
  return id >= -2_147_483_648 && id <= 2_147_483_647 ? id : null;
}
