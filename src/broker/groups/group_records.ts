/**
 * The records of `__consumer_offsets`, byte for byte Kafka's (OffsetCommitKey/Value.json, GroupMetadataKey/Value.json),
 * so that its tools read ours and a log of Kafka's can be taken over.
 *
 * Layout (big-endian; a string is int16 length + UTF-8, length −1 null; bytes are int32 length + bytes):
 *   key      int16 type: 0, 1 offset commit: string group, string topic, int32 partition
 *                        2 group metadata:   string group
 *   value of 0, 1   int16 version, int64 offset, [3+] int32 leader epoch, string metadata, int64 commit timestamp,
 *                   [1] int64 expire timestamp, [4+] tagged fields (0: 16-byte topic id)
 *   value of 2      int16 version, string protocol type, int32 generation, string? protocol, string? leader,
 *                   [2+] int64 state timestamp, array of members, [4+] tagged fields
 *   member          string id, [3+] string? instance, string client id, string client host, [1+] int32 rebalance
 *                   time-out, int32 session time-out, bytes subscription, bytes assignment, [4+] tagged fields
 * Version 4 is flexible: compact lengths (unsigned varint of length + 1, 0 null). Written as Kafka 4.3 does it: offsets
 * in version 4, or 1 with an expire timestamp of their own; groups in version 3. An empty value is a tombstone.
 */
import { assert } from "../../base/assert.ts";
import { formatUuid, parseUuid } from "../../base/ids.ts";
import { ByteReader } from "../../bytes/byte_reader.ts";
import { ByteWriter } from "../../bytes/byte_writer.ts";
import { utf8Bytes } from "../../bytes/utf8.ts";
import type { CommittedOffset, GroupRecord, StoredGroup, StoredMember } from "./group_types.ts";

const OFFSET_KEYS: readonly number[] = [0, 1];
const OFFSET_KEY = 1;
const GROUP_KEY = 2;
const OFFSET_VALUE = 4;
const OFFSET_VALUE_WITH_EXPIRY = 1;
const GROUP_VALUE = 3;
const VALUE_MAX = 4;
const FLEXIBLE_MIN = 4;
const TOPIC_ID_TAG = 0;
const UUID_BYTES = 16;
const ZERO_UUID = formatUuid(new Uint8Array(UUID_BYTES));

export interface EncodedGroupRecord {
  readonly key: Uint8Array;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
}

/** Why bytes are no record of ours. */
export interface GroupRecordFault {
  readonly fault: string;
}

export function encodeGroupRecord(record: GroupRecord): EncodedGroupRecord {
  const key = new ByteWriter();
  if (record.type === "group") {
    key.int16(GROUP_KEY);
    writeString(key, record.group);
    return { key: key.written, value: record.value === null ? null : groupValue(record.value) };
  }
  key.int16(OFFSET_KEY);
  writeString(key, record.group);
  writeString(key, record.topic);
  key.int32(record.partition);
  return { key: key.written, value: record.value === null ? null : offsetValue(record.value) };
}

/** Null for a record of a kind that classic groups do not have (Kafka's newer groups): it says nothing to them. */
export function decodeGroupRecord(key: Uint8Array, value: Uint8Array | null): GroupRecord | GroupRecordFault | null {
  const reader = new ByteReader(key);
  const type = reader.int16();
  if (reader.fault !== null) return { fault: `The key is damaged: ${reader.fault}` };
  if (type !== GROUP_KEY && !OFFSET_KEYS.includes(type)) return null;
  const group = readString(reader, false);
  if (type === GROUP_KEY) {
    if (reader.fault !== null) return { fault: `The key of a group is damaged: ${reader.fault}` };
    const stored = value === null ? null : readGroupValue(value);
    return stored !== null && "fault" in stored ? stored : { type: "group", group, value: stored };
  }
  const topic = readString(reader, false);
  const partition = reader.int32();
  if (partition < 0) reader.fail(`A partition ${partition}`);
  if (reader.fault !== null) return { fault: `The key of an offset is damaged: ${reader.fault}` };
  const committed = value === null ? null : readOffsetValue(value);
  return committed !== null && "fault" in committed
    ? committed
    : { type: "offset", group, topic, partition, value: committed };
}

function offsetValue(committed: CommittedOffset): Uint8Array {
  const writer = new ByteWriter();
  const hasExpiry = committed.expireTimestampMs >= 0;
  writer.int16(hasExpiry ? OFFSET_VALUE_WITH_EXPIRY : OFFSET_VALUE);
  writer.int64(committed.offset);
  if (!hasExpiry) writer.int32(committed.leaderEpoch);
  writeText(writer, committed.metadata, !hasExpiry);
  writer.int64(committed.commitTimestampMs);
  if (hasExpiry) {
    writer.int64(committed.expireTimestampMs);
    return writer.written;
  }
  const topicId = committed.topicId === null ? null : parseUuid(committed.topicId);
  writer.unsignedVarint(topicId === null ? 0 : 1);
  if (topicId !== null) {
    writer.unsignedVarint(TOPIC_ID_TAG);
    writer.unsignedVarint(UUID_BYTES);
    writer.bytes(topicId);
  }
  return writer.written;
}

