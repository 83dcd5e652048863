/** DescribeAcls (API 29), as Kafka 4.3 declares it. */
import { array, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const describeAclsRequest = new MessageSchema("DescribeAclsRequest", { versions: "1-3", flexible: "2+" }, {
  resourceTypeFilter: int8("0+"),
  resourceNameFilter: string("0+", { nullable: "0+" }),
  patternTypeFilter: int8("1+", { default: 3 }),
  principalFilter: string("0+", { nullable: "0+" }),
  hostFilter: string("0+", { nullable: "0+" }),
  operation: int8("0+"),
  permissionType: int8("0+"),
});

export const describeAclsResponse = new MessageSchema("DescribeAclsResponse", { versions: "1-3", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  errorCode: int16("0+"),
  errorMessage: string("0+", { nullable: "0+" }),
  resources: array("0+", {
    resourceType: int8("0+"),
    resourceName: string("0+"),
    patternType: int8("1+", { default: 3 }),
    acls: array("0+", {
      principal: string("0+"),
      host: string("0+"),
      operation: int8("0+"),
      permissionType: int8("0+"),
    }),
  }),
});

export const describeAclsApi = defineApi(29, "DescribeAcls", describeAclsRequest, describeAclsResponse);

export type DescribeAclsRequest = MessageValue<typeof describeAclsRequest>;
export type DescribeAclsResponse = MessageInput<typeof describeAclsResponse>;
