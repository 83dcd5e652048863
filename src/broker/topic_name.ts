import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

const TOPIC_NAME_REGEXP = /^[a-zA-Z0-9._-]+$/;
const RESERVED = new Set([".", "..", "__cluster_metadata"]);

/** Kafka's rule, in its words (Topic.java): a name becomes a directory, so nothing else may pass. Why not, or null. */
export function topicNameFault(name: string): string | null {
  const fault = "Topic name is invalid:";
  if (name === "") return `${fault} the empty string is not allowed`;
  if (RESERVED.has(name)) return `${fault} '${name}' is not allowed`;
  if (name.length > LIMITS.topicNameCharsMax) {
    return `${fault} the length of '${name}' is longer than the max allowed length ${LIMITS.topicNameCharsMax}`;
  }
  if (TOPIC_NAME_REGEXP.test(name)) return null;
  return `${fault} '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
}

/** Fails with `invalid_topic` unless the name is one. */
export function assertTopicName(name: string): void {
  const fault = topicNameFault(name);
  if (fault !== null) throw new SentinelError("invalid_topic", fault);
}
