/** What consumers put into a JoinGroup's metadata and a SyncGroup's assignment: int16 version, then this (ConsumerProtocol). */
import { array, bytes, int32, string } from "../field.ts";
import { MessageSchema, type MessageValue } from "../message_schema.ts";

export const consumerProtocolSubscription = new MessageSchema("ConsumerProtocolSubscription", {
  versions: "0-3",
  flexible: "none",
}, {
  topics: array("0+", "string"),
  userData: bytes("0+", { nullable: "0+", default: null }),
  ownedPartitions: array("1+", {
    topic: string("1+"),
    partitions: array("1+", "int32"),
  }, { ignorable: true }),
  generationId: int32("2+", { default: -1, ignorable: true }),
  rackId: string("3+", { nullable: "3+", default: null, ignorable: true }),
});

export const consumerProtocolAssignment = new MessageSchema("ConsumerProtocolAssignment", {
  versions: "0-3",
  flexible: "none",
}, {
  assignedPartitions: array("0+", {
    topic: string("0+"),
    partitions: array("0+", "int32"),
  }),
  userData: bytes("0+", { nullable: "0+", default: null }),
});

export type ConsumerProtocolSubscription = MessageValue<typeof consumerProtocolSubscription>;
export type ConsumerProtocolAssignment = MessageValue<typeof consumerProtocolAssignment>;