function readOffsetValue(value: Uint8Array): CommittedOffset | GroupRecordFault {
  const reader = new ByteReader(value);
  const version = readVersion(reader);
  const isFlexible = version >= FLEXIBLE_MIN;
  const offset = reader.int64();
  const leaderEpoch = version >= 3 ? reader.int32() : -1;
  const metadata = readString(reader, isFlexible);
  const commitTimestampMs = reader.int64();
  const expireTimestampMs = version === 1 ? reader.int64() : -1;
  let topicId: string | null = null;
  if (isFlexible) {
    readTags(reader, (tag, bytes) => {
      if (tag === TOPIC_ID_TAG && bytes.length === UUID_BYTES) topicId = formatUuid(bytes);
    });
  }
  if (!Number.isSafeInteger(offset) || offset < 0) reader.fail(`An offset ${offset}`);
  if (reader.fault !== null) return { fault: `The value of an offset is damaged: ${reader.fault}` };
  return {
    offset,
    leaderEpoch,
    metadata,
    commitTimestampMs,
    expireTimestampMs,
    topicId: topicId === ZERO_UUID ? null : topicId,
  };
}

function groupValue(group: StoredGroup): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(GROUP_VALUE);
  writeString(writer, group.protocolType);
  writer.int32(group.generation);
  writeNullableString(writer, group.protocol);
  writeNullableString(writer, group.leader);
  writer.int64(group.stateTimestampMs);
  writer.int32(group.members.length);
  for (const member of group.members) {
    writeString(writer, member.memberId);
    writeNullableString(writer, member.instanceId);
    writeString(writer, member.clientId);
    writeString(writer, member.clientHost);
    writer.int32(member.rebalanceTimeoutMs);
    writer.int32(member.sessionTimeoutMs);
    writer.int32(member.subscription.length);
    writer.bytes(member.subscription);
    writer.int32(member.assignment.length);
    writer.bytes(member.assignment);
  }
  return writer.written;
}

/** The least that a member takes: five lengths and two time-outs, in the oldest version less. */
const MEMBER_BYTES_MIN = 9;

function readGroupValue(value: Uint8Array): StoredGroup | GroupRecordFault {
  const reader = new ByteReader(value);
  const version = readVersion(reader);
  const isFlexible = version >= FLEXIBLE_MIN;
  const protocolType = readString(reader, isFlexible);
  const generation = reader.int32();
  const protocol = readNullableString(reader, isFlexible);
  const leader = readNullableString(reader, isFlexible);
  const stateTimestampMs = version >= 2 ? reader.int64() : -1;
  const count = reader.checkCount(isFlexible ? reader.unsignedVarint() - 1 : reader.int32(), MEMBER_BYTES_MIN);
  const members: StoredMember[] = [];
  for (let index = 0; index < count && reader.fault === null; index++) members.push(readMember(reader, version));
  if (isFlexible) readTags(reader, () => {});
  if (reader.fault !== null) return { fault: `The value of a group is damaged: ${reader.fault}` };
  return { protocolType, generation, protocol, leader, stateTimestampMs, members };
}

function readMember(reader: ByteReader, version: number): StoredMember {
  const isFlexible = version >= FLEXIBLE_MIN;
  const memberId = readString(reader, isFlexible);
  const instanceId = version >= 3 ? readNullableString(reader, isFlexible) : null;
  const clientId = readString(reader, isFlexible);
  const clientHost = readString(reader, isFlexible);
  const rebalanceTimeoutMs = version >= 1 ? reader.int32() : -1;
  const sessionTimeoutMs = reader.int32();
  const subscription = readBytes(reader, isFlexible);
  const assignment = readBytes(reader, isFlexible);
  if (isFlexible) readTags(reader, () => {});
  return {
    memberId,
    instanceId,
    clientId,
    clientHost,
    // Before version 1 the session time-out stood for both.
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs,
    sessionTimeoutMs,
    subscription,
    assignment,
  };
}

// -- Kafka's primitives -----------------------------------------------------------------------------------------------

const STRING_BYTES_MAX = 32_767;

function readVersion(reader: ByteReader): number {
  const version = reader.int16();
  // Kafka promises that a later version only adds tagged fields, which are passed over.
  if (version < 0) reader.fail(`A version ${version}`);
  return Math.min(version, VALUE_MAX);
}

function writeString(writer: ByteWriter, text: string): void {
  writeText(writer, text, false);
}

function writeNullableString(writer: ByteWriter, text: string | null): void {
  if (text === null) writer.int16(-1);
  else writeString(writer, text);
}

function writeText(writer: ByteWriter, text: string, isFlexible: boolean): void {
  const sizeBytes = utf8Bytes(text);
  assert(sizeBytes <= STRING_BYTES_MAX, () => `A string of ${sizeBytes} bytes in a record of a group`);
  if (isFlexible) writer.unsignedVarint(sizeBytes + 1);
  else writer.int16(sizeBytes);
  writer.text(text, sizeBytes);
}

function readString(reader: ByteReader, isFlexible: boolean): string {
  const text = readNullableString(reader, isFlexible);
  if (text === null) reader.fail("A string is null");
  return text ?? "";
}

function readNullableString(reader: ByteReader, isFlexible: boolean): string | null {
  const length = isFlexible ? reader.unsignedVarint() - 1 : reader.int16();
  return length === -1 && reader.fault === null ? null : reader.text(length);
}

/** A copy: what it was read from is a large buffer that must not stay alive for it. */
function readBytes(reader: ByteReader, isFlexible: boolean): Uint8Array {
  return reader.take(isFlexible ? reader.unsignedVarint() - 1 : reader.int32()).slice();
}

function readTags(reader: ByteReader, onTag: (tag: number, bytes: Uint8Array) => void): void {
  const count = reader.checkCount(reader.unsignedVarint(), 2);
  for (let index = 0; index < count && reader.fault === null; index++) {
    const tag = reader.unsignedVarint();
    onTag(tag, reader.take(reader.unsignedVarint()));
  }
}
