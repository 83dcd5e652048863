/** The `.snapshot` file of a log: int16 version, then this (protocol §6.2). */
import { array, int16, int32, int64, uint32 } from "../field.ts";
import { MessageSchema, type MessageValue } from "../message_schema.ts";

export const producerSnapshot = new MessageSchema("ProducerSnapshot", { versions: "1", flexible: "none" }, {
  crc: uint32("1"),
  producerEntries: array("1", {
    producerId: int64("1"),
    epoch: int16("1"),
    lastSequence: int32("1"),
    lastOffset: int64("1"),
    offsetDelta: int32("1"),
    timestamp: int64("1"),
    coordinatorEpoch: int32("1"),
    currentTxnFirstOffset: int64("1"),
  }),
});

export type ProducerSnapshot = MessageValue<typeof producerSnapshot>;
