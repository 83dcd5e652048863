/** One setting of a topic or of the broker, as it is described: what Kafka's DescribeConfigs tells. */

/** Kafka's types of settings (ConfigDef.Type), those that we have. */
export type ConfigType = "boolean" | "string" | "int" | "short" | "long" | "double" | "list";

/**
 * Where a value comes from. `topic`: set on the topic; `static-broker`: how this broker was started or built;
 * `default`: Kafka's own default, which is also ours.
 */
export type ConfigSource = "topic" | "static-broker" | "default";

/** A place that a value could come from, with what it says there. */
export interface ConfigSynonym {
  readonly name: string;
  readonly value: string;
  readonly source: ConfigSource;
}

export interface ConfigEntry {
  readonly name: string;
  /** Null: not set, and without a default. */
  readonly value: string | null;
  readonly type: ConfigType;
  readonly source: ConfigSource;
  /** Cannot be changed while the broker runs. */
  readonly isReadOnly: boolean;
  /** In the order in which they count: the first one is the value. */
  readonly synonyms: readonly ConfigSynonym[];
  readonly documentation: string;
}
