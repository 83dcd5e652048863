/** DescribeGroups (API 15), as Kafka 4.3 declares it. */
import { array, bool, bytes, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const describeGroupsRequest = new MessageSchema("DescribeGroupsRequest", { versions: "0-6", flexible: "5+" }, {
  groups: array("0+", "string"),
  includeAuthorizedOperations: bool("3+"),
});

export const describeGroupsResponse = new MessageSchema("DescribeGroupsResponse", { versions: "0-6", flexible: "5+" }, {
  throttleTimeMs: int32("1+", { ignorable: true }),
  groups: array("0+", {
    errorCode: int16("0+"),
    errorMessage: string("6+", { nullable: "6+", default: null }),
    groupId: string("0+"),
    groupState: string("0+"),
    protocolType: string("0+"),
    protocolData: string("0+"),
    members: array("0+", {
      memberId: string("0+"),
      groupInstanceId: string("4+", { nullable: "4+", default: null, ignorable: true }),
      clientId: string("0+"),
      clientHost: string("0+"),
      memberMetadata: bytes("0+"),
      memberAssignment: bytes("0+"),
    }),
    authorizedOperations: int32("3+", { default: -2147483648 }),
  }),
});

export const describeGroupsApi = defineApi(15, "DescribeGroups", describeGroupsRequest, describeGroupsResponse);

export type DescribeGroupsRequest = MessageValue<typeof describeGroupsRequest>;
export type DescribeGroupsResponse = MessageInput<typeof describeGroupsResponse>;
