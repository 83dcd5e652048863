/**
 * The settings of a topic: Kafka's names, defaults and types (design §5), values as strings on every face. A setting
 * that Kafka has and we do not obey is not accepted: silence would be taken for a promise. Faults are in Kafka's words,
 * which its tools' users know.
 */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StorageEngine } from "../cluster/partition_store.ts";
import type { Durability, ReplicaSettings } from "../cluster/replica.ts";
import type { Codec } from "../platform/compression.ts";
import type { LogSettings } from "../storage/partition_log.ts";
import type { ConfigType } from "./config_entry.ts";
import { FIXED_TOPIC_SETTINGS } from "./fixed_topic_settings.ts";

/** How a value is written and what it may be. */
type SettingType =
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "ratio" }
  /** One or more of the values, with commas. */
  | { readonly kind: "list"; readonly values: readonly string[] }
  | { readonly kind: "choice"; readonly values: readonly string[] };

interface SettingRow {
  readonly type: SettingType;
  readonly default: string;
  readonly documentation: string;
}

const INT32_MIN = -2_147_483_648;
const INT32_MAX = 2_147_483_647;
const INT64_MIN = -9_223_372_036_854_775_808n;
/** Kafka's Long.MAX_VALUE stands for "without bound"; as a number it is the nearest double, which is fine for a bound. */
const INT64_MAX = 9_223_372_036_854_775_807n;

const integer = (min: number, max: number, defaultValue: string, documentation: string): SettingRow => ({
  type: { kind: "integer", min, max },
  default: defaultValue,
  documentation,
});
const choice = (values: readonly string[], defaultValue: string, documentation: string): SettingRow => ({
  type: { kind: "choice", values },
  default: defaultValue,
  documentation,
});

const TOPIC_SETTINGS = {
  "cleanup.policy": {
    type: { kind: "list", values: ["compact", "delete"] },
    default: "delete",
    documentation:
      "What happens to old segments: delete removes them when retention no longer keeps them, compact keeps the newest record of each key",
  },
  "compression.gzip.level": integer(-1, 9, "-1", "Level of gzip where the broker compresses: -1 is zlib's own default"),
  "compression.type": choice(
    ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
    "producer",
    "The codec of stored batches: producer keeps each batch as it came",
  ),
  "compression.zstd.level": integer(-131_072, 22, "3", "Level of zstd where the broker compresses"),
  "delete.retention.ms": integer(
    0,
    Number(INT64_MAX),
    "86400000",
    "How long tombstones of a compacted topic are kept after their first compaction",
  ),
  "durability": choice(
    ["fsync", "interval", "os"],
    "",
    "What an acknowledgement stands on: fsync survives power loss, interval is synced within the flush interval, os survives the process",
  ),
  "index.interval.bytes": integer(0, INT32_MAX, "4096", "Bytes of log between two index entries"),
  "max.compaction.lag.ms": integer(
    1,
    Number(INT64_MAX),
    String(INT64_MAX),
    "How long a record of a compacted topic may stay uncompacted",
  ),
  "max.message.bytes": integer(
    0,
    LIMITS.batchBytesMax,
    String(LIMITS.batchBytesDefaultMax),
    "The largest record batch that is accepted",
  ),
  "message.timestamp.after.max.ms": integer(
    0,
    Number(INT64_MAX),
    "3600000",
    "How far ahead of the broker's clock a record's timestamp may be",
  ),
  "message.timestamp.before.max.ms": integer(
    0,
    Number(INT64_MAX),
    String(INT64_MAX),
    "How far behind the broker's clock a record's timestamp may be",
  ),
  "message.timestamp.type": choice(
    ["CreateTime", "LogAppendTime"],
    "CreateTime",
    "Whose clock a record's timestamp comes from: the producer's or the broker's",
  ),
  "min.cleanable.dirty.ratio": {
    type: { kind: "ratio" },
    default: "0.5",
    documentation: "Uncompacted part of a compacted topic that is worth compacting",
  },
  "min.compaction.lag.ms": integer(
    0,
    Number(INT64_MAX),
    "0",
    "How long a record of a compacted topic stays uncompacted at least",
  ),
  "min.insync.replicas": integer(1, 1, "1", "Replicas that must have a record before it is acknowledged with acks=all"),
  "retention.bytes": integer(-1, Number(INT64_MAX), "-1", "Bytes of a partition that are kept; -1 without bound"),
  "retention.ms": integer(-1, Number(INT64_MAX), "604800000", "How long records are kept; -1 for ever"),
  "segment.bytes": integer(
    LIMITS.segmentBytesMin,
    LIMITS.segmentBytesMax,
    "1073741824",
    "Size at which a segment is sealed",
  ),
  "segment.ms": integer(1, Number(INT64_MAX), "604800000", "Span of time after which a segment is sealed"),
  "storage.engine": choice(
    ["log", "lsm"],
    "",
    "How partitions are stored, fixed for a topic's life: log in segments of their own, lsm in the node's LSM tree",
  ),
} as const satisfies Readonly<Record<string, SettingRow>>;

