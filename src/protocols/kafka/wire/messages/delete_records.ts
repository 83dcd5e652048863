/** DeleteRecords (API 21), as Kafka 4.3 declares it. */
import { array, int16, int32, int64, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const deleteRecordsRequest = new MessageSchema("DeleteRecordsRequest", { versions: "0-2", flexible: "2+" }, {
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      offset: int64("0+"),
    }),
  }),
  timeoutMs: int32("0+"),
});

export const deleteRecordsResponse = new MessageSchema("DeleteRecordsResponse", { versions: "0-2", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      lowWatermark: int64("0+"),
      errorCode: int16("0+"),
    }),
  }),
});

export const deleteRecordsApi = defineApi(21, "DeleteRecords", deleteRecordsRequest, deleteRecordsResponse);

export type DeleteRecordsRequest = MessageValue<typeof deleteRecordsRequest>;
export type DeleteRecordsResponse = MessageInput<typeof deleteRecordsResponse>;
