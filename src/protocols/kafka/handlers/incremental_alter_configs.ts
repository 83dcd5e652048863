/** IncrementalAlterConfigs (API 44): what it does not name stays as it is. */
import { isListSetting } from "../../../broker/topic_config.ts";
import type { ConfigChange } from "../../../broker/config_change.ts";
import type { Fault } from "../admin_fault.ts";
import { alterResources, resourceAnswer } from "../alter_resources.ts";
import { defineHandler } from "../handler.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";
import { incrementalAlterConfigsApi } from "../wire/messages/incremental_alter_configs.ts";
import type { IncrementalAlterConfigsRequest } from "../wire/messages/incremental_alter_configs.ts";

type Resource = IncrementalAlterConfigsRequest["resources"][number];
type Config = Resource["configs"][number];

/** Kafka's AlterConfigOp.OpType. */
const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

export const incrementalAlterConfigsHandler = defineHandler(incrementalAlterConfigsApi, {
  async handle({ resources, validateOnly }, context) {
    const responses = await alterResources(resources, {
      validateOnly,
      takesLoggers: true,
      needsValue: ({ configOperation }) => configOperation !== DELETE,
      fault: operationFault,
      brokerChanges: ({ configs }) =>
        configs.filter(({ configOperation }) => configOperation !== DELETE).map(({ name }) => name),
      topicChange: ({ configs }) => ({
        config: Object.fromEntries(configs.map((config) => [config.name, changeOf(config)])),
      }),
    }, context);
    return { throttleTimeMs: 0, responses };
  },
  fail: ({ resources }, error) => ({
    throttleTimeMs: 0,
    responses: resources.map((resource) => resourceAnswer(resource, error)),
  }),
});

function operationFault({ configs }: Resource): Fault | null {
  for (const { name, configOperation } of configs) {
    if (configOperation < SET || configOperation > SUBTRACT) {
      const errorMessage = `Unknown operation ${configOperation} on ${name}`;
      return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage };
    }
    if (configOperation > DELETE && !isListSetting(name)) {
      const verb = configOperation === APPEND ? "APPEND" : "SUBTRACT";
      const errorMessage = `Can't ${verb} to key ${name} because its type is not LIST.`;
      return { errorCode: KAFKA_ERRORS.INVALID_CONFIG, errorMessage };
    }
  }
  return null;
}

function changeOf({ configOperation, value }: Config): ConfigChange {
  const text = value ?? "";
  if (configOperation === DELETE) return null;
  if (configOperation === APPEND) return { append: text };
  return configOperation === SUBTRACT ? { subtract: text } : text;
}
