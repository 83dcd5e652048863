/** DescribeConfigs (API 32), as Kafka 4.3 declares it. */
import { array, bool, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const describeConfigsRequest = new MessageSchema("DescribeConfigsRequest", { versions: "1-4", flexible: "4+" }, {
  resources: array("0+", {
    resourceType: int8("0+"),
    resourceName: string("0+"),
    configurationKeys: array("0+", "string", { nullable: "0+" }),
  }),
  includeSynonyms: bool("1+", { default: false }),
  includeDocumentation: bool("3+", { default: false }),
});

export const describeConfigsResponse = new MessageSchema(
  "DescribeConfigsResponse",
  { versions: "1-4", flexible: "4+" },
  {
    throttleTimeMs: int32("0+"),
    results: array("0+", {
      errorCode: int16("0+"),
      errorMessage: string("0+", { nullable: "0+" }),
      resourceType: int8("0+"),
      resourceName: string("0+"),
      configs: array("0+", {
        name: string("0+"),
        value: string("0+", { nullable: "0+" }),
        readOnly: bool("0+"),
        configSource: int8("1+", { default: -1, ignorable: true }),
        isSensitive: bool("0+"),
        synonyms: array("1+", {
          name: string("1+"),
          value: string("1+", { nullable: "0+" }),
          source: int8("1+"),
        }, { ignorable: true }),
        configType: int8("3+", { default: 0, ignorable: true }),
        documentation: string("3+", { nullable: "0+", ignorable: true }),
      }),
    }),
  },
);

export const describeConfigsApi = defineApi(32, "DescribeConfigs", describeConfigsRequest, describeConfigsResponse);

export type DescribeConfigsRequest = MessageValue<typeof describeConfigsRequest>;
export type DescribeConfigsResponse = MessageInput<typeof describeConfigsResponse>;