export type TopicSettingName = keyof typeof TOPIC_SETTINGS;

/** Settings that are not the default. */
export type TopicConfig = Readonly<Record<string, string>>;

/** What the broker itself decides where a topic says nothing. */
export interface TopicConfigDefaults {
  readonly durability: Durability;
  readonly engine: StorageEngine;
  /** Below Kafka's 1 MiB only for tests. */
  readonly segmentBytesMin: number;
}

/** A setting as it is described. */
export interface TopicSettingRow {
  readonly name: string;
  readonly type: ConfigType;
  readonly default: string;
  readonly documentation: string;
  /** It can only be its default. */
  readonly isFixed: boolean;
}

/** Every setting that a topic has, sorted by name. */
export function topicSettingRows(defaults: TopicConfigDefaults): TopicSettingRow[] {
  const rows = Object.entries(TOPIC_SETTINGS).map(([name, row]): TopicSettingRow => ({
    name,
    type: settingType(row),
    default: defaultOf(name as TopicSettingName, defaults),
    documentation: row.documentation,
    isFixed: false,
  }));
  for (const [name, { type, value, documentation }] of Object.entries(FIXED_TOPIC_SETTINGS)) {
    rows.push({ name, type, default: value, documentation, isFixed: true });
  }
  return rows.sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
}

function settingType({ type }: SettingRow): ConfigType {
  if (type.kind === "list") return "list";
  if (type.kind === "ratio") return "double";
  if (type.kind === "choice") return "string";
  return type.max > INT32_MAX ? "long" : "int";
}

/** Whether a setting's value is a list, to which values can be added. */
export function isListSetting(name: string): boolean {
  const isListed = Object.hasOwn(TOPIC_SETTINGS, name) &&
    TOPIC_SETTINGS[name as TopicSettingName].type.kind === "list";
  return isListed || (Object.hasOwn(FIXED_TOPIC_SETTINGS, name) && FIXED_TOPIC_SETTINGS[name]!.type === "list");
}

/** What is wrong with a setting, or null. */
export function topicSettingFault(name: string, value: string, defaults: TopicConfigDefaults): string | null {
  if (Object.hasOwn(FIXED_TOPIC_SETTINGS, name)) {
    const { value: only } = FIXED_TOPIC_SETTINGS[name]!;
    return value === only ? null : `${badValue(name, value)}: This broker has it at ${JSON.stringify(only)} only`;
  }
  if (!Object.hasOwn(TOPIC_SETTINGS, name)) return `Unknown topic config name: ${name}`;
  const { type }: SettingRow = TOPIC_SETTINGS[name as TopicSettingName];
  switch (type.kind) {
    case "choice":
      return choiceFault(name, value, type);
    case "list": {
      const wrong = listOf(value).find((item) => !type.values.includes(item));
      return wrong === undefined ? null : `${badValue(name, wrong)}: String must be one of: ${type.values.join(", ")}`;
    }
    case "ratio":
      return ratioFault(name, value);
    case "integer":
      return integerFault(name, value, type, defaults);
  }
}

