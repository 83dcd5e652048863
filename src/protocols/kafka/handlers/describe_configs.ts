/**
 * DescribeConfigs (API 32): settings of topics and of this broker. There are no loggers, client metrics or groups with
 * settings of their own: asked for by a right name, they have none. Faults in Kafka's words (ConfigHelper).
 */
import { LIMITS } from "../../../base/limits.ts";
import type { ConfigEntry } from "../../../broker/config_entry.ts";
import { topicNameFault } from "../../../broker/topic_name.ts";
import { NO_FAULT } from "../admin_fault.ts";
import type { Fault } from "../admin_fault.ts";
import { CONFIG_SOURCES, CONFIG_TYPES, configValue, nodeIdOf, RESOURCE_TYPES } from "../config_answer.ts";
import { defineHandler } from "../handler.ts";
import type { RequestContext } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { describeConfigsApi } from "../wire/messages/describe_configs.ts";
import type { DescribeConfigsRequest, DescribeConfigsResponse } from "../wire/messages/describe_configs.ts";

type Resource = DescribeConfigsRequest["resources"][number];
type ResourceAnswer = DescribeConfigsResponse["results"][number];

/** Kafka's text for a request that it cannot make sense of. */
const MALFORMED =
  "This most likely occurs because of a request being malformed by the client library or the message was " +
  "sent to an incompatible broker. See the broker logs for more details.";
const TOO_MANY: Fault = {
  errorCode: KAFKA_ERRORS.POLICY_VIOLATION,
  errorMessage: `One request is told ${LIMITS.describedSettingsMax} settings; ask for fewer resources`,
};
const KNOWN_TYPES: readonly number[] = Object.values(RESOURCE_TYPES);

export const describeConfigsHandler = defineHandler(describeConfigsApi, {
  handle(request, context) {
    const fault = { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage: MALFORMED };
    const isKnown = request.resources.every(({ resourceType }) => KNOWN_TYPES.includes(resourceType));
    let left: number = LIMITS.describedSettingsMax;
    const results = request.resources.map((resource) => {
      if (!isKnown) return answer(resource, fault, []);
      if (left <= 0) return answer(resource, TOO_MANY, []);
      const described = describe(resource, request, context);
      left -= described.configs.length;
      return described;
    });
    return { throttleTimeMs: 0, results };
  },
  fail: (request, error) => ({
    throttleTimeMs: 0,
    results: request.resources.map((resource) => answer(resource, error, [])),
  }),
});

function describe(resource: Resource, request: DescribeConfigsRequest, context: RequestContext): ResourceAnswer {
  const found = entriesOf(resource, context);
  if (!Array.isArray(found)) return answer(resource, found as Fault, []);
  const { configurationKeys } = resource;
  // No names at all ask for everything, as null does.
  const names = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys);
  const entries = found.filter(({ name }) => names?.has(name) ?? true);
  return answer(resource, NO_FAULT, entries.map((entry) => configOf(entry, request)));
}

function entriesOf(
  { resourceType, resourceName }: Resource,
  { broker, nodeId }: RequestContext,
): ConfigEntry[] | Fault {
  switch (resourceType) {
    case RESOURCE_TYPES.topic: {
      const entries = broker.describeTopicConfig(resourceName);
      if (entries !== null) return [...entries];
      const nameFault = topicNameFault(resourceName);
      return nameFault === null
        ? { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null }
        : { errorCode: KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION, errorMessage: nameFault };
    }
    case RESOURCE_TYPES.broker:
      // Without a name: what is set for all brokers at once, which is nothing.
      if (resourceName === "") return [];
      return nodeFault(resourceName, `Unexpected broker id, expected ${nodeId} or empty string,`, nodeId) ??
        [...broker.describeBrokerConfig()];
    case RESOURCE_TYPES.brokerLogger:
      if (resourceName === "") return invalid("Broker id must not be empty");
      return nodeFault(resourceName, `Unexpected broker id, expected ${nodeId}`, nodeId) ?? [];
    case RESOURCE_TYPES.clientMetrics:
      return resourceName === "" ? invalid("Client metrics subscription name must not be empty") : [];
    default:
      return resourceName === "" ? invalid("Group name must not be empty") : [];
  }
}

function nodeFault(name: string, unexpected: string, nodeId: number): Fault | null {
  const asked = nodeIdOf(name);
  if (asked === null) return invalid(`Broker id must be an integer, but it is: ${name}`);
  return asked === nodeId ? null : invalid(`${unexpected} but received ${name}`);
}

function invalid(errorMessage: string): Fault {
  return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage };
}

function configOf(entry: ConfigEntry, { includeSynonyms, includeDocumentation }: DescribeConfigsRequest) {
  return {
    ...configValue(entry),
    synonyms: includeSynonyms
      ? entry.synonyms.map(({ name, value, source }) => ({ name, value, source: CONFIG_SOURCES[source] }))
      : [],
    configType: CONFIG_TYPES[entry.type],
    documentation: includeDocumentation ? entry.documentation : null,
  };
}

/** Here, and only here, Kafka's message is empty and not null where there is nothing to say. */
function answer(
  { resourceType, resourceName }: Resource,
  { errorCode, errorMessage }: Fault,
  configs: ResourceAnswer["configs"],
): ResourceAnswer {
  return { errorCode, errorMessage: errorMessage ?? "", resourceType, resourceName, configs };
}
