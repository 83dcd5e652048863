import { LIMITS } from "../../base/limits.ts";
import type { GroupSettings } from "./group_types.ts";

/** What an operator may say about groups; Kafka's defaults where it is silent. */
export interface GroupOptions extends Partial<GroupSettings> {
  /** Partitions of the offsets topic when it is made; no option of Kafka's moves them later. */
  readonly offsetsTopicPartitions?: number;
  readonly expiryCheckMs?: number;
}

export const GROUP_DEFAULTS = {
  initialRebalanceDelayMs: 3_000,
  sessionTimeoutMsMin: LIMITS.groupSessionTimeoutMsMin,
  sessionTimeoutMsMax: LIMITS.groupSessionTimeoutMsMax,
  membersMax: LIMITS.groupMembersMax,
  offsetsRetentionMs: 10_080 * 60_000,
  // Kafka's 50 spread the load over many brokers. Here one sync serves all that waits in one partition, so that fewer are
  // faster; each is three descriptors and a file to read at a start.
  offsetsTopicPartitions: 8,
  expiryCheckMs: LIMITS.offsetsExpiryCheckMs,
} as const;

/** The options of `Groups` that an operator decides. */
export function groupSettings(options: GroupOptions = {}): {
  readonly settings: GroupSettings;
  readonly offsetsTopicPartitions: number;
  readonly expiryCheckMs: number;
} {
  const { offsetsTopicPartitions, expiryCheckMs, ...settings } = { ...GROUP_DEFAULTS, ...options };
  return { settings, offsetsTopicPartitions, expiryCheckMs };
}
