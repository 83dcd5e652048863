/** DescribeProducers (API 61), as Kafka 4.3 declares it. */
import { array, int16, int32, int64, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const describeProducersRequest = new MessageSchema(
  "DescribeProducersRequest",
  { versions: "0", flexible: "0+" },
  {
    topics: array("0+", {
      name: string("0+"),
      partitionIndexes: array("0+", "int32"),
    }),
  },
);

export const describeProducersResponse = new MessageSchema("DescribeProducersResponse", {
  versions: "0",
  flexible: "0+",
}, {
  throttleTimeMs: int32("0+"),
  topics: array("0+", {
    name: string("0+"),
    partitions: array("0+", {
      partitionIndex: int32("0+"),
      errorCode: int16("0+"),
      errorMessage: string("0+", { nullable: "0+", default: null }),
      activeProducers: array("0+", {
        producerId: int64("0+"),
        producerEpoch: int32("0+"),
        lastSequence: int32("0+", { default: -1 }),
        lastTimestamp: int64("0+", { default: -1 }),
        coordinatorEpoch: int32("0+"),
        currentTxnStartOffset: int64("0+", { default: -1 }),
      }),
    }),
  }),
});

export const describeProducersApi = defineApi(
  61,
  "DescribeProducers",
  describeProducersRequest,
  describeProducersResponse,
);

export type DescribeProducersRequest = MessageValue<typeof describeProducersRequest>;
export type DescribeProducersResponse = MessageInput<typeof describeProducersResponse>;
