/** CreateTopics, DeleteTopics, CreatePartitions: good and bad, at every version. */
import type { Message } from "../message_definitions.ts";
import { NO_ID, type Script } from "../step.ts";

const CREATE_TOPICS = 19;
const DELETE_TOPICS = 20;
const CREATE_PARTITIONS = 37;
const METADATA = 3;
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAABQ";

const topic = (name: string, more: Message = {}): Message => ({
  Name: name,
  NumPartitions: 1,
  ReplicationFactor: 1,
  ...more,
});
const assigned = (name: string, ...partitions: readonly (readonly [number, readonly number[]])[]): Message =>
  topic(name, {
    NumPartitions: -1,
    ReplicationFactor: -1,
    Assignments: partitions.map(([partition, brokers]) => ({ PartitionIndex: partition, BrokerIds: brokers })),
  });
const configured = (name: string, ...configs: readonly (readonly [string, string | null])[]): Message =>
  topic(name, { Configs: configs.map(([key, value]) => ({ Name: key, Value: value })) });

const create = (topics: readonly Message[], more: Message = {}): Message => ({
  Topics: topics,
  timeoutMs: 10_000,
  ...more,
});
const partitions = (topics: readonly Message[], more: Message = {}): Message => ({
  Topics: topics,
  TimeoutMs: 10_000,
  ...more,
});

const BAD_NAMES = ["", ".", "..", "a b", "ä", "a/b", "a:b", "x".repeat(250)];
const BAD_CONFIGS: readonly (readonly [string, string | null])[] = [
  ["no.such", "1"],
  ["", "1"],
  ["retention.ms", "abc"],
  ["retention.ms", "-2"],
  ["retention.ms", ""],
  ["retention.ms", "1.5"],
  ["retention.ms", "9223372036854775808"],
  ["retention.ms", null],
  ["retention.bytes", "-2"],
  ["segment.bytes", "1048575"],
  ["segment.bytes", "2147483648"],
  ["segment.ms", "0"],
  ["index.interval.bytes", "-1"],
  ["max.message.bytes", "-1"],
  ["min.insync.replicas", "0"],
  ["message.timestamp.type", "createtime"],
  ["message.timestamp.after.max.ms", "-1"],
  ["cleanup.policy", "nope"],
  ["compression.type", "nope"],
];
const GOOD_CONFIGS: readonly (readonly [string, string])[] = [
  ["retention.ms", "-1"],
  ["retention.bytes", "0"],
  ["segment.bytes", "1048576"],
  ["segment.ms", "1"],
  ["index.interval.bytes", "0"],
  ["max.message.bytes", "0"],
  ["message.timestamp.type", "LogAppendTime"],
  ["message.timestamp.before.max.ms", "0"],
];

