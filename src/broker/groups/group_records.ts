/**
 * The records of `__consumer_offsets`, byte for byte Kafka's (`schema/internal/`), so that its tools read ours and a log
 * of Kafka's can be taken over. Written as Kafka 4.3 does it: positions in version 4, or 1 with an expiry of their own;
 * groups in version 3. A null value is a tombstone.
 */
import { formatUuid } from "../../base/ids.ts";
import { ByteReader } from "../../bytes/byte_reader.ts";
import { groupMetadataKey, groupMetadataValue } from "../../schema/internal/group_metadata.ts";
import { offsetCommitKey, offsetCommitValue } from "../../schema/internal/offset_commit.ts";
import { isSchemaFault } from "../../schema/message_schema.ts";
import type { CommittedOffset, GroupRecord, StoredGroup } from "./group_types.ts";

/** The int16 before a key says what it is the key of. Kafka has written offsets as type 0 too. */
const OFFSET_KEYS: readonly number[] = [0, 1];
const OFFSET_KEY = 1;
const GROUP_KEY = 2;
const KEY_TYPE_BYTES = 2;
const KEY_VERSION = 0;
const OFFSET_VALUE = 4;
const OFFSET_VALUE_WITH_EXPIRY = 1;
const GROUP_VALUE = 3;
const NO_TOPIC_ID = formatUuid(new Uint8Array(16));

export interface EncodedGroupRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Why bytes are no record of ours. */
export interface GroupRecordFault {
  readonly fault: string;
}

export function encodeGroupRecord(record: GroupRecord): EncodedGroupRecord {
  if (record.type === "group") {
    const { group, value } = record;
    const key = withType(GROUP_KEY, groupMetadataKey.encode({ group }, KEY_VERSION));
    return { key, value: value === null ? null : encodeGroup(value) };
  }
  const { group, topic, partition, value } = record;
  const key = withType(OFFSET_KEY, offsetCommitKey.encode({ group, topic, partition }, KEY_VERSION));
  return { key, value: value === null ? null : encodeOffset(value) };
}

/** Null for a record of a kind that classic groups do not have (Kafka's newer groups): it says nothing to them. */
export function decodeGroupRecord(key: Uint8Array, value: Uint8Array | null): GroupRecord | GroupRecordFault | null {
  const reader = new ByteReader(key);
  const type = reader.int16();
  if (reader.fault !== null) return { fault: `The key has no type: ${reader.fault}` };
  const body = key.subarray(KEY_TYPE_BYTES);
  if (type === GROUP_KEY) {
    const read = groupMetadataKey.decode(body, KEY_VERSION);
    if (isSchemaFault(read)) return read;
    const stored = value === null ? null : decodeGroup(value);
    return stored !== null && isSchemaFault(stored) ? stored : { type: "group", group: read.group, value: stored };
  }
  if (!OFFSET_KEYS.includes(type)) return null;
  const read = offsetCommitKey.decode(body, KEY_VERSION);
  if (isSchemaFault(read)) return read;
  const { group, topic, partition } = read;
  if (partition < 0) return { fault: `An offset of partition ${partition}` };
  const stored = value === null ? null : decodeOffset(value);
  if (stored !== null && isSchemaFault(stored)) return stored;
  return { type: "offset", group, topic, partition, value: stored };
}

function encodeOffset({ topicId, commitTimestampMs, expireTimestampMs, ...rest }: CommittedOffset): Uint8Array {
  return offsetCommitValue.encodeVersioned({
    ...rest,
    commitTimestamp: commitTimestampMs,
    expireTimestamp: expireTimestampMs,
    topicId: topicId ?? NO_TOPIC_ID,
  }, expireTimestampMs >= 0 ? OFFSET_VALUE_WITH_EXPIRY : OFFSET_VALUE);
}

function decodeOffset(value: Uint8Array): CommittedOffset | GroupRecordFault {
  const read = offsetCommitValue.decodeVersioned(value);
  if (isSchemaFault(read)) return read;
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp, topicId } = read;
  if (!Number.isSafeInteger(offset) || offset < 0) return { fault: `A committed offset ${offset}` };
  return {
    offset,
    leaderEpoch,
    metadata,
    commitTimestampMs: commitTimestamp,
    expireTimestampMs: expireTimestamp,
    topicId: topicId === NO_TOPIC_ID ? null : topicId,
  };
}

function encodeGroup({ stateTimestampMs, members, ...rest }: StoredGroup): Uint8Array {
  return groupMetadataValue.encodeVersioned({
    ...rest,
    currentStateTimestamp: stateTimestampMs,
    members: members.map(({ instanceId, rebalanceTimeoutMs, sessionTimeoutMs, ...member }) => ({
      ...member,
      groupInstanceId: instanceId,
      rebalanceTimeout: rebalanceTimeoutMs,
      sessionTimeout: sessionTimeoutMs,
    })),
  }, GROUP_VALUE);
}

function decodeGroup(value: Uint8Array): StoredGroup | GroupRecordFault {
  const read = groupMetadataValue.decodeVersioned(value);
  if (isSchemaFault(read)) return read;
  const { protocolType, generation, protocol, leader, currentStateTimestamp } = read;
  const members = read.members.map((member) => ({
    memberId: member.memberId,
    instanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    // Before version 1 the session time-out stood for both.
    rebalanceTimeoutMs: member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
    sessionTimeoutMs: member.sessionTimeout,
    // Copies: the batch that they were read from must not stay in memory for them.
    subscription: member.subscription.slice(),
    assignment: member.assignment.slice(),
  }));
  const fault = memberFault(members, generation);
  return fault ?? { protocolType, generation, protocol, leader, stateTimestampMs: currentStateTimestamp, members };
}

/** What the schema cannot say, and the machine relies on. */
function memberFault(members: StoredGroup["members"], generation: number): GroupRecordFault | null {
  const ids = new Set(members.map(({ memberId }) => memberId));
  const instances = members.flatMap(({ instanceId }) => instanceId ?? []);
  if (ids.size !== members.length || new Set(instances).size !== instances.length) {
    return { fault: "A group has a member twice" };
  }
  return generation < 0 ? { fault: `A generation ${generation}` } : null;
}

function withType(type: number, body: Uint8Array): Uint8Array {
  const key = new Uint8Array(KEY_TYPE_BYTES + body.length);
  new DataView(key.buffer).setInt16(0, type);
  key.set(body, KEY_TYPE_BYTES);
  return key;
}
