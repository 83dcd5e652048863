import { SentinelError } from "../base/errors.ts";
import type { Offset } from "../base/ids.ts";
import { OfflineReplica } from "../cluster/offline_replica.ts";
import type { Replica } from "../cluster/replica.ts";

/** Removes everything before `offset`, which must be committed; the new log start offset. */
export async function deleteRecordsBefore(replica: Replica, offset: Offset): Promise<Offset> {
  if (replica instanceof OfflineReplica) throw replica.failure;
  const { highWatermark, startOffset } = replica;
  if (!(Number.isSafeInteger(offset) && offset >= 0 && offset <= highWatermark)) {
    throw new SentinelError(
      "offset_out_of_range",
      `Cannot delete before ${offset}: ${replica.topic}-${replica.partition} holds ${startOffset} to ${highWatermark}`,
      { facts: { earliest: startOffset, tail: highWatermark } },
    );
  }
  await replica.trimBefore(offset);
  return replica.startOffset;
}
