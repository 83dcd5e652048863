/** ListGroups (API 16), as Kafka 4.3 declares it. */
import { array, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const listGroupsRequest = new MessageSchema("ListGroupsRequest", { versions: "0-5", flexible: "3+" }, {
  statesFilter: array("4+", "string"),
  typesFilter: array("5+", "string"),
});

export const listGroupsResponse = new MessageSchema("ListGroupsResponse", { versions: "0-5", flexible: "3+" }, {
  throttleTimeMs: int32("1+", { ignorable: true }),
  errorCode: int16("0+"),
  groups: array("0+", {
    groupId: string("0+"),
    protocolType: string("0+"),
    groupState: string("4+", { ignorable: true }),
    groupType: string("5+", { ignorable: true }),
  }),
});

export const listGroupsApi = defineApi(16, "ListGroups", listGroupsRequest, listGroupsResponse);

export type ListGroupsRequest = MessageValue<typeof listGroupsRequest>;
export type ListGroupsResponse = MessageInput<typeof listGroupsResponse>;
