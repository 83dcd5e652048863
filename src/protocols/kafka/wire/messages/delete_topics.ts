/** DeleteTopics (API 20), as Kafka 4.3 declares it. */
import { array, int16, int32, string, uuid } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const deleteTopicsRequest = new MessageSchema("DeleteTopicsRequest", { versions: "1-6", flexible: "4+" }, {
  topics: array("6+", {
    name: string("6+", { nullable: "6+", default: null }),
    topicId: uuid("6+"),
  }),
  topicNames: array("0-5", "string", { ignorable: true }),
  timeoutMs: int32("0+"),
});

export const deleteTopicsResponse = new MessageSchema("DeleteTopicsResponse", { versions: "1-6", flexible: "4+" }, {
  throttleTimeMs: int32("1+", { ignorable: true }),
  responses: array("0+", {
    name: string("0+", { nullable: "6+" }),
    topicId: uuid("6+", { ignorable: true }),
    errorCode: int16("0+"),
    errorMessage: string("5+", { nullable: "5+", default: null, ignorable: true }),
  }),
});

export const deleteTopicsApi = defineApi(20, "DeleteTopics", deleteTopicsRequest, deleteTopicsResponse);

export type DeleteTopicsRequest = MessageValue<typeof deleteTopicsRequest>;
export type DeleteTopicsResponse = MessageInput<typeof deleteTopicsResponse>;
