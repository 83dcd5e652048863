import { concatBytes } from "../../../src/bytes/concat.ts";
import type { KafkaApi } from "../../../src/protocols/kafka/wire/api.ts";
import { requestHeader } from "../../../src/protocols/kafka/wire/messages/headers.ts";
import type { AnySchema, MessageInput } from "../../../src/schema/message_schema.ts";
import { SchemaWriter } from "../../../src/schema/schema_writer.ts";

/** A whole request as a client sends it, length first. */
export function requestFrame<Q extends AnySchema>(
  api: KafkaApi<Q>,
  apiVersion: number,
  value: MessageInput<Q>,
  options: { readonly correlationId?: number; readonly clientId?: string | null } = {},
): Uint8Array {
  const { correlationId = 1, clientId = "test" } = options;
  const writer = new SchemaWriter();
  writer.int32(0);
  const header = { requestApiKey: api.key, requestApiVersion: apiVersion, correlationId, clientId };
  requestHeader.write(writer, header, api.request.isFlexible(apiVersion) ? 2 : 1);
  api.request.write(writer, value as never, apiVersion);
  writer.patchInt32(0, writer.sizeBytes - 4);
  return concatBytes(writer.finish());
}