export const topicsScript: Script = {
  name: "topics",
  steps: [
    { name: "create no topics", api: CREATE_TOPICS, request: create([]) },
    {
      name: "create topics",
      api: CREATE_TOPICS,
      request: ({ version }) =>
        create([
          topic(`plain-${version}`, { NumPartitions: 3 }),
          topic(`defaults-${version}`, { NumPartitions: -1, ReplicationFactor: -1 }),
          assigned(`assigned-${version}`, [1, [1]], [0, [1]]),
          configured(`configured-${version}`, ...GOOD_CONFIGS),
          configured(`twice-${version}`, ["retention.ms", "1"], ["retention.ms", "2"]),
        ]),
      keep: (answer, version) => {
        const made = (answer["Topics"] as readonly Message[]).find(({ Name }) => Name === `plain-${version}`);
        return version < 7 ? {} : { topicId: made!["TopicId"] as string };
      },
    },
    {
      name: "create topics that are only checked",
      api: CREATE_TOPICS,
      request: create([topic("checked", { NumPartitions: 3 }), configured("checked-config", ["retention.ms", "7"])], {
        validateOnly: true,
      }),
    },
    {
      name: "create topics that exist or collide",
      api: CREATE_TOPICS,
      request: ({ version }) =>
        create([topic(`plain-${version}`), topic(`plain_${version}`), topic(`a.${version}`), topic(`b_${version}`)]),
    },
    {
      name: "create topics whose twin was made",
      api: CREATE_TOPICS,
      request: ({ version }) => create([topic(`a_${version}`), topic(`b.${version}`)]),
    },
    {
      name: "create topics with bad names",
      api: CREATE_TOPICS,
      request: create([...BAD_NAMES.map((name) => topic(name)), topic("__cluster_metadata")]),
    },
    {
      name: "create topics with bad numbers",
      api: CREATE_TOPICS,
      request: create([
        topic("p0", { NumPartitions: 0 }),
        topic("p-2", { NumPartitions: -2 }),
        topic("r0", { ReplicationFactor: 0 }),
        topic("r-2", { ReplicationFactor: -2 }),
        topic("r2", { ReplicationFactor: 2 }),
        topic("p0-r2", { NumPartitions: 0, ReplicationFactor: 2 }),
        topic("p0-r0", { NumPartitions: 0, ReplicationFactor: 0 }),
      ]),
    },
    {
      name: "create topics with bad assignments",
      api: CREATE_TOPICS,
      request: create([
        topic("as-r", { Assignments: [{ PartitionIndex: 0, BrokerIds: [1] }] }),
        topic("as-p", { ReplicationFactor: -1, Assignments: [{ PartitionIndex: 0, BrokerIds: [1] }] }),
        assigned("as-gap", [0, [1]], [2, [1]]),
        assigned("as-from-1", [1, [1]]),
        assigned("as-negative", [-1, [1]]),
        assigned("as-unknown", [0, [7]]),
        assigned("as-none", [0, []]),
        assigned("as-twice", [0, [1, 1]]),
        assigned("as-mixed", [0, [2, 1]]),
        assigned("as-partition-twice", [0, [1]], [0, [1]]),
        assigned("as-broker--1", [0, [-1]]),
      ]),
    },
    {
      name: "create topics with bad settings",
      api: CREATE_TOPICS,
      request: create(BAD_CONFIGS.map((config, at) => configured(`bad-config-${at}`, config))),
    },
    {
      name: "create topics with several faults",
      api: CREATE_TOPICS,
      request: create([
        configured("a b", ["x", null]),
        { ...configured("several-1", ["x", "1"]), NumPartitions: 0, ReplicationFactor: 0 },
        configured("several-2", ["x", null], ["y", null], ["retention.ms", "z"]),
        configured("several-3", ["retention.ms", "z"], ["x", "1"]),
      ]),
    },
    {
      name: "create topics that are named twice",
      api: CREATE_TOPICS,
      request: ({ version }) => create([topic("twice"), topic(`once-${version}`), topic("twice"), topic("twice")]),
    },
    {
      name: "create more partitions than a request may",
      api: CREATE_TOPICS,
      request: create([topic("much", { NumPartitions: 6_000 }), topic("more", { NumPartitions: 4_001 }), topic("a b")]),
    },
    {
      name: "create topics without time",
      api: CREATE_TOPICS,
      request: ({ version }) => create([topic(`hurry-${version}`), topic("a b")], { timeoutMs: 0 }),
    },
    {
      name: "metadata of what was made",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 10,
      request: ({ version }) => ({
        Topics: [{ Name: `plain-${Math.min(7, Math.max(2, version))}` }, { Name: "checked" }, { Name: "a b" }],
        AllowAutoTopicCreation: false,
      }),
    },
    { name: "partitions: none", api: CREATE_PARTITIONS, request: partitions([]) },
    {
      name: "partitions: checked",
      api: CREATE_PARTITIONS,
      isRead: true,
      request: partitions([
        { Name: "plain-7", Count: 4, Assignments: null },
        { Name: "plain-6", Count: 5, Assignments: [{ BrokerIds: [1] }, { BrokerIds: [1] }] },
      ], { ValidateOnly: true }),
    },
    ...([[3, null], [2, null], [0, null], [-1, null], [5, [[1]]], [4, [[1], [1]]], [4, []], [4, [[9]]], [4, [[]]], [
      4,
      [[1, 1]],
    ], [4, [[1, 2]]]] as const).map(([count, ids]) => ({
      name: `partitions: ${count} with ${JSON.stringify(ids)}`,
      api: CREATE_PARTITIONS,
      request: partitions([{
        Name: "plain-7",
        Count: count,
        Assignments: ids?.map((brokers: readonly number[]) => ({ BrokerIds: brokers })) ?? null,
      }]),
    })),
    {
      name: "partitions: unknown and twice",
      api: CREATE_PARTITIONS,
      request: partitions([
        { Name: "none", Count: 4, Assignments: null },
        { Name: "a b", Count: 4, Assignments: null },
        { Name: "plain-6", Count: 4, Assignments: null },
        { Name: "plain-6", Count: 5, Assignments: null },
      ]),
    },
    {
      name: "partitions: too many",
      api: CREATE_PARTITIONS,
      // Kafka would make them, though it answers that it failed.
      request: partitions([{ Name: "plain-5", Count: 10_004, Assignments: null }], { ValidateOnly: true }),
    },
    {
      name: "partitions: without time",
      api: CREATE_PARTITIONS,
      request: partitions([{ Name: "plain-5", Count: 4, Assignments: null }], { TimeoutMs: 0, ValidateOnly: true }),
    },
    {
      name: "partitions: more",
      api: CREATE_PARTITIONS,
      request: ({ version }) => partitions([{ Name: "plain-4", Count: 4 + version, Assignments: null }]),
    },
    {
      name: "delete no topics",
      api: DELETE_TOPICS,
      request: { Topics: [], TopicNames: [], TimeoutMs: 10_000 },
    },
    {
      name: "delete topics by name",
      api: DELETE_TOPICS,
      versions: (version) => version < 6,
      request: ({ version }) => ({
        TopicNames: [`once-${version === 1 ? 7 : version}`, "none", "a b", "", "two", "two"],
        TimeoutMs: 10_000,
      }),
    },
    {
      name: "delete topics by name or id",
      api: DELETE_TOPICS,
      versions: (version) => version >= 6,
      request: ({ recall }) => ({
        Topics: [
          { Name: "none", TopicId: NO_ID },
          { Name: null, TopicId: OTHER_ID },
          { Name: null, TopicId: NO_ID },
          { Name: "plain-6", TopicId: OTHER_ID },
          { Name: "plain-5", TopicId: NO_ID },
          { Name: null, TopicId: recall("topicId") },
        ],
        TimeoutMs: 10_000,
      }),
    },
    {
      name: "delete topics that are named twice",
      api: DELETE_TOPICS,
      versions: (version) => version >= 6,
      request: ({ recall }) => ({
        Topics: [
          { Name: "plain-4", TopicId: NO_ID },
          { Name: "plain-4", TopicId: NO_ID },
          { Name: null, TopicId: recall("topicId") },
          { Name: null, TopicId: recall("topicId") },
        ],
        TimeoutMs: 10_000,
      }),
    },
    {
      name: "delete topics without time",
      api: DELETE_TOPICS,
      versions: (version) => version < 6,
      request: ({ version }) => ({ TopicNames: [`twice-${version + 1}`], TimeoutMs: 0 }),
    },
  ],
};
