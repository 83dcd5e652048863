/**
 * What AlterConfigs and IncrementalAlterConfigs have in common: which resources have settings that can be changed, and
 * how each is answered. Only topics have any: the broker's are how it was started. Faults in Kafka's order and words
 * (ConfigAdminManager, ConfigurationControlManager).
 */
import type { TopicChange } from "../../broker/types.ts";
import { topicNameFault } from "../../broker/topic_name.ts";
import { adminFault, NO_FAULT } from "./admin_fault.ts";
import type { Fault } from "./admin_fault.ts";
import { nodeIdOf, RESOURCE_TYPES } from "./config_answer.ts";
import type { RequestContext } from "./handler.ts";
import { repeated } from "./repeated.ts";
import { KAFKA_ERRORS } from "./wire/error_codes.ts";

export interface AlteredResource {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

/** How one of the two messages says a change. */
export interface ConfigChangeRules<Resource extends AlteredResource> {
  readonly validateOnly: boolean;
  /** Whether a broker's loggers can be named. */
  readonly takesLoggers: boolean;
  /** Settings whose value must not be null. */
  needsValue(config: Resource["configs"][number]): boolean;
  /** What is wrong with the changes themselves, before anyone asks whether there is such a topic. */
  fault(resource: Resource): Fault | null;
  /** Names of a broker's settings that would change. */
  brokerChanges(resource: Resource): readonly string[];
  topicChange(resource: Resource): TopicChange;
}

export interface ResourceAnswer extends Fault {
  readonly resourceType: number;
  readonly resourceName: string;
}

export async function alterResources<Resource extends AlteredResource>(
  resources: readonly Resource[],
  rules: ConfigChangeRules<Resource>,
  context: RequestContext,
): Promise<ResourceAnswer[]> {
  const keyOf = ({ resourceType, resourceName }: AlteredResource): string => `${resourceType}/${resourceName}`;
  const twice = repeated(resources.map(keyOf));
  const answers: ResourceAnswer[] = [];
  for (const resource of resources) {
    const fault = twice.has(keyOf(resource))
      ? invalid("Each resource must appear at most once.")
      : await alterResource(resource, rules, context);
    answers.push(resourceAnswer(resource, fault));
  }
  return answers;
}

export function resourceAnswer(
  { resourceType, resourceName }: AlteredResource,
  { errorCode, errorMessage }: Fault,
): ResourceAnswer {
  return { errorCode, errorMessage, resourceType, resourceName };
}

async function alterResource<Resource extends AlteredResource>(
  resource: Resource,
  rules: ConfigChangeRules<Resource>,
  context: RequestContext,
): Promise<Fault> {
  const { configs, resourceType } = resource;
  if (repeated(configs.map(({ name }) => name)).size > 0) return invalid("Error due to duplicate config keys");
  const nulls = configs.filter((config) => config.value === null && rules.needsValue(config)).map(({ name }) => name);
  if (nulls.length > 0) return invalid(`Null value not supported for : ${nulls.join(", ")}`);
  if (resourceType === RESOURCE_TYPES.topic) {
    return rules.fault(resource) ??
      await alterTopic(resource.resourceName, rules.topicChange(resource), rules, context);
  }
  if (resourceType === RESOURCE_TYPES.broker) return brokerFault(resource, rules, context.nodeId) ?? NO_FAULT;
  if (resourceType === RESOURCE_TYPES.brokerLogger && rules.takesLoggers) {
    return loggerFault(resource, context.nodeId) ?? NO_FAULT;
  }
  return invalid(`Unknown resource type ${resourceType}`);
}

async function alterTopic(
  name: string,
  change: TopicChange,
  { validateOnly }: { readonly validateOnly: boolean },
  context: RequestContext,
): Promise<Fault> {
  const { broker } = context;
  if (name === "") return invalid("Default topic resources are not allowed.");
  if (broker.partitionCount(name) === null) {
    const nameFault = topicNameFault(name);
    if (nameFault !== null) return { errorCode: KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION, errorMessage: nameFault };
    const errorMessage = `The topic '${name}' does not exist.`;
    return { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, errorMessage };
  }
  try {
    if (validateOnly) broker.checkTopicChange(name, change);
    else await broker.alterTopic(name, change);
    return NO_FAULT;
  } catch (thrown) {
    return adminFault(thrown, context);
  }
}

/** Nothing is set while it runs, so that returning to the default changes nothing. */
function brokerFault<Resource extends AlteredResource>(
  resource: Resource,
  rules: ConfigChangeRules<Resource>,
  nodeId: number,
): Fault | null {
  const { resourceName } = resource;
  if (resourceName !== "") {
    const asked = nodeIdOf(resourceName);
    if (asked === null) return invalid(`Node id must be an integer, but it is: ${resourceName}`);
    if (asked !== nodeId) return invalid(`Unexpected broker id, expected ${nodeId}, but received ${resourceName}`);
  }
  const names = rules.brokerChanges(resource);
  return names.length === 0 ? null : invalid(`Cannot update these configs dynamically: [${names.join(", ")}]`);
}

function loggerFault({ resourceName, configs }: AlteredResource, nodeId: number): Fault | null {
  const asked = nodeIdOf(resourceName);
  if (asked === null) return invalid(`Node id must be an integer, but it is: ${resourceName}`);
  if (asked !== nodeId) return invalid(`Unexpected node id. Expected ${nodeId}, but received ${resourceName}`);
  const name = configs[0]?.name;
  if (name === undefined) return null;
  return { errorCode: KAFKA_ERRORS.INVALID_CONFIG, errorMessage: `Logger ${name} does not exist!` };
}

function invalid(errorMessage: string): Fault {
  return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage };
}
