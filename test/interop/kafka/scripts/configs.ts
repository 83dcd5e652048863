/** DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources: good and bad, at every version. */
import type { Message } from "../message_definitions.ts";
import type { Script, Step } from "../step.ts";

const CREATE_TOPICS = 19;
const DESCRIBE_CONFIGS = 32;
const ALTER_CONFIGS = 33;
const INCREMENTAL_ALTER_CONFIGS = 44;
const LIST_CONFIG_RESOURCES = 74;

const [TOPIC, BROKER, LOGGER, METRICS, GROUP] = [2, 4, 8, 16, 32] as const;

const describe = (
  resources: readonly (readonly [number, string, (readonly string[] | null)?])[],
  more: Message = {},
): Message => ({
  Resources: resources.map(([type, name, keys = null]) => ({
    ResourceType: type,
    ResourceName: name,
    ConfigurationKeys: keys,
  })),
  ...more,
});
const EVERYTHING = { IncludeSynonyms: true };

type Config = readonly [name: string, operation: number, value: string | null];

const incremental = (
  resources: readonly (readonly [number, string, readonly Config[]])[],
  validateOnly = false,
): Message => ({
  Resources: resources.map(([type, name, configs]) => ({
    ResourceType: type,
    ResourceName: name,
    Configs: configs.map(([key, operation, value]) => ({ Name: key, ConfigOperation: operation, Value: value })),
  })),
  ValidateOnly: validateOnly,
});
const whole = (
  resources: readonly (readonly [number, string, Readonly<Record<string, string | null>>])[],
  validateOnly = false,
): Message => ({
  Resources: resources.map(([type, name, configs]) => ({
    ResourceType: type,
    ResourceName: name,
    Configs: Object.entries(configs).map(([key, value]) => ({ Name: key, Value: value })),
  })),
  ValidateOnly: validateOnly,
});

const BAD_INCREMENTS: readonly (readonly [number, string, readonly Config[]])[] = [
  [TOPIC, "none", [["retention.ms", 0, "5"]]],
  [TOPIC, "none", []],
  [TOPIC, "", [["retention.ms", 0, "5"]]],
  [TOPIC, "a b", [["retention.ms", 0, "5"]]],
  [TOPIC, "settings", [["no.such", 0, "5"]]],
  [TOPIC, "settings", [["retention.ms", 0, "x"]]],
  [TOPIC, "settings", [["retention.ms", 0, "-2"]]],
  [TOPIC, "settings", [["segment.bytes", 0, "1048575"]]],
  [TOPIC, "settings", [["retention.ms", 0, "x"], ["no.such", 0, "x"]]],
  [TOPIC, "settings", [["retention.ms", 0, null]]],
  [TOPIC, "none", [["retention.ms", 0, null], ["segment.ms", 2, null]]],
  [TOPIC, "settings", [["retention.ms", 2, "5"]]],
  [TOPIC, "settings", [["retention.ms", 3, "5"]]],
  [TOPIC, "none", [["retention.ms", 2, "5"]]],
  [TOPIC, "settings", [["no.such", 2, "5"]]],
  [TOPIC, "settings", [["retention.ms", 4, "5"]]],
  [TOPIC, "settings", [["retention.ms", -1, "5"]]],
  [TOPIC, "settings", [["retention.ms", 0, null], ["retention.ms", 1, "5"]]],
  [TOPIC, "settings", [["cleanup.policy", 2, "nope"]]],
  [BROKER, "1", [["num.partitions", 0, "5"], ["broker.id", 0, "5"]]],
  [BROKER, "", [["num.partitions", 0, "5"]]],
  [BROKER, "7", []],
  [BROKER, "x", []],
  [LOGGER, "1", [["no.such", 0, "INFO"]]],
  [LOGGER, "7", []],
  [LOGGER, "", []],
  [0, "settings", []],
  [3, "settings", []],
  [99, "settings", []],
];
const GOOD_INCREMENTS: readonly (readonly [number, string, readonly Config[]])[] = [
  [TOPIC, "settings", []],
  [TOPIC, "settings", [["retention.ms", 1, "ignored"], ["no.such", 1, null]]],
  [TOPIC, "settings", [["cleanup.policy", 2, "delete"]]],
  [TOPIC, "settings", [["cleanup.policy", 3, "compact"]]],
  [BROKER, "1", []],
  [BROKER, "1", [["num.partitions", 1, null]]],
  [BROKER, "", []],
  [LOGGER, "1", []],
];

const topicOf = (version: number): string => `settings-${version}`;

