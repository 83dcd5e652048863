/**
 * Where we answer otherwise than Kafka, and why. A difference that is not here fails the comparison, and so does a row
 * that no longer differs.
 */
import type { Difference } from "./compare.ts";

export interface ExpectedDifference {
  /** The step's name. */
  readonly step: RegExp;
  readonly path: RegExp;
  /** The values, as JSON; left out: any. */
  readonly kafka?: RegExp;
  readonly ours?: RegExp;
  readonly reason: string;
}

const ANY = /^/;
const ABSENT = /^absent$/;

/** Kafka's APIs that are not served here. */
const NOT_SERVED: Readonly<Record<number, string>> = {
  17: "SASL is not built",
  24: "transactions are not built",
  25: "transactions are not built",
  26: "transactions are not built",
  27: "transactions are not built",
  28: "transactions are not built",
  34: "there is one data directory",
  36: "SASL is not built",
  38: "delegation tokens are not built",
  39: "delegation tokens are not built",
  40: "delegation tokens are not built",
  41: "delegation tokens are not built",
  45: "there is one replica, which has nowhere to go",
  49: "quotas are not built",
  50: "SASL is not built",
  51: "SASL is not built",
  55: "the metadata log is no Raft log yet",
  57: "features cannot be changed",
  64: "there is no other broker to unregister",
  65: "transactions are not built",
  66: "transactions are not built",
  68: "the consumer group protocol of KIP-848 is not built",
  69: "the consumer group protocol of KIP-848 is not built",
  76: "share groups are not built",
  77: "share groups are not built",
  78: "share groups are not built",
  79: "share groups are not built",
  80: "there is no voter to add",
  81: "there is no voter to remove",
  83: "share groups are not built",
  84: "share groups are not built",
  85: "share groups are not built",
  86: "share groups are not built",
  87: "share groups are not built",
  88: "streams groups are not built",
  89: "streams groups are not built",
  90: "share groups are not built",
  91: "share groups are not built",
  92: "share groups are not built",
};

const VERSIONS: readonly ExpectedDifference[] = [
  ...Object.entries(NOT_SERVED).map(([key, reason]): ExpectedDifference => ({
    step: /^api versions$/,
    path: new RegExp(`^ApiKeys\\[${key}\\]$`),
    ours: ABSENT,
    reason,
  })),
  {
    step: /^api versions$/,
    path: /^(?:SupportedFeatures|FinalizedFeatures|FinalizedFeaturesEpoch)$/,
    ours: ABSENT,
    reason: "no feature has levels here; transaction.version comes with transactions",
  },
];

/** Settings that Kafka lists and we do not, by what they are about: beginnings of names, and names that end with "$". */
const UNLISTED_BROKER_SETTINGS: readonly (readonly [reason: string, ...names: string[]])[] = [
  [
    "there is no TLS, SASL or authorizer yet, and one listener",
    ...[
      "ssl.",
      "sasl.",
      "security.",
      "principal.",
      "delegation.",
      "early.start.",
      "connection.failed.",
      "connections.max.reauth.ms$",
    ],
    ...["listener.security.protocol.map$", "inter.broker.listener.name$", "controller.listener.names$"],
  ],
  ["there is one tier", "remote.", "follower.fetch."],
  [
    "one node is its own quorum",
    "controller.",
    "metadata.",
    "broker.",
    "initial.",
    "leader.",
    "auto.leader.",
    "controlled.",
  ],
  ["there is one replica", "replica.", "replication.", "num.replica.", "alter.log.dirs."],
  ["there are no quotas", "quota.", "client.quota."],
  ["there are neither share nor streams groups", "share.", "group.share.", "group.streams."],
  ["there are classic groups alone, and one thread", "group.consumer.", "group.coordinator."],
  ["transactions are not built", "transaction.", "transactional.", "add.partitions.to.txn."],
  ["metrics are read over HTTP", "telemetry.", "metric.", "metrics.", "kafka.metrics.", "auto.include.jmx."],
  ["Java's plug-ins are Java's", "create.topic.policy.", "alter.config.policy.", "config.providers$"],
  [
    "how Kafka divides its work, which we do otherwise",
    ...["background.", "queued.", "num.", "socket.", "request.", "fetch.", "delete.records.", "max."],
    ...["log.cleaner.", "cordoned.log.dirs$", "log.dir$"],
  ],
  [
    "we sync before we acknowledge and delete at once: Kafka's values would be untrue",
    ...["log.flush.", "log.segment.delete.", "log.dir.failure."],
  ],
  ["the coordinator's own bounds are no settings here", "offsets.", "producer."],
];

function unlisted([reason, ...names]: readonly [string, ...string[]]): ExpectedDifference {
  const patterns = names.map((name) => {
    const escaped = name.replaceAll(".", "\\.");
    return escaped.endsWith("$") ? escaped.slice(0, -1) : `${escaped}[\\w.]*`;
  });
  return {
    step: /^describe the broker$/,
    path: new RegExp(`^Results\\[4/1\\]\\.Configs\\[(?:${patterns.join("|")})\\]$`),
    ours: ABSENT,
    reason,
  };
}

/** Numbers of our own, in `base/limits.ts` and `broker/groups/group_settings.ts`. */
const OWN_NUMBERS = "max\\.connections|fetch\\.max\\.bytes|group\\.max\\.size|offsets\\.topic\\.num\\.partitions";

