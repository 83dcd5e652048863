/** DeleteAcls (API 31), as Kafka 4.3 declares it. */
import { array, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const deleteAclsRequest = new MessageSchema("DeleteAclsRequest", { versions: "1-3", flexible: "2+" }, {
  filters: array("0+", {
    resourceTypeFilter: int8("0+"),
    resourceNameFilter: string("0+", { nullable: "0+" }),
    patternTypeFilter: int8("1+", { default: 3 }),
    principalFilter: string("0+", { nullable: "0+" }),
    hostFilter: string("0+", { nullable: "0+" }),
    operation: int8("0+"),
    permissionType: int8("0+"),
  }),
});

export const deleteAclsResponse = new MessageSchema("DeleteAclsResponse", { versions: "1-3", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  filterResults: array("0+", {
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
    matchingAcls: array("0+", {
      errorCode: int16("0+"),
      errorMessage: string("0+", { nullable: "0+" }),
      resourceType: int8("0+"),
      resourceName: string("0+"),
      patternType: int8("1+", { default: 3 }),
      principal: string("0+"),
      host: string("0+"),
      operation: int8("0+"),
      permissionType: int8("0+"),
    }),
  }),
});

export const deleteAclsApi = defineApi(31, "DeleteAcls", deleteAclsRequest, deleteAclsResponse);

export type DeleteAclsRequest = MessageValue<typeof deleteAclsRequest>;
export type DeleteAclsResponse = MessageInput<typeof deleteAclsResponse>;