export const configsScript: Script = {
  name: "configs",
  steps: [
    {
      name: "configs: topics to alter",
      api: CREATE_TOPICS,
      versions: (version) => version === 2,
      request: {
        Topics: ["settings", "settings-0", "settings-1", "settings-2"].map((name) => ({
          Name: name,
          NumPartitions: 1,
          ReplicationFactor: 1,
        })),
        timeoutMs: 10_000,
      },
    },
    {
      name: "describe a topic without settings",
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe([[TOPIC, "settings"]], EVERYTHING),
    },
    ...GOOD_INCREMENTS.map((resource, at): Step => ({
      name: `alter by increments, good ${at}`,
      api: INCREMENTAL_ALTER_CONFIGS,
      request: incremental([resource], true),
    })),
    ...BAD_INCREMENTS.map(([type, name, configs]): Step => ({
      name: `alter by increments: ${type}/${name} ${configs.map((config) => config.join(" ")).join(", ")}`,
      api: INCREMENTAL_ALTER_CONFIGS,
      isRead: true,
      request: incremental([[type, name, configs]], true),
    })),
    {
      name: "alter by increments",
      api: INCREMENTAL_ALTER_CONFIGS,
      request: ({ version }) =>
        incremental([[TOPIC, topicOf(version), [["retention.ms", 0, "7"], ["retention.bytes", 0, "9"]]]]),
    },
    {
      name: "alter by increments, and unset",
      api: INCREMENTAL_ALTER_CONFIGS,
      request: ({ version }) => incremental([[TOPIC, topicOf(version), [["retention.bytes", 1, null]]]]),
    },
    {
      name: "alter by increments: no resources",
      api: INCREMENTAL_ALTER_CONFIGS,
      request: incremental([]),
    },
    {
      name: "alter by increments: a resource twice",
      api: INCREMENTAL_ALTER_CONFIGS,
      request: incremental([[TOPIC, "settings", [["segment.ms", 0, "1"]]], [TOPIC, "settings", []], [
        BROKER,
        "1",
        [],
      ]]),
    },
    {
      name: "describe topics with settings",
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe([
        [TOPIC, "settings-0", ["retention.ms", "retention.bytes", "segment.ms"]],
        [TOPIC, "settings-1", ["retention.ms", "no.such", "retention.ms"]],
        [TOPIC, "settings-1", []],
      ]),
    },
    {
      name: "alter whole",
      api: ALTER_CONFIGS,
      request: ({ version }) => whole([[TOPIC, topicOf(version), { "segment.ms": "8" }]]),
    },
    {
      name: "alter whole: bad",
      api: ALTER_CONFIGS,
      isRead: true,
      request: whole([
        [TOPIC, "none", {}],
        [TOPIC, "a b", {}],
        [TOPIC, "", {}],
        [TOPIC, "settings-0", { "segment.ms": "x" }],
        [TOPIC, "settings-1", { "no.such": "1" }],
        [TOPIC, "settings-2", { "segment.ms": null }],
        [BROKER, "7", {}],
        [BROKER, "x", {}],
        [BROKER, "1", { "num.partitions": "2" }],
        [LOGGER, "1", { root: "INFO" }],
        [5, "x", {}],
      ], true),
    },
    { name: "alter whole: no resources", api: ALTER_CONFIGS, request: whole([]) },
    { name: "alter whole: of the broker, nothing", api: ALTER_CONFIGS, request: whole([[BROKER, "1", {}]], true) },
    {
      name: "describe topics that were altered whole",
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe(
        ["settings-0", "settings-1", "settings-2"].map((name) => [TOPIC, name, ["retention.ms", "segment.ms"]]),
        EVERYTHING,
      ),
    },
    {
      name: "describe what is not there",
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe([
        [TOPIC, "none"],
        [TOPIC, ""],
        [TOPIC, "a b"],
        [BROKER, "7"],
        [BROKER, "x"],
        [BROKER, " 1"],
        [BROKER, "2147483648"],
        [LOGGER, ""],
        [LOGGER, "x"],
        [LOGGER, "7"],
        [METRICS, ""],
        [GROUP, ""],
      ]),
    },
    ...[0, 3, 99].map((type): Step => ({
      name: `describe type ${type}`,
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe([[type, "x"], [TOPIC, "settings"]]),
    })),
    { name: "describe nothing", api: DESCRIBE_CONFIGS, isRead: true, request: describe([]) },
    {
      name: "describe the broker",
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe([[BROKER, "1"]], EVERYTHING),
    },
    {
      name: "describe some of the broker",
      api: DESCRIBE_CONFIGS,
      isRead: true,
      request: describe([[BROKER, "01", ["node.id", "no.such"]], [BROKER, "", ["node.id"]]]),
    },
    ...[[TOPIC], [BROKER], [METRICS], [GROUP], [BROKER, BROKER], [0], [3], [99], [BROKER, 99]].map((types): Step => ({
      name: `list resources ${JSON.stringify(types)}`,
      api: LIST_CONFIG_RESOURCES,
      isRead: true,
      request: ({ version }) => (version === 0 ? {} : { ResourceTypes: types }),
    })),
  ],
};
