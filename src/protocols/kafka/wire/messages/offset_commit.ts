/** OffsetCommit (API 8), as Kafka 4.3 declares it. */
import { array, int16, int32, int64, string, uuid } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const offsetCommitRequest = new MessageSchema("OffsetCommitRequest", { versions: "2-10", flexible: "8+" }, {
  groupId: string("0+"),
  generationIdOrMemberEpoch: int32("1+", { default: -1, ignorable: true }),
  memberId: string("1+", { ignorable: true }),
  groupInstanceId: string("7+", { nullable: "7+", default: null }),
  retentionTimeMs: int64("2-4", { default: -1, ignorable: true }),
  topics: array("0+", {
    name: string("0-9", { ignorable: true }),
    topicId: uuid("10+", { ignorable: true }),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      committedOffset: int64("0+"),
      committedLeaderEpoch: int32("6+", { default: -1, ignorable: true }),
      committedMetadata: string("0+", { nullable: "0+" }),
    }),
  }),
});

export const offsetCommitResponse = new MessageSchema("OffsetCommitResponse", { versions: "2-10", flexible: "8+" }, {
  throttleTimeMs: int32("3+", { ignorable: true }),
  topics: array("0+", {
    name: string("0-9", { ignorable: true }),
    topicId: uuid("10+", { ignorable: true }),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      errorCode: int16("0+"),
    }),
  }),
});

export const offsetCommitApi = defineApi(8, "OffsetCommit", offsetCommitRequest, offsetCommitResponse);

export type OffsetCommitRequest = MessageValue<typeof offsetCommitRequest>;
export type OffsetCommitResponse = MessageInput<typeof offsetCommitResponse>;
