/** ListPartitionReassignments (API 46), as Kafka 4.3 declares it. */
import { array, int16, int32, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const listPartitionReassignmentsRequest = new MessageSchema("ListPartitionReassignmentsRequest", {
  versions: "0",
  flexible: "0+",
}, {
  timeoutMs: int32("0+", { default: 60000 }),
  topics: array("0+", {
    name: string("0+"),
    partitionIndexes: array("0+", "int32"),
  }, { nullable: "0+", default: null }),
});

export const listPartitionReassignmentsResponse = new MessageSchema("ListPartitionReassignmentsResponse", {
  versions: "0",
  flexible: "0+",
}, {
  throttleTimeMs: int32("0+"),
  errorCode: int16("0+"),
  errorMessage: string("0+", { nullable: "0+" }),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      replicas: array("0+", "int32"),
      addingReplicas: array("0+", "int32"),
      removingReplicas: array("0+", "int32"),
    }),
  }),
});

export const listPartitionReassignmentsApi = defineApi(
  46,
  "ListPartitionReassignments",
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
);

export type ListPartitionReassignmentsRequest = MessageValue<typeof listPartitionReassignmentsRequest>;
export type ListPartitionReassignmentsResponse = MessageInput<typeof listPartitionReassignmentsResponse>;
