/** LeaveGroup (API 13), as Kafka 4.3 declares it. */
import { array, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const leaveGroupRequest = new MessageSchema("LeaveGroupRequest", { versions: "0-5", flexible: "4+" }, {
  groupId: string("0+"),
  memberId: string("0-2"),
  members: array("3+", {
    memberId: string("3+"),
    groupInstanceId: string("3+", { nullable: "3+", default: null }),
    reason: string("5+", { nullable: "5+", default: null, ignorable: true }),
  }),
});

export const leaveGroupResponse = new MessageSchema("LeaveGroupResponse", { versions: "0-5", flexible: "4+" }, {
  throttleTimeMs: int32("1+", { ignorable: true }),
  errorCode: int16("0+"),
  members: array("3+", {
    memberId: string("3+"),
    groupInstanceId: string("3+", { nullable: "3+" }),
    errorCode: int16("3+"),
  }),
});

export const leaveGroupApi = defineApi(13, "LeaveGroup", leaveGroupRequest, leaveGroupResponse);

export type LeaveGroupRequest = MessageValue<typeof leaveGroupRequest>;
export type LeaveGroupResponse = MessageInput<typeof leaveGroupResponse>;
