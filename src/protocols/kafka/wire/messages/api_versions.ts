/** ApiVersions (API 18), as Kafka 4.3 declares it. */
import { array, bool, int16, int32, int64, string } from "../../../../schema/field.ts";
import { type MessageInput, MessageSchema, type MessageValue } from "../../../../schema/message_schema.ts";
import { defineApi } from "../api.ts";

export const apiVersionsRequest = new MessageSchema("ApiVersionsRequest", { versions: "0-4", flexible: "3+" }, {
  clientSoftwareName: string("3+", { ignorable: true }),
  clientSoftwareVersion: string("3+", { ignorable: true }),
});

export const apiVersionsResponse = new MessageSchema("ApiVersionsResponse", { versions: "0-4", flexible: "3+" }, {
  errorCode: int16("0+"),
  apiKeys: array("0+", {
    apiKey: int16("0+"),
    minVersion: int16("0+"),
    maxVersion: int16("0+"),
  }),
  throttleTimeMs: int32("1+", { ignorable: true }),
  supportedFeatures: array("3+", {
    name: string("3+"),
    minVersion: int16("3+"),
    maxVersion: int16("3+"),
  }, { tag: 0, ignorable: true }),
  finalizedFeaturesEpoch: int64("3+", { default: -1, tag: 1, ignorable: true }),
  finalizedFeatures: array("3+", {
    name: string("3+"),
    maxVersionLevel: int16("3+"),
    minVersionLevel: int16("3+"),
  }, { tag: 2, ignorable: true }),
  zkMigrationReady: bool("3+", { default: false, tag: 3, ignorable: true }),
});

export const apiVersionsApi = defineApi(18, "ApiVersions", apiVersionsRequest, apiVersionsResponse);

export type ApiVersionsRequest = MessageValue<typeof apiVersionsRequest>;
export type ApiVersionsResponse = MessageInput<typeof apiVersionsResponse>;
