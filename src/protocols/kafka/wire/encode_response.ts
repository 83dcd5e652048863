import { SchemaWriter } from "../../../schema/schema_writer.ts";
import type { KafkaApi } from "./api.ts";
import { apiVersionsApi } from "./messages/api_versions.ts";
import { responseHeader } from "./messages/headers.ts";

/**
 * A whole response frame as slices, length first. The header of ApiVersions has no tagged fields in any version: the
 * client may not know yet which versions we have (protocol §1).
 */
export function encodeResponse(api: KafkaApi, apiVersion: number, correlationId: number, value: object): Uint8Array[] {
  const writer = new SchemaWriter();
  writer.int32(0);
  const hasTags = api.response.isFlexible(apiVersion) && api.key !== apiVersionsApi.key;
  responseHeader.write(writer, { correlationId }, hasTags ? 1 : 0);
  // The handler's answer has its API's type.
  api.response.write(writer, value as never, apiVersion);
  writer.patchInt32(0, writer.sizeBytes - 4);
  return writer.finish();
}
