/** InitProducerId (API 22), as Kafka 4.3 declares it. */
import { bool, int16, int32, int64, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const initProducerIdRequest = new MessageSchema("InitProducerIdRequest", { versions: "0-6", flexible: "2+" }, {
  transactionalId: string("0+", { nullable: "0+" }),
  transactionTimeoutMs: int32("0+"),
  producerId: int64("3+", { default: -1 }),
  producerEpoch: int16("3+", { default: -1 }),
  enable2Pc: bool("6+", { default: false }),
  keepPreparedTxn: bool("6+", { default: false }),
});

export const initProducerIdResponse = new MessageSchema("InitProducerIdResponse", { versions: "0-6", flexible: "2+" }, {
  throttleTimeMs: int32("0+", { ignorable: true }),
  errorCode: int16("0+"),
  producerId: int64("0+", { default: -1 }),
  producerEpoch: int16("0+"),
  ongoingTxnProducerId: int64("6+", { default: -1 }),
  ongoingTxnProducerEpoch: int16("6+", { default: -1 }),
});

export const initProducerIdApi = defineApi(22, "InitProducerId", initProducerIdRequest, initProducerIdResponse);

export type InitProducerIdRequest = MessageValue<typeof initProducerIdRequest>;
export type InitProducerIdResponse = MessageInput<typeof initProducerIdResponse>;
