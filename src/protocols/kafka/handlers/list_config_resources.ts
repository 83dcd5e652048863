/** ListConfigResources (API 74): what has settings. Version 0 asks for client metrics alone, of which there are none. */
import type { BrokerApi } from "../../../broker/broker_api.ts";
import type { NodeId } from "../../../base/ids.ts";
import { RESOURCE_TYPES } from "../config_answer.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { listConfigResourcesApi } from "../wire/messages/list_config_resources.ts";

const ALL_TYPES: readonly number[] = Object.values(RESOURCE_TYPES);

export const listConfigResourcesHandler = defineHandler(listConfigResourcesApi, {
  handle({ resourceTypes }, { apiVersion, broker, nodeId }) {
    const asked = apiVersion === 0
      ? [RESOURCE_TYPES.clientMetrics]
      : resourceTypes.length === 0
      ? ALL_TYPES
      : [...new Set(resourceTypes)];
    if (asked.some((type) => !ALL_TYPES.includes(type))) {
      return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.UNSUPPORTED_VERSION, configResources: [] };
    }
    const configResources = asked.flatMap((resourceType) =>
      namesOf(resourceType, broker, nodeId).map((resourceName) => ({ resourceName, resourceType }))
    );
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, configResources };
  },
  fail: (_request, { errorCode }) => ({ throttleTimeMs: 0, errorCode, configResources: [] }),
});

function namesOf(resourceType: number, broker: BrokerApi, nodeId: NodeId): string[] {
  switch (resourceType) {
    case RESOURCE_TYPES.topic:
      return broker.topicNames();
    case RESOURCE_TYPES.broker:
      return [String(nodeId)];
    default:
      return [];
  }
}
