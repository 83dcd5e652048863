/** CreatePartitions (API 37), as Kafka 4.3 declares it. */
import { array, bool, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const createPartitionsRequest = new MessageSchema(
  "CreatePartitionsRequest",
  { versions: "0-3", flexible: "2+" },
  {
    topics: array("0+", {
      name: string("0+"),
      count: int32("0+"),
      assignments: array("0+", {
        brokerIds: array("0+", "int32"),
      }, { nullable: "0+" }),
    }),
    timeoutMs: int32("0+"),
    validateOnly: bool("0+"),
  },
);

export const createPartitionsResponse = new MessageSchema("CreatePartitionsResponse", {
  versions: "0-3",
  flexible: "2+",
}, {
  throttleTimeMs: int32("0+"),
  results: array("0+", {
    name: string("0+"),
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+", default: null }),
  }),
});

export const createPartitionsApi = defineApi(37, "CreatePartitions", createPartitionsRequest, createPartitionsResponse);

export type CreatePartitionsRequest = MessageValue<typeof createPartitionsRequest>;
export type CreatePartitionsResponse = MessageInput<typeof createPartitionsResponse>;
