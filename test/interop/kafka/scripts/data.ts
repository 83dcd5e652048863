/** ApiVersions, Metadata, Produce, Fetch, ListOffsets, OffsetForLeaderEpoch and their kin: good and bad, at every version. */
import { buildRecordBatch } from "../../../../src/records/build_batch.ts";
import type { Message } from "../message_definitions.ts";
import { NO_ID, type Script, type Step } from "../step.ts";

const PRODUCE = 0;
const FETCH = 1;
const LIST_OFFSETS = 2;
const METADATA = 3;
const API_VERSIONS = 18;
const CREATE_TOPICS = 19;
const OFFSET_FOR_LEADER_EPOCH = 23;
const DESCRIBE_LOG_DIRS = 35;
const DESCRIBE_CLUSTER = 60;
const DESCRIBE_TOPIC_PARTITIONS = 75;
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAABQ";
/** From here on Produce and Fetch name topics by their id. */
const PRODUCE_BY_ID = 13;
const FETCH_BY_ID = 13;

const START_MS = 1_750_000_000_000;

/** A record batch in hex, of records with these values; the same for both brokers. */
function batch(...values: readonly string[]): string {
  const records = values.map((value, at) => ({
    key: Buffer.from(`key ${at}`),
    value: Buffer.from(value),
    headers: [{ key: "kind", value: Buffer.from("test") }],
    timestamp: START_MS + at * 1_000,
  }));
  return Buffer.from(buildRecordBatch(records, { nowMs: START_MS }).bytes).toString("hex");
}

/** The batch with a byte of it changed. */
function damaged(at: number): string {
  const bytes = Buffer.from(batch("damaged"), "hex");
  bytes[at]! ^= 0xff;
  return bytes.toString("hex");
}

/** The batch as one of another format's; nothing else of it is. */
function withMagic(magic: number): string {
  const bytes = Buffer.from(batch("another magic"), "hex");
  bytes[16] = magic;
  return bytes.toString("hex");
}

/** The batch, whose length says otherwise. */
function withLength(length: number): string {
  const bytes = Buffer.from(batch("another length"), "hex");
  bytes.writeInt32BE(length, 8);
  return bytes.toString("hex");
}

const topics = ["data", "data-empty"];

const produce = (
  version: number,
  parts: readonly (readonly [name: string, id: string, partition: number, records: string | null])[],
  acks = -1,
): Message => ({
  Acks: acks,
  TimeoutMs: 10_000,
  TopicData: parts.map(([name, id, partition, records]) => ({
    ...(version >= PRODUCE_BY_ID ? { TopicId: id } : { Name: name }),
    PartitionData: [{ Index: partition, Records: records }],
  })),
});

type FetchPart = readonly [name: string, id: string, ...offsets: (readonly [partition: number, offset: number])[]];

const fetch = (version: number, parts: readonly FetchPart[], more: Message = {}): Message => ({
  MaxWaitMs: 0,
  MinBytes: 0,
  ...(version >= 3 ? { MaxBytes: 1_000_000 } : {}),
  ...(version >= 7 ? { SessionId: 0, SessionEpoch: -1 } : {}),
  Topics: parts.map(([name, id, ...offsets]) => ({
    ...(version >= FETCH_BY_ID ? { TopicId: id } : { Topic: name }),
    Partitions: offsets.map(([partition, offset]) => ({
      Partition: partition,
      FetchOffset: offset,
      PartitionMaxBytes: 1_000_000,
    })),
  })),
  ...more,
});

const listOffsets = (
  parts: readonly (readonly [name: string, partition: number, timestamp: number, epoch?: number])[],
  version: number,
): Message => ({
  ReplicaId: -1,
  Topics: [...new Set(parts.map(([name]) => name))].map((topic) => ({
    Name: topic,
    Partitions: parts.filter(([name]) => name === topic).map(([, partition, timestamp, epoch = -1]) => ({
      PartitionIndex: partition,
      Timestamp: timestamp,
      ...(version >= 4 ? { CurrentLeaderEpoch: epoch } : {}),
    })),
  })),
});

/** Acks 2, records that are none, and partitions that are not there: what each is answered. */
const BAD_RECORDS: readonly (readonly [string, string | null])[] = [
  ["null", null],
  ["empty", ""],
  ["short", batch("short").slice(0, 100)],
  ["with a wrong checksum", damaged(70)],
  ["with a wrong length", damaged(11)],
  ["with magic 253", damaged(16)],
  ["with magic 253, short", damaged(16).slice(0, 100)],
  ["with magic 1", withMagic(1)],
  ["with magic 0, short", withMagic(0).slice(0, 100)],
  ["with a length of 13", withLength(13)],
  ["with a negative length", withLength(-1)],
  ["with a length of a gibibyte", withLength(2 ** 30)],
  ["of 20 bytes", batch("short").slice(0, 40)],
  ["of 10 bytes", batch("short").slice(0, 20)],
  ["two batches", batch("one") + batch("two")],
];

