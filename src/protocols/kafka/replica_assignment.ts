/** Replicas that a client chooses itself: on a single node there is one choice. Faults are in Kafka's words. */
import type { NodeId } from "../../base/ids.ts";

/** What is wrong with one partition's replicas, or null. */
export function replicasFault(brokerIds: readonly number[], nodeId: NodeId): string | null {
  const includes = "The manual partition assignment includes";
  if (brokerIds.length === 0) return `${includes} an empty replica list.`;
  // Kafka sorts them before it looks.
  const sorted = [...brokerIds].sort((left, right) => left - right);
  for (const [at, brokerId] of sorted.entries()) {
    if (brokerId !== nodeId) return `${includes} broker ${brokerId}, but no such broker is registered.`;
    if (at > 0 && sorted[at - 1] === brokerId) return `${includes} the broker ${brokerId} more than once.`;
  }
  return null;
}

export interface PartitionAssignment {
  readonly partitionIndex: number;
  readonly brokerIds: readonly number[];
}

/** What is wrong with the replicas of a new topic, or null. */
export function assignmentsFault(assignments: readonly PartitionAssignment[], nodeId: NodeId): string | null {
  const seen = new Set<number>();
  for (const { partitionIndex, brokerIds } of assignments) {
    if (seen.has(partitionIndex)) return `Found multiple manual partition assignments for partition ${partitionIndex}`;
    seen.add(partitionIndex);
    const fault = replicasFault(brokerIds, nodeId);
    if (fault !== null) return fault;
  }
  for (let partition = 0; partition < assignments.length; partition += 1) {
    if (!seen.has(partition)) return "partitions should be a consecutive 0-based integer sequence";
  }
  return null;
}
