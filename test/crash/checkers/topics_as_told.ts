import type { TopicState } from "../ledger.ts";
import type { ObservedTopic } from "../observed.ts";
import type { ObservedChecker } from "./checker.ts";

/** Topics, their ids, partitions and settings are as acknowledged, or as the change that was under way made them. */
export const topicsAsTold: ObservedChecker = (observed, expectation) => {
  const faults: string[] = [];
  const byName = new Map(observed.topics.map((topic) => [topic.name, topic]));
  for (const [name, states] of expectation.topics) {
    if (stateOf(byName.get(name), states, expectation.topicIds) === undefined) {
      faults.push(`topics: ${name} is ${textOf(byName.get(name))}, not one of ${JSON.stringify(states)}`);
    }
    byName.delete(name);
  }
  for (const name of byName.keys()) faults.push(`topics: nobody made ${name}`);
  return faults;
};

/** Which of the possible states a topic is in; undefined: none. */
export function stateOf(
  topic: ObservedTopic | undefined,
  states: readonly (TopicState | null)[],
  topicIds: ReadonlyMap<number, string>,
): TopicState | null | undefined {
  return states.findLast((state) => {
    if (state === null || topic === undefined) return (state === null) === (topic === undefined);
    const topicId = topicIds.get(state.incarnation);
    return (topicId === undefined || topicId === topic.topicId) && topic.partitions.length === state.partitions &&
      sortedText(topic.config) === sortedText(state.config);
  });
}

function sortedText(config: Readonly<Record<string, string>>): string {
  return Object.entries(config).map(([name, value]) => `${name}=${value}`).sort().join(" ");
}

function textOf(topic: ObservedTopic | undefined): string {
  if (topic === undefined) return "not there";
  return `${topic.topicId} with ${topic.partitions.length} partitions and ${sortedText(topic.config)}`;
}