const SETTINGS: readonly ExpectedDifference[] = [
  ...UNLISTED_BROKER_SETTINGS.map(unlisted),
  {
    step: ANY,
    path: /^Results\[4\/1\]\.Configs\[[\w.]+\]\.ReadOnly$/,
    kafka: /^false$/,
    ours: /^true$/,
    reason: "a broker's settings are how it was started; none can be changed while it runs",
  },
  {
    step: ANY,
    path: /^(?:Topics|Results)\[.+\]\.Configs\[[\w.]+\]\.ReadOnly$/,
    kafka: /^false$/,
    ours: /^true$/,
    reason: "settings that are listed for their default and can be nothing else",
  },
  {
    step: ANY,
    path: /\.Configs\[(?:flush\.messages|flush\.ms|file\.delete\.delay\.ms)\]$/,
    ours: ABSENT,
    reason: "we sync before we acknowledge and delete at once: Kafka's defaults would be untrue",
  },
  {
    step: ANY,
    path: /\.Configs\[(?:durability|storage\.engine|flush\.interval\.ms)\]$/,
    kafka: ABSENT,
    reason: "settings of ours",
  },
  {
    step: ANY,
    path: /\.Configs\[min\.insync\.replicas\]\.(?:ConfigSource|Synonyms\[.\](?:\.Source)?)$/,
    reason: "Kafka sets it for the whole cluster since it has eligible leader replicas; here it is a default",
  },
  {
    step: /^describe the broker$/,
    path: new RegExp(
      `\\.Configs\\[(?:${OWN_NUMBERS})\\]\\.(?:Value|ConfigSource|Synonyms\\[.\\](?:\\.Value|\\.Source)?)$`,
    ),
    reason: "numbers of our own",
  },
  {
    step: /^describe the broker$/,
    path: /\.Configs\[(?:listeners|advertised\.listeners|log\.dirs)\]\.(?:Value|Synonyms\[0\]\.Value)$/,
    reason: "each listens at its own address and has its own directory",
  },
  {
    step: /^create topics with bad settings$/,
    path: /^Topics\[bad-config-8\]\./,
    reason: "a negative retention.bytes other than -1 is refused: Kafka takes any",
  },
  {
    step: /^list resources \[2\]$/,
    path: /^ConfigResources\[2\/bad-config-8\]$/,
    ours: ABSENT,
    reason: "a negative retention.bytes other than -1 is refused: Kafka takes any",
  },
  {
    step: /^alter by increments: 2\/settings retention\.ms (?:4|-1) 5$/,
    path: /^Responses\[2\/settings\]\.Error(?:Code|Message)$/,
    kafka: /^(?:-1|null)$/,
    reason: "an unknown operation is INVALID_REQUEST: Kafka fails over it",
  },
];

const TOPICS: readonly ExpectedDifference[] = [
  {
    step: /^partitions: too many$/,
    path: /^Results\[plain-5\]\.Error(?:Code|Message)$/,
    kafka: /^(?:-1|null)$/,
    reason: "more partitions than a topic can have are INVALID_PARTITIONS: Kafka fails over them, having made them",
  },
];

const DATA: readonly ExpectedDifference[] = [
  {
    step: /^produce /,
    path: /^Responses\[.+\]\.PartitionResponses\[\d+\]\.ErrorMessage$/,
    kafka: /^null$/,
    reason: "we say what is wrong where Kafka gives the number alone",
  },
  {
    step: /^produce records: with (?:magic 253|a length of 13|a negative length)/,
    path: /^Responses\[.+\]\.PartitionResponses\[\d+\]\.ErrorMessage$/,
    reason: "the same is said in words of our own",
  },
  {
    step: /^produce records: null$/,
    path: /^$/,
    kafka: /^"no answer"$/,
    reason: "Kafka fails over a partition without records, and never answers",
  },
  {
    step: /^fetch a (?:partition|topic) that is not there$/,
    path: /^Responses\[.+\]\.Partitions\[\d+\]\.AbortedTransactions$/,
    kafka: /^\[\]$/,
    ours: /^null$/,
    reason: "null says that nobody asked for them, which is so",
  },
  {
    step: /^metadata of nothing known by id$/,
    path: ANY,
    reason: "an id of zeros is an unknown id: Kafka fails over it",
  },
];

const GROUPS: readonly ExpectedDifference[] = [
  {
    step: /^find (?:a coordinator|coordinators|a coordinator of no type)$/,
    path: /ErrorMessage$/,
    ours: /^null$/,
    reason: "the number says it all: Kafka's texts are NONE, nothing, and one about old brokers",
  },
  {
    step: /^describe a group without a name$/,
    path: /^Groups\[""\]\./,
    reason: "a group without a name is INVALID_GROUP_ID: Kafka looks for it",
  },
  {
    step: /^delete groups that are not empty or not there$/,
    path: /^Results\[""\]\.ErrorCode$/,
    kafka: /^69$/,
    ours: /^24$/,
    reason: "a group without a name is INVALID_GROUP_ID: Kafka looks for it",
  },
];

export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [
  ...VERSIONS,
  ...SETTINGS,
  ...TOPICS,
  ...DATA,
  ...GROUPS,
];

export function isExpected(row: ExpectedDifference, step: string, difference: Difference): boolean {
  return row.step.test(step) && row.path.test(difference.path) &&
    (row.kafka?.test(difference.kafka) ?? true) && (row.ours?.test(difference.ours) ?? true);
}
