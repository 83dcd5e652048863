/** AlterConfigs (API 33): what it says is all that is set afterwards. */
import { alterResources, resourceAnswer } from "../alter_resources.ts";
import { defineHandler } from "../handler.ts";
import { alterConfigsApi } from "../wire/messages/alter_configs.ts";

export const alterConfigsHandler = defineHandler(alterConfigsApi, {
  async handle({ resources, validateOnly }, context) {
    const responses = await alterResources(resources, {
      validateOnly,
      takesLoggers: false,
      needsValue: () => true,
      fault: () => null,
      brokerChanges: ({ configs }) => configs.map(({ name }) => name),
      topicChange: ({ configs }) => ({
        config: Object.fromEntries(configs.map(({ name, value }) => [name, value])),
        replacesConfig: true,
      }),
    }, context);
    return { throttleTimeMs: 0, responses };
  },
  fail: ({ resources }, error) => ({
    throttleTimeMs: 0,
    responses: resources.map((resource) => resourceAnswer(resource, error)),
  }),
});
