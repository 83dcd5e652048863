/** CreateAcls (API 30), as Kafka 4.3 declares it. */
import { array, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const createAclsRequest = new MessageSchema("CreateAclsRequest", { versions: "1-3", flexible: "2+" }, {
  creations: array("0+", {
    resourceType: int8("0+"),
    resourceName: string("0+"),
    resourcePatternType: int8("1+", { default: 3 }),
    principal: string("0+"),
    host: string("0+"),
    operation: int8("0+"),
    permissionType: int8("0+"),
  }),
});

export const createAclsResponse = new MessageSchema("CreateAclsResponse", { versions: "1-3", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  results: array("0+", {
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
  }),
});

export const createAclsApi = defineApi(30, "CreateAcls", createAclsRequest, createAclsResponse);

export type CreateAclsRequest = MessageValue<typeof createAclsRequest>;
export type CreateAclsResponse = MessageInput<typeof createAclsResponse>;
