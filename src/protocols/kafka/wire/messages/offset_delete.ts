/** OffsetDelete (API 47), as Kafka 4.3 declares it. */
import { array, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const offsetDeleteRequest = new MessageSchema("OffsetDeleteRequest", { versions: "0", flexible: "none" }, {
  groupId: string("0+"),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
    }),
  }),
});

export const offsetDeleteResponse = new MessageSchema("OffsetDeleteResponse", { versions: "0", flexible: "none" }, {
  errorCode: int16("0+"),
  throttleTimeMs: int32("0+", { ignorable: true }),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      errorCode: int16("0+"),
    }),
  }),
});

export const offsetDeleteApi = defineApi(47, "OffsetDelete", offsetDeleteRequest, offsetDeleteResponse);

export type OffsetDeleteRequest = MessageValue<typeof offsetDeleteRequest>;
export type OffsetDeleteResponse = MessageInput<typeof offsetDeleteResponse>;
