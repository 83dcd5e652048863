/** Java's String.hashCode: an int32 over UTF-16 units. */
function javaHashCode(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return hash;
}

const INT32_MIN = -2_147_483_648;

/**
 * Which partition of `__consumer_offsets` a group lives in: `abs(hashCode) % partitions`, as Kafka computes it
 * (GroupMetadataManager.partitionFor), so that a log of Kafka's keeps its groups where they are.
 */
export function partitionOfGroup(groupId: string, partitions: number): number {
  const hash = javaHashCode(groupId);
  // Utils.abs: the one int32 whose absolute value is none becomes 0.
  return (hash === INT32_MIN ? 0 : Math.abs(hash)) % partitions;
}
