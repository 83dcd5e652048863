/** Heartbeat (API 12), as Kafka 4.3 declares it. */
import { int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const heartbeatRequest = new MessageSchema("HeartbeatRequest", { versions: "0-4", flexible: "4+" }, {
  groupId: string("0+"),
  generationId: int32("0+"),
  memberId: string("0+"),
  groupInstanceId: string("3+", { nullable: "3+", default: null }),
});

export const heartbeatResponse = new MessageSchema("HeartbeatResponse", { versions: "0-4", flexible: "4+" }, {
  throttleTimeMs: int32("1+", { ignorable: true }),
  errorCode: int16("0+"),
});

export const heartbeatApi = defineApi(12, "Heartbeat", heartbeatRequest, heartbeatResponse);

export type HeartbeatRequest = MessageValue<typeof heartbeatRequest>;
export type HeartbeatResponse = MessageInput<typeof heartbeatResponse>;
