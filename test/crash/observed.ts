/** What a start finds: everything that a client can see, in a form that can be compared. */

export interface ObservedRecord {
  readonly offset: number;
  readonly digest: string;
}

export interface ObservedPartition {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  /** Read from the start on, up to the end or to a fault. */
  readonly records: readonly ObservedRecord[];
  /** Why it cannot be read as a whole: it is offline, or a read failed. */
  readonly fault: string | null;
  /** Answers that contradict the records, for instance of a search by time. */
  readonly contradictions: readonly string[];
}

export interface ObservedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly config: Readonly<Record<string, string>>;
  readonly partitions: readonly ObservedPartition[];
}

/** What a group's coordinator says. */
export interface ObservedGroup {
  readonly group: string;
  readonly generation: number;
  /** By `topic-partition`. */
  readonly offsets: Readonly<Record<string, number>>;
}

export interface Observed {
  readonly topics: readonly ObservedTopic[];
  /** None where the log alone is looked at. */
  readonly groups?: readonly ObservedGroup[];
}

/** Equal texts: clients cannot tell one from the other. */
export function textOfObserved(observed: Observed): string {
  return JSON.stringify(observed);
}