export const dataScript: Script = {
  name: "data",
  steps: [
    {
      name: "api versions",
      api: API_VERSIONS,
      isRead: true,
      request: { ClientSoftwareName: "differential", ClientSoftwareVersion: "1.0" },
    },
    {
      name: "api versions of a bad name",
      api: API_VERSIONS,
      versions: (version) => version >= 3,
      request: { ClientSoftwareName: "-", ClientSoftwareVersion: "" },
    },
    {
      name: "data: topics to work on",
      api: CREATE_TOPICS,
      versions: (version) => version === 7,
      request: {
        // Their records are old.
        Topics: topics.map((name) => ({
          Name: name,
          NumPartitions: 2,
          ReplicationFactor: 1,
          Configs: [{ Name: "retention.ms", Value: "-1" }],
        })),
        timeoutMs: 10_000,
      },
      keep: (answer) =>
        Object.fromEntries(
          (answer["Topics"] as readonly Message[]).map(({ Name, TopicId }) => [Name as string, TopicId as string]),
        ),
    },
    {
      name: "data: partitions are there",
      api: DESCRIBE_LOG_DIRS,
      versions: (version) => version === 1,
      request: { Topics: topics.map((name) => ({ Topic: name, Partitions: [0, 1] })) },
      isSettled: (answer) => JSON.stringify(answer).split('"PartitionIndex"').length - 1 === 2 * topics.length,
    },
    {
      name: "metadata by name",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 4,
      request: { Topics: [{ Name: "data" }, { Name: "none" }], AllowAutoTopicCreation: false },
    },
    {
      name: "metadata of bad names",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 4,
      request: { Topics: [{ Name: "a b" }, { Name: "" }, { Name: "x".repeat(250) }], AllowAutoTopicCreation: false },
    },
    {
      name: "metadata with what is allowed",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 8,
      request: ({ version }) => ({
        Topics: [{ Name: "data" }],
        AllowAutoTopicCreation: false,
        IncludeTopicAuthorizedOperations: true,
        ...(version <= 10 ? { IncludeClusterAuthorizedOperations: true } : {}),
      }),
    },
    {
      name: "metadata by id",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 12,
      request: ({ recall }) => ({
        Topics: [{ Name: null, TopicId: recall("data") }, { Name: null, TopicId: OTHER_ID }],
        AllowAutoTopicCreation: false,
      }),
    },
    {
      name: "metadata of no topics",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 1,
      request: { Topics: [] },
    },
    {
      name: "describe the cluster",
      api: DESCRIBE_CLUSTER,
      isRead: true,
      request: { IncludeClusterAuthorizedOperations: false },
    },
    {
      name: "describe the cluster with what is allowed",
      api: DESCRIBE_CLUSTER,
      isRead: true,
      request: { IncludeClusterAuthorizedOperations: true },
    },
    ...[2, 3].map((type): Step => ({
      name: `describe the cluster's endpoints of type ${type}`,
      api: DESCRIBE_CLUSTER,
      versions: (version) => version >= 1,
      request: { IncludeClusterAuthorizedOperations: false, EndpointType: type },
    })),
    {
      name: "describe partitions",
      api: DESCRIBE_TOPIC_PARTITIONS,
      isRead: true,
      request: { Topics: [{ Name: "data" }, { Name: "data-empty" }, { Name: "none" }, { Name: "a b" }] },
    },
    {
      name: "describe partitions in pages",
      api: DESCRIBE_TOPIC_PARTITIONS,
      isRead: true,
      request: { Topics: [{ Name: "data" }, { Name: "data-empty" }], ResponsePartitionLimit: 3 },
    },
    {
      name: "describe partitions from a cursor on",
      api: DESCRIBE_TOPIC_PARTITIONS,
      isRead: true,
      request: {
        Topics: [{ Name: "data" }, { Name: "data-empty" }],
        Cursor: { TopicName: "data", PartitionIndex: 1 },
      },
    },
    {
      name: "produce",
      api: PRODUCE,
      versions: (version) => version >= 3,
      request: ({ version, recall }) => produce(version, [["data", recall("data"), 0, batch("one", "two")]]),
    },
    {
      name: "produce for acks 1",
      api: PRODUCE,
      versions: (version) => version >= 3,
      request: ({ version, recall }) => produce(version, [["data", recall("data"), 1, batch("three")]], 1),
    },
    {
      name: "produce to a partition that is not there",
      api: PRODUCE,
      versions: (version) => version >= 3,
      request: ({ version, recall }) => produce(version, [["data", recall("data"), 7, batch("x")]]),
    },
    {
      name: "produce to a topic that is not there",
      api: PRODUCE,
      versions: (version) => version >= 3,
      request: ({ version }) => produce(version, [["a b", OTHER_ID, 0, batch("x")]]),
    },
    {
      name: "produce for acks 2",
      api: PRODUCE,
      versions: (version) => version >= 3,
      request: ({ version, recall }) => produce(version, [["data", recall("data"), 0, batch("x")]], 2),
    },
    {
      name: "produce nothing",
      api: PRODUCE,
      versions: (version) => version >= 3,
      request: ({ version }) => produce(version, []),
    },
    ...BAD_RECORDS.map(([what, records]): Step => ({
      name: `produce records: ${what}`,
      api: PRODUCE,
      // Kafka never answers one without records, which takes a while to find out.
      versions: (version) => version >= 3 && (records !== null || version === 9),
      request: ({ version, recall }) => produce(version, [["data-empty", recall("data-empty"), 0, records]]),
    })),
    {
      name: "fetch from the start",
      api: FETCH,
      isRead: true,
      request: ({ version, recall }) => fetch(version, [["data", recall("data"), [0, 0], [1, 0]]]),
    },
    {
      name: "fetch inside a batch and from an empty partition",
      api: FETCH,
      isRead: true,
      request: ({ version, recall }) =>
        fetch(version, [["data", recall("data"), [0, 3]], ["data-empty", recall("data-empty"), [1, 0]]]),
    },
    ...[-1, 1_000].map((offset): Step => ({
      name: `fetch from offset ${offset}`,
      api: FETCH,
      isRead: true,
      request: ({ version, recall }) => fetch(version, [["data", recall("data"), [0, offset]]]),
    })),
    {
      name: "fetch a partition that is not there",
      api: FETCH,
      isRead: true,
      request: ({ version, recall }) => fetch(version, [["data", recall("data"), [7, 0]]]),
    },
    {
      name: "fetch a topic that is not there",
      api: FETCH,
      isRead: true,
      request: ({ version }) => fetch(version, [["none", OTHER_ID, [0, 0]]]),
    },
    {
      name: "fetch no bytes",
      api: FETCH,
      isRead: true,
      request: ({ version, recall }) => ({
        ...fetch(version, [["data", recall("data"), [0, 0], [1, 0]]]),
        ...(version >= 3 ? { MaxBytes: 0 } : {}),
      }),
    },
    {
      name: "fetch with an epoch of the future",
      api: FETCH,
      isRead: true,
      versions: (version) => version >= 9,
      request: ({ version, recall }) => ({
        ...fetch(version, []),
        Topics: [{
          ...(version >= FETCH_BY_ID ? { TopicId: recall("data") } : { Topic: "data" }),
          Partitions: [{ Partition: 0, CurrentLeaderEpoch: 9, FetchOffset: 0, PartitionMaxBytes: 1_000 }],
        }],
      }),
    },
    ...([-1, -2, 0, START_MS, START_MS + 500, START_MS + 1_000, START_MS + 1_001] as const).map((timestamp): Step => ({
      name: `list offsets at ${timestamp}`,
      api: LIST_OFFSETS,
      isRead: true,
      request: ({ version }) => listOffsets([["data", 0, timestamp], ["data-empty", 0, timestamp]], version),
    })),
    {
      name: "list offsets of the largest timestamp",
      api: LIST_OFFSETS,
      isRead: true,
      versions: (version) => version >= 7,
      request: ({ version }) => listOffsets([["data", 0, -3], ["data-empty", 0, -3]], version),
    },
    {
      name: "list offsets of tiers",
      api: LIST_OFFSETS,
      isRead: true,
      versions: (version) => version >= 9,
      request: ({ version }) => listOffsets([["data", 0, -4], ["data-empty", 0, -5]], version),
    },
    {
      name: "list offsets of what is not there",
      api: LIST_OFFSETS,
      isRead: true,
      request: ({ version }) => listOffsets([["data", 7, -1], ["none", 0, -1], ["a b", 0, -1]], version),
    },
    {
      name: "list offsets with an epoch of the future",
      api: LIST_OFFSETS,
      isRead: true,
      versions: (version) => version >= 4,
      request: ({ version }) => listOffsets([["data", 0, -1, 9], ["data", 1, -1, 0]], version),
    },
    {
      name: "offsets of epochs",
      api: OFFSET_FOR_LEADER_EPOCH,
      isRead: true,
      request: {
        Topics: [
          {
            Topic: "data",
            Partitions: [0, 1, 7].map((partition) => ({
              Partition: partition,
              CurrentLeaderEpoch: -1,
              LeaderEpoch: partition,
            })),
          },
          { Topic: "none", Partitions: [{ Partition: 0, CurrentLeaderEpoch: -1, LeaderEpoch: 0 }] },
        ],
      },
    },
    {
      name: "metadata of nothing known by id",
      api: METADATA,
      isRead: true,
      versions: (version) => version >= 12,
      request: { Topics: [{ Name: null, TopicId: NO_ID }], AllowAutoTopicCreation: false },
    },
  ],
};
