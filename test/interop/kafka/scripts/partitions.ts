/** DeleteRecords, DescribeLogDirs, ElectLeaders, reassignments, ACLs, quotas: good and bad, at every version. */
import type { Message } from "../message_definitions.ts";
import type { Script, Step } from "../step.ts";

const CREATE_TOPICS = 19;
const DELETE_RECORDS = 21;
const DESCRIBE_ACLS = 29;
const CREATE_ACLS = 30;
const DELETE_ACLS = 31;
const DESCRIBE_LOG_DIRS = 35;
const ELECT_LEADERS = 43;
const LIST_PARTITION_REASSIGNMENTS = 46;
const DESCRIBE_CLIENT_QUOTAS = 48;

const deleteRecords = (
  topics: readonly (readonly [string, ...(readonly [number, number])[]])[],
  timeoutMs = 10_000,
): Message => ({
  Topics: topics.map(([name, ...offsets]) => ({
    Name: name,
    Partitions: offsets.map(([partition, offset]) => ({ PartitionIndex: partition, Offset: offset })),
  })),
  TimeoutMs: timeoutMs,
});

const FILTER = {
  ResourceTypeFilter: 1,
  ResourceNameFilter: null,
  PatternTypeFilter: 1,
  PrincipalFilter: null,
  HostFilter: null,
  Operation: 1,
  PermissionType: 1,
};
const CREATION = {
  ResourceType: 2,
  ResourceName: "x",
  ResourcePatternType: 3,
  Principal: "User:a",
  Host: "*",
  Operation: 3,
  PermissionType: 3,
};

const QUOTA_FILTERS: readonly (readonly (readonly [string, number, string | null])[])[] = [
  [],
  [["user", 0, "bob"]],
  [["user", 0, "bob"], ["client-id", 1, null]],
  [["ip", 2, null]],
  [["x", 0, "bob"]],
  [["", 0, "bob"]],
  [["user", 3, "bob"]],
  [["user", -1, null]],
  [["user", 0, null]],
  [["user", 1, "bob"]],
  [["user", 2, "bob"]],
  [["user", 0, "bob"], ["user", 1, null]],
  [["ip", 0, "1.2.3.4"], ["user", 1, null]],
];

export const partitionsScript: Script = {
  name: "partitions",
  steps: [
    {
      name: "partitions: topics to work on",
      api: CREATE_TOPICS,
      versions: (version) => version === 2,
      request: {
        Topics: [{ Name: "parts", NumPartitions: 2, ReplicationFactor: 1 }],
        timeoutMs: 10_000,
      },
    },
    {
      name: "partitions: they are there",
      api: DESCRIBE_LOG_DIRS,
      versions: (version) => version === 1,
      request: { Topics: [{ Topic: "parts", Partitions: [0, 1] }] },
      isSettled: (answer) => JSON.stringify(answer).split('"PartitionIndex"').length - 1 === 2,
    },
    { name: "delete records: nothing", api: DELETE_RECORDS, request: deleteRecords([]) },
    { name: "delete records: no partitions", api: DELETE_RECORDS, request: deleteRecords([["parts"]]) },
    {
      name: "delete records: of an empty partition",
      api: DELETE_RECORDS,
      isRead: true,
      request: deleteRecords([["parts", [0, 0], [1, -1]]]),
    },
    {
      name: "delete records: bad",
      api: DELETE_RECORDS,
      request: deleteRecords([
        ["parts", [0, 1], [1, -2], [2, 0], [-1, 0]],
        ["none", [0, 0]],
        ["a b", [0, 0]],
        ["", [0, 0]],
        ["__consumer_offsets", [0, 0]],
        ["__transaction_state", [0, 0]],
      ]),
    },
    {
      name: "delete records: twice",
      api: DELETE_RECORDS,
      request: deleteRecords([["parts", [0, 5], [0, 0]], ["parts", [1, 0]]]),
    },
    {
      name: "delete records: without time",
      api: DELETE_RECORDS,
      request: deleteRecords([["parts", [0, 0]]], 0),
    },
    ...([[], [["parts", [0, 1]]], [["parts", [0, 0, 9, -1]], ["none", [0]]], [["parts", []]], [
      ["parts", [0]],
      ["parts", [1]],
    ]] as const).map((topics): Step => ({
      name: `log dirs ${JSON.stringify(topics)}`,
      api: DESCRIBE_LOG_DIRS,
      isRead: true,
      request: { Topics: topics.map(([topic, indexes]) => ({ Topic: topic, Partitions: indexes })) },
    })),
    ...([0, 1, 2, -1] as const).map((type): Step => ({
      name: `elect leaders, type ${type}`,
      api: ELECT_LEADERS,
      isRead: true,
      request: ({ version }) => ({
        ...(version === 0 ? {} : { ElectionType: type }),
        TopicPartitions: [{ Topic: "parts", Partitions: [0, 0, 9, -1] }, { Topic: "none", Partitions: [0] }, {
          Topic: "parts",
          Partitions: [],
        }],
        TimeoutMs: 10_000,
      }),
    })),
    {
      name: "elect leaders: of nothing",
      api: ELECT_LEADERS,
      request: { TopicPartitions: [], TimeoutMs: 10_000 },
    },
    {
      name: "elect leaders: without time",
      api: ELECT_LEADERS,
      request: { TopicPartitions: [{ Topic: "parts", Partitions: [0] }], TimeoutMs: 0 },
    },
    ...([null, [], [["parts", [0]], ["none", [0]]]] as const).map((topics): Step => ({
      name: `list reassignments ${JSON.stringify(topics)}`,
      api: LIST_PARTITION_REASSIGNMENTS,
      isRead: true,
      request: {
        TimeoutMs: 10_000,
        Topics: topics?.map(([name, indexes]) => ({ Name: name, PartitionIndexes: indexes })) ?? null,
      },
    })),
    { name: "describe acls", api: DESCRIBE_ACLS, request: FILTER },
    ...["ResourceTypeFilter", "PatternTypeFilter", "Operation", "PermissionType"].flatMap((field): Step[] => [
      { name: `describe acls: unknown ${field}`, api: DESCRIBE_ACLS, request: { ...FILTER, [field]: 0 } },
      { name: `describe acls: ${field} 99`, api: DESCRIBE_ACLS, request: { ...FILTER, [field]: 99 } },
      { name: `delete acls: unknown ${field}`, api: DELETE_ACLS, request: { Filters: [{ ...FILTER, [field]: 0 }] } },
    ]),
    ...["ResourceType", "ResourcePatternType", "Operation", "PermissionType"].map((field): Step => ({
      name: `create acls: unknown ${field}`,
      api: CREATE_ACLS,
      request: { Creations: [{ ...CREATION, [field]: 0 }] },
    })),
    { name: "create acls", api: CREATE_ACLS, request: { Creations: [CREATION, CREATION] } },
    { name: "create no acls", api: CREATE_ACLS, request: { Creations: [] } },
    { name: "delete acls", api: DELETE_ACLS, request: { Filters: [FILTER] } },
    { name: "delete no acls", api: DELETE_ACLS, request: { Filters: [] } },
    ...QUOTA_FILTERS.map((components): Step => ({
      name: `quotas ${JSON.stringify(components)}`,
      api: DESCRIBE_CLIENT_QUOTAS,
      request: {
        Components: components.map(([type, match, value]) => ({ EntityType: type, MatchType: match, Match: value })),
        Strict: false,
      },
    })),
  ],
};
