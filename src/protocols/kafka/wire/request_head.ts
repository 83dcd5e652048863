import { SchemaReader } from "../../../schema/schema_reader.ts";
import type { SchemaFault } from "../../../schema/message_schema.ts";
import type { KafkaApi } from "./api.ts";
import { requestHeader } from "./messages/headers.ts";

/** The part of a request's header that comes before anything depends on the API. */
export interface RequestKey {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
}

/** A whole request: its header, and its body as its API's schema reads it. */
export interface ReadRequest {
  readonly clientId: string | null;
  readonly value: object;
}

/** `body` has at least eight bytes, or this is a fault. */
export function readRequestKey(body: Uint8Array): RequestKey | SchemaFault {
  const reader = new SchemaReader(body);
  const key = { apiKey: reader.int16(), apiVersion: reader.int16(), correlationId: reader.int32() };
  return reader.fault === null ? key : { fault: `Request header: ${reader.fault}` };
}

/** Reads a request in a version that its API has. What stands behind the body is left alone, as Kafka does. */
export function readRequest(body: Uint8Array, api: KafkaApi, apiVersion: number): ReadRequest | SchemaFault {
  const reader = new SchemaReader(body);
  const { clientId } = requestHeader.read(reader, api.request.isFlexible(apiVersion) ? 2 : 1);
  const value = api.request.read(reader, apiVersion);
  return reader.fault === null ? { clientId, value } : { fault: `${api.name} v${apiVersion}: ${reader.fault}` };
}
