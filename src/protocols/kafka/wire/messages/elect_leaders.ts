/** ElectLeaders (API 43), as Kafka 4.3 declares it. */
import { array, int16, int32, int8, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const electLeadersRequest = new MessageSchema("ElectLeadersRequest", { versions: "0-2", flexible: "2+" }, {
  electionType: int8("1+"),
  topicPartitions: array("0+", {
    topic: string("0+"),
    partitions: array("0+", "int32"),
  }, { nullable: "0+" }),
  timeoutMs: int32("0+", { default: 60000 }),
});

export const electLeadersResponse = new MessageSchema("ElectLeadersResponse", { versions: "0-2", flexible: "2+" }, {
  throttleTimeMs: int32("0+"),
  errorCode: int16("1+"),
  replicaElectionResults: array("0+", {
    topic: string("0+"),
    partitionResult: array("0+", {
      partitionId: int32("0+"),
      errorCode: int16("0+"),
      errorMessage: string("0+", { nullable: "0+" }),
    }),
  }),
});

export const electLeadersApi = defineApi(43, "ElectLeaders", electLeadersRequest, electLeadersResponse);

export type ElectLeadersRequest = MessageValue<typeof electLeadersRequest>;
export type ElectLeadersResponse = MessageInput<typeof electLeadersResponse>;
