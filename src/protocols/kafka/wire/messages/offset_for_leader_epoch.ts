/** OffsetForLeaderEpoch (API 23), as Kafka 4.3 declares it. */
import { array, int16, int32, int64, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const offsetForLeaderEpochRequest = new MessageSchema("OffsetForLeaderEpochRequest", {
  versions: "2-4",
  flexible: "4+",
}, {
  replicaId: int32("3+", { default: -2, ignorable: true }),
  topics: array("0+", {
    topic: string("0+"),
    partitions: array("0+", {
      partition: int32("0+"),
      currentLeaderEpoch: int32("2+", { default: -1, ignorable: true }),
      leaderEpoch: int32("0+"),
    }),
  }),
});

export const offsetForLeaderEpochResponse = new MessageSchema("OffsetForLeaderEpochResponse", {
  versions: "2-4",
  flexible: "4+",
}, {
  throttleTimeMs: int32("2+", { ignorable: true }),
  topics: array("0+", {
    topic: string("0+"),
    partitions: array("0+", {
      errorCode: int16("0+"),
      partition: int32("0+"),
      leaderEpoch: int32("1+", { default: -1, ignorable: true }),
      endOffset: int64("0+", { default: -1 }),
    }),
  }),
});

export const offsetForLeaderEpochApi = defineApi(
  23,
  "OffsetForLeaderEpoch",
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
);

export type OffsetForLeaderEpochRequest = MessageValue<typeof offsetForLeaderEpochRequest>;
export type OffsetForLeaderEpochResponse = MessageInput<typeof offsetForLeaderEpochResponse>;
