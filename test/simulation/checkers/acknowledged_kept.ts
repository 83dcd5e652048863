/** I18, I43: what was acknowledged is there at its offset, until retention or a trim has passed it. */
import type { PartitionModel } from "../model.ts";
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

export const acknowledgedKept: Checker = (observation) => {
  const { partition } = observation;
  if (observation.kind === "acknowledged") {
    for (let at = 0; at < observation.records.length; at++) partition.acked.add(observation.first + at);
    return;
  }
  if (observation.kind === "read") {
    // What a compacted topic must hold is `newest_per_key`'s to say.
    if (partition.topic.isCompacted) return;
    checkRange(
      partition,
      observation.asked ?? observation.next,
      observation.next,
      new Set(observation.records.map((record) => record.offset)),
    );
    return;
  }
  if (observation.kind !== "whole" || partition.isDamaged) return;
  for (const offset of partition.acked) {
    if (offset < observation.logStart || offset < observation.end || partition.optional.has(offset)) continue;
    throw new Violation(
      "I18",
      `${partition.name}: offset ${offset} was acknowledged, and the log ends at ${observation.end}`,
    );
  }
};

function checkRange(partition: PartitionModel, from: number, next: number, offsets: ReadonlySet<number>): void {
  for (let offset = from; offset < next; offset++) {
    if (partition.acked.has(offset) && !offsets.has(offset)) {
      throw new Violation("I18", `${partition.name}: offset ${offset} was acknowledged, and a read passes over it`);
    }
  }
}
