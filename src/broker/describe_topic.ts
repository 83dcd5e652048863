import type { NodeId } from "../base/ids.ts";
import type { Replica } from "../cluster/replica.ts";
import type { Topic } from "./topics.ts";
import type { PartitionDescription, TopicDescription } from "./types.ts";

/** A topic as clients see it, with this node as the leader of all its partitions. */
export function describeTopic(topic: Topic, nodeId: NodeId): TopicDescription {
  const { config, entry: { name, topicId } } = topic;
  const partitions = topic.replicas.map((replica): PartitionDescription => ({
    partition: replica.partition,
    leader: nodeId,
    epoch: replica.epoch,
    replicas: [nodeId],
    isr: [nodeId],
    start: replica.startOffset,
    end: replica.endOffset,
    highWatermark: replica.highWatermark,
    bytes: replica.sizeBytes,
    ...(replica.failure === null ? {} : { offline: replica.failure.message }),
    ...damageOf(replica),
  }));
  return { name, topicId, config, partitions };
}

function damageOf({ scrubbing }: Replica): Pick<PartitionDescription, "damaged"> {
  const [first, ...others] = scrubbing?.damage ?? [];
  if (first === undefined) return {};
  const more = others.length === 0 ? "" : `, and ${others.length} places more`;
  return { damaged: `${first.path} at position ${first.position}: ${first.detail}${more}` };
}
