/**
 * Records of `__consumer_offsets` with key type 1: a committed offset. Key: int16 type, then the key; value: int16
 * version, then the value.
 */
import { int32, int64, string, uuid } from "../field.ts";
import { MessageSchema, type MessageValue } from "../message_schema.ts";

export const offsetCommitKey = new MessageSchema("OffsetCommitKey", { versions: "0", flexible: "none" }, {
  group: string("0"),
  topic: string("0"),
  partition: int32("0"),
});

export const offsetCommitValue = new MessageSchema("OffsetCommitValue", { versions: "0-4", flexible: "4+" }, {
  offset: int64("0+"),
  leaderEpoch: int32("3+", { default: -1, ignorable: true }),
  metadata: string("0+"),
  commitTimestamp: int64("0+"),
  expireTimestamp: int64("1", { default: -1, ignorable: true }),
  topicId: uuid("4+", { tag: 0, ignorable: true }),
});

export type OffsetCommitKey = MessageValue<typeof offsetCommitKey>;
export type OffsetCommitValue = MessageValue<typeof offsetCommitValue>;