function choiceFault(name: string, value: string, type: SettingType & { kind: "choice" }): string | null {
  if (type.values.includes(value)) return null;
  return `${badValue(name, value)}: String must be one of: ${type.values.join(", ")}`;
}

function ratioFault(name: string, value: string): string | null {
  const number = ratioOf(value);
  if (number === null) return `${badValue(name, value)}: Not a number of type DOUBLE`;
  if (number < 0) return `${badValue(name, value)}: Value must be at least 0`;
  return number > 1 ? `${badValue(name, value)}: Value must be no more than 1` : null;
}

function integerFault(
  name: string,
  value: string,
  type: SettingType & { kind: "integer" },
  defaults: TopicConfigDefaults,
): string | null {
  const { max } = type;
  const isLong = max > INT32_MAX;
  const number = integerOf(value);
  if (number === null || number < (isLong ? INT64_MIN : INT32_MIN) || number > (isLong ? INT64_MAX : INT32_MAX)) {
    return `${badValue(name, value)}: Not a number of type ${isLong ? "LONG" : "INT"}`;
  }
  const min = name === "segment.bytes" ? Math.min(type.min, defaults.segmentBytesMin) : type.min;
  if (number < min) return `${badValue(name, value)}: Value must be at least ${min}`;
  if (!isLong && number > max) return `${badValue(name, value)}: Value must be no more than ${max}`;
  if (name === "compression.gzip.level" && number === 0n) {
    return `${badValue(name, value)}: Value must be between 1 and 9 or equal to -1`;
  }
  return null;
}

function badValue(name: string, value: string): string {
  return `Invalid value ${value} for configuration ${name}`;
}

/** As Java reads numbers, which takes blanks around them and a plus sign. */
function integerOf(value: string): bigint | null {
  const digits = value.trim();
  return /^[+-]?\d{1,40}$/.test(digits) ? BigInt(digits.startsWith("+") ? digits.slice(1) : digits) : null;
}

function ratioOf(value: string): number | null {
  const text = value.trim();
  return /^[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})(e[+-]?\d{1,3})?$/i.test(text) ? Number(text) : null;
}

/** A list's items; one that is empty has an item that no setting allows. */
function listOf(value: string): string[] {
  return value.split(",").map((item) => item.trim());
}

