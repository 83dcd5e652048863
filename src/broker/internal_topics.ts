/** Topics that the broker keeps for itself. Clients may read them, as with Kafka, and neither write nor remove them. */
import { SentinelError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { TopicConfig } from "./topic_config.ts";

/** Group memberships and committed positions. */
export const OFFSETS_TOPIC = "__consumer_offsets";

/** Idempotency keys; see `idempotency_records.ts`. */
export const IDEMPOTENCY_TOPIC = "__idempotency_keys";

const INTERNAL_TOPICS: ReadonlySet<string> = new Set([OFFSETS_TOPIC, IDEMPOTENCY_TOPIC]);

/** A small segment is read fast at a start (Kafka's offsets.topic.segment.bytes); a group's record may be a large one. */
export const OFFSETS_TOPIC_CONFIG: TopicConfig = {
  "cleanup.policy": "compact",
  "max.message.bytes": "67108864",
  "segment.bytes": "104857600",
  "storage.engine": "log",
};

/**
 * An answer takes the place of its intent, and a record counts for a day: a segment without younger ones can go. Always
 * synced: an intent that a power loss
 * takes away would let its request be stored twice.
 */
export const IDEMPOTENCY_TOPIC_CONFIG: TopicConfig = {
  "cleanup.policy": "compact,delete",
  "durability": "fsync",
  "retention.ms": String(LIMITS.idempotencyKeepMs + 3_600_000),
  "segment.bytes": "67108864",
  "segment.ms": "3600000",
  "storage.engine": "log",
};

export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name);
}

/** Fails with `invalid_topic`, as Kafka does, when a client wants to change what only the broker may. */
export function assertNotInternal(name: string): void {
  if (isInternalTopic(name)) throw new SentinelError("invalid_topic", `${name} is the broker's own topic`);
}
