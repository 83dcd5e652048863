/** IncrementalAlterConfigs (API 44), as Kafka 4.3 declares it. */
import { array, bool, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const incrementalAlterConfigsRequest = new MessageSchema("IncrementalAlterConfigsRequest", {
  versions: "0-1",
  flexible: "1+",
}, {
  resources: array("0+", {
    resourceType: int8("0+"),
    resourceName: string("0+"),
    configs: array("0+", {
      name: string("0+"),
      configOperation: int8("0+"),
      value: string("0+", { nullable: "0+" }),
    }),
  }),
  validateOnly: bool("0+"),
});

export const incrementalAlterConfigsResponse = new MessageSchema("IncrementalAlterConfigsResponse", {
  versions: "0-1",
  flexible: "1+",
}, {
  throttleTimeMs: int32("0+"),
  responses: array("0+", {
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
    resourceType: int8("0+"),
    resourceName: string("0+"),
  }),
});

export const incrementalAlterConfigsApi = defineApi(
  44,
  "IncrementalAlterConfigs",
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
);

export type IncrementalAlterConfigsRequest = MessageValue<typeof incrementalAlterConfigsRequest>;
export type IncrementalAlterConfigsResponse = MessageInput<typeof incrementalAlterConfigsResponse>;