/** Checks settings and drops those that are the default. Fails with `invalid_config`, one fault for each bad setting. */
export function normalizeTopicConfig(
  config: Readonly<Record<string, string>>,
  defaults: TopicConfigDefaults,
): TopicConfig {
  const faults: { pointer: string; detail: string }[] = [];
  const kept: Record<string, string> = {};
  for (const [name, value] of unknownFirst(config)) {
    const fault = topicSettingFault(name, value, defaults);
    if (fault !== null) {
      faults.push({ pointer: `/config/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, detail: fault });
    } else if (!Object.hasOwn(FIXED_TOPIC_SETTINGS, name)) {
      const written = canonical(name as TopicSettingName, value);
      if (written !== defaultOf(name as TopicSettingName, defaults)) kept[name] = written;
    }
  }
  if (faults.length === 0) faults.push(...lagFaults(kept));
  if (faults.length > 0) {
    throw new SentinelError("invalid_config", faults.map((fault) => fault.detail).join("; "), { errors: faults });
  }
  return kept;
}

/** Kafka looks at all names before it looks at values. */
function unknownFirst(config: Readonly<Record<string, string>>): (readonly [name: string, value: string])[] {
  const isKnown = (name: string): boolean =>
    Object.hasOwn(TOPIC_SETTINGS, name) || Object.hasOwn(FIXED_TOPIC_SETTINGS, name);
  const settings = Object.entries(config);
  return [...settings.filter(([name]) => !isKnown(name)), ...settings.filter(([name]) => isKnown(name))];
}

/** In Kafka's words. */
function lagFaults(config: TopicConfig): { pointer: string; detail: string }[] {
  const min = config["min.compaction.lag.ms"] ?? TOPIC_SETTINGS["min.compaction.lag.ms"].default;
  const max = config["max.compaction.lag.ms"] ?? TOPIC_SETTINGS["max.compaction.lag.ms"].default;
  if (BigInt(min) <= BigInt(max)) return [];
  const detail = `conflict topic config setting min.compaction.lag.ms (${min}) > max.compaction.lag.ms (${max})`;
  return [{ pointer: "/config/min.compaction.lag.ms", detail }];
}

/** A topic's settings in the form that the broker works with. */
export interface TopicSettings {
  readonly replica: ReplicaSettings;
  readonly batchBytesMax: number;
  /** Each record has a key, by which older ones are superseded. */
  readonly isCompacted: boolean;
  /** How batches are stored; null: as they came. */
  readonly codec: Codec | "none" | null;
  /** What the codec is told, where it has levels. */
  readonly codecLevel: number | undefined;
  readonly timestampType: "CreateTime" | "LogAppendTime";
  readonly timestampAfterMsMax: number;
  readonly timestampBeforeMsMax: number;
}

export function topicSettings(config: TopicConfig, defaults: TopicConfigDefaults): TopicSettings {
  const text = (name: TopicSettingName): string => config[name] ?? defaultOf(name, defaults);
  const number = (name: TopicSettingName): number => Number(text(name));
  const policies = listOf(text("cleanup.policy"));
  const isCompacted = policies.includes("compact");
  const compressionType = text("compression.type");
  const codec = compressionType === "producer" ? null : compressionType === "uncompressed" ? "none" : compressionType;
  const hasLevel = codec === "gzip" || codec === "zstd";
  return {
    batchBytesMax: number("max.message.bytes"),
    isCompacted,
    codec: codec as TopicSettings["codec"],
    codecLevel: hasLevel ? number(`compression.${codec}.level`) : undefined,
    timestampType: text("message.timestamp.type") as TopicSettings["timestampType"],
    timestampAfterMsMax: number("message.timestamp.after.max.ms"),
    timestampBeforeMsMax: number("message.timestamp.before.max.ms"),
    replica: {
      durability: text("durability") as Durability,
      log: logSettings(number, isCompacted, policies.includes("delete")),
    },
  };
}

function logSettings(
  number: (name: TopicSettingName) => number,
  isCompacted: boolean,
  isDeleted: boolean,
): LogSettings {
  const lagMsMax = number("max.compaction.lag.ms");
  const settings: LogSettings = {
    segmentBytes: number("segment.bytes"),
    // What is not sealed is not compacted.
    segmentMs: isCompacted ? Math.min(number("segment.ms"), lagMsMax) : number("segment.ms"),
    indexIntervalBytes: number("index.interval.bytes"),
    retentionMs: isDeleted ? number("retention.ms") : -1,
    retentionBytes: isDeleted ? number("retention.bytes") : -1,
    batchBytesMax: number("max.message.bytes"),
  };
  if (!isCompacted) return settings;
  const compaction = {
    deleteRetentionMs: number("delete.retention.ms"),
    dirtyRatioMin: number("min.cleanable.dirty.ratio"),
    lagMsMin: number("min.compaction.lag.ms"),
    lagMsMax,
  };
  return { ...settings, compaction };
}

/** One way to write each value: `007` is 7, and must be found equal to it. */
function canonical(name: TopicSettingName, value: string): string {
  switch (TOPIC_SETTINGS[name].type.kind) {
    case "integer":
      return String(integerOf(value));
    case "ratio":
      return String(ratioOf(value));
    case "list":
      return [...new Set(listOf(value))].join(",");
    case "choice":
      return value;
  }
}

function defaultOf(name: TopicSettingName, defaults: TopicConfigDefaults): string {
  if (name === "storage.engine") return defaults.engine;
  return name === "durability" ? defaults.durability : TOPIC_SETTINGS[name].default;
}
