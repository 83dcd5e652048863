/**
 * I28: of each key a compacted topic holds the newest record that was acknowledged, or one that came after it, whatever
 * was compacted, restarted and lost its power meanwhile. Told when a partition was read from its start to its end.
 */
import type { PartitionModel } from "../model.ts";
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

/** A reading of a partition from its start on. */
interface Pass {
  next: number;
  /** The newest offset of each key so far. */
  readonly newest: Map<string, number>;
}

const passes = new WeakMap<PartitionModel, Pass>();

export const newestPerKey: Checker = (observation, model) => {
  const { partition } = observation;
  if (!partition.topic.isCompacted) return;
  if (observation.kind === "read") {
    const pass = observation.asked === null ? { next: 0, newest: new Map<string, number>() } : passes.get(partition);
    if (pass === undefined || (observation.asked !== null && observation.asked !== pass.next)) return;
    for (const record of observation.records) {
      const key = model.sentRecordOf(record)?.key;
      if (typeof key === "string") pass.newest.set(key, record.offset);
    }
    pass.next = observation.next;
    passes.set(partition, pass);
  } else if (observation.kind === "whole") {
    const pass = passes.get(partition);
    if (pass === undefined || pass.next < observation.end || partition.isDamaged) return;
    checkPass(partition, pass, observation.logStart);
  }
};

function checkPass(partition: PartitionModel, { newest }: Pass, logStart: number): void {
  for (const offset of partition.acked) {
    const key = partition.known.get(offset)?.key;
    if (typeof key !== "string" || offset < logStart || partition.optional.has(offset)) continue;
    const found = newest.get(key) ?? -1;
    if (found >= offset) continue;
    throw new Violation(
      "I28",
      `${partition.name}: the record of key ${key} at offset ${offset} was acknowledged; the newest that is there is ${found}`,
    );
  }
}
