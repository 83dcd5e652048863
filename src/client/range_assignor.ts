import type { PartitionId } from "../base/ids.ts";
import type { PartitionName } from "./native_groups.ts";

export interface AssignedMember {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/**
 * Kafka's `range`: of each topic the members that read it, sorted by id, get neighbouring partitions, the first of them
 * one more where the number does not divide. Every member computes the same from the same (seed-G2).
 */
export function assignRange(
  members: readonly AssignedMember[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, PartitionName[]> {
  const assigned = new Map<string, PartitionName[]>(members.map(({ memberId }) => [memberId, []]));
  const sorted = [...members].sort((left, right) =>
    left.memberId < right.memberId ? -1 : left.memberId > right.memberId ? 1 : 0
  );
  for (const topic of [...partitionCounts.keys()].sort()) {
    const readers = sorted.filter(({ topics }) => topics.includes(topic));
    if (readers.length === 0) continue;
    const count = partitionCounts.get(topic)!;
    const share = Math.floor(count / readers.length);
    const withOneMore = count % readers.length;
    let next: PartitionId = 0;
    readers.forEach(({ memberId }, at) => {
      for (const end = next + share + (at < withOneMore ? 1 : 0); next < end; next++) {
        assigned.get(memberId)!.push({ topic, partition: next });
      }
    });
  }
  return assigned;
}
