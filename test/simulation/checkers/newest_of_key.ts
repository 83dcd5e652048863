/**
 * I28 for lookups by key: the answer is the newest record of the key that was acknowledged when the lookup began, or one
 * that came after it. None is the answer only where there was none, a tombstone may have come, or the record was trimmed.
 */
import type { Model, PartitionModel } from "../model.ts";
import type { Checker, LookupAnswer } from "../observation.ts";
import { Violation } from "../observation.ts";

/** The newest acknowledged record of a key that nothing may have taken away, −1 for none. */
export function newestAcknowledged(partition: PartitionModel, key: string): number {
  let newest = -1;
  for (const offset of partition.acked) {
    if (offset > newest && !partition.optional.has(offset) && partition.known.get(offset)?.key === key) newest = offset;
  }
  return newest;
}

export const newestOfKey: Checker = (observation, model) => {
  if (observation.kind !== "lookup") return;
  const { partition, key, records, highWatermark, before } = observation;
  const what = `${partition.name}: a lookup of the key ${key}`;
  if (highWatermark < before.highWatermark) {
    throw new Violation("I24", `${what} counts up to ${highWatermark}; ${before.highWatermark} was the high watermark`);
  }
  const [record] = records;
  if (record === undefined) return checkNone(observation, model, what);
  if (record.value === null) throw new Violation("I28", `${what} answers the tombstone at offset ${record.offset}`);
  if (model.sentRecordOf(record)?.key !== key) {
    throw new Violation("I28", `${what} answers a record of another key, at offset ${record.offset}`);
  }
  if (record.offset < before.newest) {
    throw new Violation("I28", `${what} answers offset ${record.offset}; ${before.newest} was acknowledged before it`);
  }
};

function checkNone({ partition, key, before: { newest } }: LookupAnswer, model: Model, what: string): void {
  if (newest < 0 || partition.known.get(newest)?.isTombstone === true) return;
  if (newest < Math.max(partition.logStart, partition.trimAskedMax) || partition.topic.isRetained) return;
  for (const sent of model.records.values()) {
    if (!sent.isTombstone || sent.key !== key || sent.outcome === "refused") continue;
    if (sent.topicName !== partition.topic.name || sent.partition !== partition.partition) continue;
    const offset = partition.offsetOf.get(sent);
    if (offset === undefined || offset > newest) return;
  }
  throw new Violation("I28", `${what} answers none; the record at offset ${newest} was acknowledged before it`);
}
