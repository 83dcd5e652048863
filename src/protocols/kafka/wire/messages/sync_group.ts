/** SyncGroup (API 14), as Kafka 4.3 declares it. */
import { array, bytes, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const syncGroupRequest = new MessageSchema("SyncGroupRequest", { versions: "0-5", flexible: "4+" }, {
  groupId: string("0+"),
  generationId: int32("0+"),
  memberId: string("0+"),
  groupInstanceId: string("3+", { nullable: "3+", default: null }),
  protocolType: string("5+", { nullable: "5+", default: null, ignorable: true }),
  protocolName: string("5+", { nullable: "5+", default: null, ignorable: true }),
  assignments: array("0+", {
    memberId: string("0+"),
    assignment: bytes("0+"),
  }),
});

export const syncGroupResponse = new MessageSchema("SyncGroupResponse", { versions: "0-5", flexible: "4+" }, {
  throttleTimeMs: int32("1+", { ignorable: true }),
  errorCode: int16("0+"),
  protocolType: string("5+", { nullable: "5+", default: null, ignorable: true }),
  protocolName: string("5+", { nullable: "5+", default: null, ignorable: true }),
  assignment: bytes("0+"),
});

export const syncGroupApi = defineApi(14, "SyncGroup", syncGroupRequest, syncGroupResponse);

export type SyncGroupRequest = MessageValue<typeof syncGroupRequest>;
export type SyncGroupResponse = MessageInput<typeof syncGroupResponse>;
