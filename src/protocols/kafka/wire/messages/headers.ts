/** The headers before every request and response (protocol §1). */
import { int16, int32, string } from "../../../../schema/field.ts";
import { MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";

export const requestHeader = new MessageSchema("RequestHeader", { versions: "1-2", flexible: "2+" }, {
  requestApiKey: int16("0+"),
  requestApiVersion: int16("0+"),
  correlationId: int32("0+"),
  clientId: string("1+", { nullable: "1+", flexible: "none" }),
});

export const responseHeader = new MessageSchema("ResponseHeader", { versions: "0-1", flexible: "1+" }, {
  correlationId: int32("0+"),
});

export type RequestHeader = MessageValue<typeof requestHeader>;
