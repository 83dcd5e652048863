/**
 * The settings of a topic: Kafka's names, defaults and types (design §5), values as strings on every face. A setting
 * that Kafka has and we do not obey is not accepted: silence would be taken for a promise.
 */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Durability, ReplicaSettings } from "../cluster/replica.ts";

/** How a value is written and what it may be. */
type SettingType =
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "choice"; readonly values: readonly string[]; readonly later: readonly string[] };

interface SettingRow {
  readonly type: SettingType;
  readonly default: string;
  readonly documentation: string;
}

const INT32_MAX = 2_147_483_647;
/** Kafka's Long.MAX_VALUE stands for "without bound"; as a number it is the nearest double, which is fine for a bound. */
const INT64_MAX = 9_223_372_036_854_775_807n;

const integer = (min: number, max: number, defaultValue: string, documentation: string): SettingRow => ({
  type: { kind: "integer", min, max },
  default: defaultValue,
  documentation,
});
const choice = (
  values: readonly string[],
  later: readonly string[],
  defaultValue: string,
  documentation: string,
): SettingRow => ({ type: { kind: "choice", values, later }, default: defaultValue, documentation });

const TOPIC_SETTINGS = {
  "cleanup.policy": choice(
    ["delete"],
    ["compact", "compact,delete", "delete,compact"],
    "delete",
    "What happens to old segments: delete removes them when retention no longer keeps them",
  ),
  "compression.type": choice(
    ["producer"],
    ["uncompressed", "gzip", "snappy", "lz4", "zstd"],
    "producer",
    "The codec of stored batches: producer keeps each batch as it came",
  ),
  "durability": choice(
    ["fsync", "interval", "os"],
    [],
    "",
    "What an acknowledgement stands on: fsync survives power loss, interval is synced within the flush interval, os survives the process",
  ),
  "index.interval.bytes": integer(0, INT32_MAX, "4096", "Bytes of log between two index entries"),
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
    [],
    "CreateTime",
    "Whose clock a record's timestamp comes from: the producer's or the broker's",
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
  "storage.engine": choice(["log"], ["lsm"], "log", "How the partitions are stored: log in append-only segments"),
} as const satisfies Readonly<Record<string, SettingRow>>;

export type TopicSettingName = keyof typeof TOPIC_SETTINGS;

/** Settings that are not the default. */
export type TopicConfig = Readonly<Record<string, string>>;

/** What the broker itself decides where a topic says nothing. */
export interface TopicConfigDefaults {
  readonly durability: Durability;
  /** Below Kafka's 1 MiB only for tests. */
  readonly segmentBytesMin: number;
}

/** Names, defaults and documentation, for describing. Sorted by name. */
export function topicSettingRows(
  defaults: TopicConfigDefaults,
): { name: string; default: string; documentation: string }[] {
  return Object.entries(TOPIC_SETTINGS).map(([name, row]) => ({
    name,
    default: defaultOf(name as TopicSettingName, defaults),
    documentation: row.documentation,
  }));
}

/** What is wrong with a setting, or null. */
export function topicSettingFault(name: string, value: string, defaults: TopicConfigDefaults): string | null {
  if (!Object.hasOwn(TOPIC_SETTINGS, name)) return `There is no topic setting ${JSON.stringify(name)}`;
  const { type } = TOPIC_SETTINGS[name as TopicSettingName];
  if (type.kind === "choice") {
    if (type.values.includes(value)) return null;
    if (type.later.includes(value)) return `${name}=${value} is not built yet; it can be ${type.values.join(" or ")}`;
    return `${name} cannot be ${JSON.stringify(value)}; it can be ${type.values.join(", ")}`;
  }
  const min = name === "segment.bytes" ? Math.min(type.min, defaults.segmentBytesMin) : type.min;
  const isInteger = /^-?\d{1,19}$/.test(value);
  if (
    isInteger && BigInt(value) >= BigInt(min) && BigInt(value) <= BigInt(Math.min(type.max, Number.MAX_SAFE_INTEGER))
  ) return null;
  if (isInteger && type.max > Number.MAX_SAFE_INTEGER && BigInt(value) >= BigInt(min) && BigInt(value) <= INT64_MAX) {
    return null;
  }
  const max = type.max > Number.MAX_SAFE_INTEGER ? INT64_MAX : type.max;
  return `${name} cannot be ${JSON.stringify(value)}; it is an integer from ${min} to ${max}`;
}

/** Checks settings and drops those that are the default. Fails with `invalid_config`, one fault for each bad setting. */
export function normalizeTopicConfig(
  config: Readonly<Record<string, string>>,
  defaults: TopicConfigDefaults,
): TopicConfig {
  const faults: { pointer: string; detail: string }[] = [];
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const fault = topicSettingFault(name, value, defaults);
    if (fault !== null) {
      faults.push({ pointer: `/config/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, detail: fault });
    } else {
      const written = canonical(name as TopicSettingName, value);
      if (written !== defaultOf(name as TopicSettingName, defaults)) kept[name] = written;
    }
  }
  if (faults.length > 0) {
    throw new SentinelError("invalid_config", faults.map((fault) => fault.detail).join("; "), { errors: faults });
  }
  return kept;
}

/** A topic's settings in the form that the broker works with. */
export interface TopicSettings {
  readonly replica: ReplicaSettings;
  readonly batchBytesMax: number;
  readonly timestampType: "CreateTime" | "LogAppendTime";
  readonly timestampAfterMsMax: number;
  readonly timestampBeforeMsMax: number;
}

export function topicSettings(config: TopicConfig, defaults: TopicConfigDefaults): TopicSettings {
  const text = (name: TopicSettingName): string => config[name] ?? defaultOf(name, defaults);
  const number = (name: TopicSettingName): number => Number(text(name));
  const batchBytesMax = number("max.message.bytes");
  return {
    batchBytesMax,
    timestampType: text("message.timestamp.type") as TopicSettings["timestampType"],
    timestampAfterMsMax: number("message.timestamp.after.max.ms"),
    timestampBeforeMsMax: number("message.timestamp.before.max.ms"),
    replica: {
      durability: text("durability") as Durability,
      log: {
        segmentBytes: number("segment.bytes"),
        segmentMs: number("segment.ms"),
        indexIntervalBytes: number("index.interval.bytes"),
        retentionMs: number("retention.ms"),
        retentionBytes: number("retention.bytes"),
        batchBytesMax,
      },
    },
  };
}

/** One way to write each value: `007` is 7, and must be found equal to it. */
function canonical(name: TopicSettingName, value: string): string {
  return TOPIC_SETTINGS[name].type.kind === "integer" ? String(BigInt(value)) : value;
}

function defaultOf(name: TopicSettingName, defaults: TopicConfigDefaults): string {
  return name === "durability" ? defaults.durability : TOPIC_SETTINGS[name].default;
}
