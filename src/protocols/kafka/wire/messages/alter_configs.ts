/** AlterConfigs (API 33), as Kafka 4.3 declares it. */
import { array, bool, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const alterConfigsRequest = new MessageSchema("AlterConfigsRequest", { versions: "0-2", flexible: "2+" }, {
  resources: array("0+", {
    resourceType: int8("0+"),
    resourceName: string("0+"),
    configs: array("0+", {
      name: string("0+"),
      value: string("0+", { nullable: "0+" }),
    }),
  }),
  validateOnly: bool("0+"),
});

export const alterConfigsResponse = new MessageSchema("AlterConfigsResponse", { versions: "0-2", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  responses: array("0+", {
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
    resourceType: int8("0+"),
    resourceName: string("0+"),
  }),
});

export const alterConfigsApi = defineApi(33, "AlterConfigs", alterConfigsRequest, alterConfigsResponse);

export type AlterConfigsRequest = MessageValue<typeof alterConfigsRequest>;
export type AlterConfigsResponse = MessageInput<typeof alterConfigsResponse>;
