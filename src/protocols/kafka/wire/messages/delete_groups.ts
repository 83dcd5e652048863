/** DeleteGroups (API 42), as Kafka 4.3 declares it. */
import { array, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const deleteGroupsRequest = new MessageSchema("DeleteGroupsRequest", { versions: "0-2", flexible: "2+" }, {
  groupsNames: array("0+", "string"),
});

export const deleteGroupsResponse = new MessageSchema("DeleteGroupsResponse", { versions: "0-2", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  results: array("0+", {
    groupId: string("0+"),
    errorCode: int16("0+"),
  }),
});

export const deleteGroupsApi = defineApi(42, "DeleteGroups", deleteGroupsRequest, deleteGroupsResponse);

export type DeleteGroupsRequest = MessageValue<typeof deleteGroupsRequest>;
export type DeleteGroupsResponse = MessageInput<typeof deleteGroupsResponse>;
