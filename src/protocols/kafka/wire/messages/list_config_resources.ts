/** ListConfigResources (API 74), as Kafka 4.3 declares it. */
import { array, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const listConfigResourcesRequest = new MessageSchema("ListConfigResourcesRequest", {
  versions: "0-1",
  flexible: "0+",
}, {
  resourceTypes: array("1+", "int8"),
});

export const listConfigResourcesResponse = new MessageSchema("ListConfigResourcesResponse", {
  versions: "0-1",
  flexible: "0+",
}, {
  throttleTimeMs: int32("0+"),
  errorCode: int16("0+"),
  configResources: array("0+", {
    resourceName: string("0+"),
    resourceType: int8("1+", { default: 16, ignorable: true }),
  }),
});

export const listConfigResourcesApi = defineApi(
  74,
  "ListConfigResources",
  listConfigResourcesRequest,
  listConfigResourcesResponse,
);

export type ListConfigResourcesRequest = MessageValue<typeof listConfigResourcesRequest>;
export type ListConfigResourcesResponse = MessageInput<typeof listConfigResourcesResponse>;
