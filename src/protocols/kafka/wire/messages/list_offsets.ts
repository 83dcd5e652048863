/** ListOffsets (API 2), as Kafka 4.3 declares it. */
import { array, int16, int32, int64, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const listOffsetsRequest = new MessageSchema("ListOffsetsRequest", { versions: "1-11", flexible: "6+" }, {
  replicaId: int32("0+"),
  isolationLevel: int8("2+"),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      currentLeaderEpoch: int32("4+", { default: -1, ignorable: true }),
      timestamp: int64("0+"),
    }),
  }),
  timeoutMs: int32("10+", { ignorable: true }),
});

export const listOffsetsResponse = new MessageSchema("ListOffsetsResponse", { versions: "1-11", flexible: "6+" }, {
  throttleTimeMs: int32("2+", { ignorable: true }),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      errorCode: int16("0+"),
      timestamp: int64("1+", { default: -1 }),
      offset: int64("1+", { default: -1 }),
      leaderEpoch: int32("4+", { default: -1 }),
    }),
  }),
});

export const listOffsetsApi = defineApi(2, "ListOffsets", listOffsetsRequest, listOffsetsResponse);

export type ListOffsetsRequest = MessageValue<typeof listOffsetsRequest>;
export type ListOffsetsResponse = MessageInput<typeof listOffsetsResponse>;
