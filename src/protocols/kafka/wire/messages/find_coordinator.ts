/** FindCoordinator (API 10), as Kafka 4.3 declares it. */
import { array, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const findCoordinatorRequest = new MessageSchema("FindCoordinatorRequest", { versions: "0-6", flexible: "3+" }, {
  key: string("0-3"),
  keyType: int8("1+", { default: 0 }),
  coordinatorKeys: array("4+", "string"),
});

export const findCoordinatorResponse = new MessageSchema(
  "FindCoordinatorResponse",
  { versions: "0-6", flexible: "3+" },
  {
    throttleTimeMs: int32("1+", { ignorable: true }),
    errorCode: int16("0-3"),
    errorMessage: string("1-3", { nullable: "1-3", ignorable: true }),
    nodeId: int32("0-3"),
    host: string("0-3"),
    port: int32("0-3"),
    coordinators: array("4+", {
      key: string("4+"),
      nodeId: int32("4+"),
      host: string("4+"),
      port: int32("4+"),
      errorCode: int16("4+"),
      errorMessage: string("4+", { nullable: "4+", ignorable: true }),
    }),
  },
);

export const findCoordinatorApi = defineApi(10, "FindCoordinator", findCoordinatorRequest, findCoordinatorResponse);

export type FindCoordinatorRequest = MessageValue<typeof findCoordinatorRequest>;
export type FindCoordinatorResponse = MessageInput<typeof findCoordinatorResponse>;
