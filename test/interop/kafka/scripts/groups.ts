/** Consumer groups and their offsets, one group a version: joining, what members may and may not, leaving. */
import type { Message } from "../message_definitions.ts";
import type { Script, Step, StepContext } from "../step.ts";

const OFFSET_COMMIT = 8;
const OFFSET_FETCH = 9;
const FIND_COORDINATOR = 10;
const JOIN_GROUP = 11;
const HEARTBEAT = 12;
const LEAVE_GROUP = 13;
const SYNC_GROUP = 14;
const DESCRIBE_GROUPS = 15;
const LIST_GROUPS = 16;
const CREATE_TOPICS = 19;
const INIT_PRODUCER_ID = 22;
const DELETE_GROUPS = 42;
const OFFSET_DELETE = 47;
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAABQ";

/** Of the consumer protocol, version 0: no topics, no user data. */
const SUBSCRIPTION = "00000000000000000000";
const ASSIGNMENT = "000000000000ffffffff";

const join = (group: string, memberId: string, more: Message = {}): Message => ({
  GroupId: group,
  SessionTimeoutMs: 30_000,
  RebalanceTimeoutMs: 30_000,
  MemberId: memberId,
  ProtocolType: "consumer",
  Protocols: [{ Name: "range", Metadata: SUBSCRIPTION }],
  ...more,
});
const groupOf = (version: number): string => `group-${version}`;
/** The one member of the group that JoinGroup's last version made. */
const LAST = "group-9";
const member = ({ recall }: StepContext): string => recall(`member of ${LAST}`);

const sync = (group: string, memberId: string, generation = 1): Message => ({
  GroupId: group,
  GenerationId: generation,
  MemberId: memberId,
  ProtocolType: "consumer",
  ProtocolName: "range",
  Assignments: [{ MemberId: memberId, Assignment: ASSIGNMENT }],
});
const beat = (group: string, memberId: string, generation = 1): Message => ({
  GroupId: group,
  GenerationId: generation,
  MemberId: memberId,
});
const commit = (
  { recall }: StepContext,
  group: string,
  memberId: string,
  generation: number,
  partitions: readonly (readonly [number, number, string | null])[],
): Message => ({
  GroupId: group,
  GenerationIdOrMemberEpoch: generation,
  MemberId: memberId,
  Topics: [{
    Name: "grouped",
    TopicId: recall("grouped"),
    Partitions: partitions.map(([partition, offset, metadata]) => ({
      PartitionIndex: partition,
      CommittedOffset: offset,
      CommittedMetadata: metadata,
    })),
  }],
});
const fetchOffsets = ({ recall }: StepContext, group: string, all: boolean): Message => {
  const topics = all ? null : [{ Name: "grouped", TopicId: recall("grouped"), PartitionIndexes: [0, 1] }];
  return { GroupId: group, Topics: topics, Groups: [{ GroupId: group, Topics: topics }] };
};
const leave = (group: string, memberId: string): Message => ({
  GroupId: group,
  MemberId: memberId,
  Members: [{ MemberId: memberId }],
});

