import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

const TOPIC_NAME_REGEXP = /^[a-zA-Z0-9._-]+$/;
const RESERVED = new Set([".", "..", "__cluster_metadata"]);

/** Kafka's rule (Topic.java): a name becomes a directory, so nothing else may pass. Returns why not, or null. */
export function topicNameFault(name: string): string | null {
  if (name === "") return "A topic name is empty; it needs 1 to 249 of the characters a–z, A–Z, 0–9, '.', '_' and '-'";
  if (name.length > LIMITS.topicNameCharsMax) {
    return `The topic name has ${name.length} characters, the limit is ${LIMITS.topicNameCharsMax}`;
  }
  if (!TOPIC_NAME_REGEXP.test(name)) {
    return `The topic name ${JSON.stringify(name)} has characters other than a–z, A–Z, 0–9, '.', '_' and '-'`;
  }
  return RESERVED.has(name) ? `The topic name ${JSON.stringify(name)} is reserved` : null;
}

/** Fails with `invalid_topic` unless the name is one. */
export function assertTopicName(name: string): void {
  const fault = topicNameFault(name);
  if (fault !== null) throw new SentinelError("invalid_topic", fault);
}
