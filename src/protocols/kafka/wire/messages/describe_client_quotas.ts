/** DescribeClientQuotas (API 48), as Kafka 4.3 declares it. */
import { array, bool, float64, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const describeClientQuotasRequest = new MessageSchema("DescribeClientQuotasRequest", {
  versions: "0-1",
  flexible: "1+",
}, {
  components: array("0+", {
    entityType: string("0+"),
    matchType: int8("0+"),
    match: string("0+", { nullable: "0+" }),
  }),
  strict: bool("0+"),
});

export const describeClientQuotasResponse = new MessageSchema("DescribeClientQuotasResponse", {
  versions: "0-1",
  flexible: "1+",
}, {
  throttleTimeMs: int32("0+"),
  errorCode: int16("0+"),
  errorMessage: string("0+", { nullable: "0+" }),
  entries: array("0+", {
    entity: array("0+", {
      entityType: string("0+"),
      entityName: string("0+", { nullable: "0+" }),
    }),
    values: array("0+", {
      key: string("0+"),
      value: float64("0+"),
    }),
  }, { nullable: "0+" }),
});

export const describeClientQuotasApi = defineApi(
  48,
  "DescribeClientQuotas",
  describeClientQuotasRequest,
  describeClientQuotasResponse,
);

export type DescribeClientQuotasRequest = MessageValue<typeof describeClientQuotasRequest>;
export type DescribeClientQuotasResponse = MessageInput<typeof describeClientQuotasResponse>;