export const groupsScript: Script = {
  name: "groups",
  steps: [
    {
      name: "groups: a topic to commit for",
      api: CREATE_TOPICS,
      versions: (version) => version === 7,
      request: {
        Topics: [{ Name: "grouped", NumPartitions: 2, ReplicationFactor: 1 }],
        timeoutMs: 10_000,
      },
      keep: (answer) => ({ grouped: (answer["Topics"] as readonly Message[])[0]!["TopicId"] as string }),
    },
    {
      name: "find a coordinator",
      api: FIND_COORDINATOR,
      versions: (version) => version < 4,
      request: { Key: LAST, KeyType: 0 },
      isSettled: (answer) => answer["ErrorCode"] === 0,
    },
    {
      name: "find coordinators",
      api: FIND_COORDINATOR,
      versions: (version) => version >= 4,
      request: { KeyType: 0, CoordinatorKeys: [LAST, "other"] },
    },
    {
      name: "find a coordinator of no type",
      api: FIND_COORDINATOR,
      versions: (version) => version >= 1,
      request: {
        Key: LAST,
        KeyType: 9,
        CoordinatorKeys: [LAST],
      },
    },
    {
      name: "join without an id",
      api: JOIN_GROUP,
      request: ({ version }) => join(groupOf(version), ""),
      isSettled: (answer) => answer["ErrorCode"] !== 14 && answer["ErrorCode"] !== 16,
      keep: (answer, version) => ({ [`member of ${groupOf(version)}`]: answer["MemberId"] as string }),
    },
    {
      name: "join with the id",
      api: JOIN_GROUP,
      versions: (version) => version >= 4,
      request: ({ version, recall }) => join(groupOf(version), recall(`member of ${groupOf(version)}`)),
    },
    ...([
      ["without a name", join("", "")],
      ["with an unknown id", join(LAST, "unknown")],
      ["with a short session", join("short", "", { SessionTimeoutMs: 5_999 })],
      ["with a long session", join("long", "", { SessionTimeoutMs: 1_800_001 })],
      ["without protocols", join("none", "", { Protocols: [] })],
      ["without a protocol type", join("none", "", { ProtocolType: "" })],
      ["as another protocol type", join(LAST, "", { ProtocolType: "connect" })],
      ["with other protocols", join(LAST, "", { Protocols: [{ Name: "other", Metadata: SUBSCRIPTION }] })],
    ] as const).map(([what, request]): Step => ({ name: `join ${what}`, api: JOIN_GROUP, request })),
    { name: "sync", api: SYNC_GROUP, request: (context) => sync(LAST, member(context)) },
    { name: "sync as nobody", api: SYNC_GROUP, request: sync(LAST, "unknown") },
    { name: "sync another generation", api: SYNC_GROUP, request: (context) => sync(LAST, member(context), 7) },
    { name: "sync in no group", api: SYNC_GROUP, request: sync("none", "unknown") },
    { name: "heartbeat", api: HEARTBEAT, request: (context) => beat(LAST, member(context)) },
    { name: "heartbeat as nobody", api: HEARTBEAT, request: beat(LAST, "unknown") },
    { name: "heartbeat of another generation", api: HEARTBEAT, request: (context) => beat(LAST, member(context), 7) },
    { name: "heartbeat in no group", api: HEARTBEAT, request: beat("none", "unknown") },
    { name: "heartbeat without a group", api: HEARTBEAT, request: beat("", "unknown") },
    {
      name: "commit as a member",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, LAST, member(context), 1, [[0, 0, "text"], [1, 5, null]]),
    },
    {
      name: "commit as nobody",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, LAST, "unknown", 1, [[0, 0, ""]]),
    },
    {
      name: "commit for another generation",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, LAST, member(context), 7, [[0, 0, ""]]),
    },
    {
      name: "commit without membership in a group with members",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, LAST, "", -1, [[0, 0, ""]]),
    },
    {
      name: "commit without membership",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, "simple", "", -1, [[0, 3, ""]]),
    },
    {
      name: "commit more metadata than there may be",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, "simple", "", -1, [[0, 3, "x".repeat(4_096)], [1, 3, "x".repeat(4_097)]]),
    },
    {
      name: "commit for a partition that is not there",
      api: OFFSET_COMMIT,
      request: (context) => commit(context, "simple", "", -1, [[7, 3, ""]]),
    },
    {
      name: "commit for a topic that is not there",
      api: OFFSET_COMMIT,
      request: {
        GroupId: "simple",
        Topics: [{ Name: "none", TopicId: OTHER_ID, Partitions: [{ PartitionIndex: 0, CommittedOffset: 1 }] }],
      },
    },
    { name: "offsets", api: OFFSET_FETCH, request: (context) => fetchOffsets(context, LAST, false) },
    { name: "offsets of nobody", api: OFFSET_FETCH, request: (context) => fetchOffsets(context, "none", false) },
    {
      name: "all offsets",
      api: OFFSET_FETCH,
      versions: (version) => version >= 2,
      request: (context) => fetchOffsets(context, LAST, true),
    },
    {
      name: "describe groups",
      api: DESCRIBE_GROUPS,
      request: { Groups: [LAST, "nowhere", "simple"], IncludeAuthorizedOperations: true },
    },
    { name: "describe a group without a name", api: DESCRIBE_GROUPS, request: { Groups: [""] } },
    {
      name: "list groups in a state",
      api: LIST_GROUPS,
      versions: (version) => version >= 4,
      request: { StatesFilter: ["Stable"], TypesFilter: [] },
    },
    {
      name: "delete offsets",
      api: OFFSET_DELETE,
      request: {
        GroupId: "simple",
        Topics: [{ Name: "grouped", Partitions: [{ PartitionIndex: 0 }, { PartitionIndex: 7 }] }, {
          Name: "none",
          Partitions: [{ PartitionIndex: 0 }],
        }],
      },
    },
    {
      name: "delete offsets of no group",
      api: OFFSET_DELETE,
      request: { GroupId: "nowhere", Topics: [{ Name: "grouped", Partitions: [{ PartitionIndex: 0 }] }] },
    },
    {
      name: "delete groups that are not empty or not there",
      api: DELETE_GROUPS,
      request: {
        GroupsNames: [LAST, "nowhere", ""],
      },
    },
    { name: "leave as nobody", api: LEAVE_GROUP, request: leave(LAST, "unknown") },
    { name: "leave no group", api: LEAVE_GROUP, request: leave("none", "unknown") },
    {
      name: "leave",
      api: LEAVE_GROUP,
      request: ({ version, recall }) => leave(groupOf(version + 4), recall(`member of ${groupOf(version + 4)}`)),
    },
    {
      name: "delete groups",
      api: DELETE_GROUPS,
      request: ({ version }) => ({ GroupsNames: [groupOf(version + 4)] }),
    },
    {
      name: "producer id",
      api: INIT_PRODUCER_ID,
      request: { TransactionalId: null, TransactionTimeoutMs: 60_000 },
      isSettled: (answer) => answer["ErrorCode"] !== 14,
    },
    {
      name: "producer id for an empty transactional id",
      api: INIT_PRODUCER_ID,
      request: { TransactionalId: "", TransactionTimeoutMs: 60_000 },
    },
    {
      name: "producer id with an id alone",
      api: INIT_PRODUCER_ID,
      versions: (version) => version >= 3,
      request: { TransactionalId: null, TransactionTimeoutMs: 60_000, ProducerId: 3 },
    },
    {
      name: "producer id with an epoch alone",
      api: INIT_PRODUCER_ID,
      versions: (version) => version >= 3,
      request: { TransactionalId: null, TransactionTimeoutMs: 60_000, ProducerEpoch: 3 },
    },
  ],
};
