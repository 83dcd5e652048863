/** I20, I25, I28: a read answers with the offsets from the one asked for on, none left out, none twice, none beyond the end. */
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

export const consecutiveReads: Checker = (observation) => {
  if (observation.kind !== "read") return;
  const { partition, asked, records, next, highWatermark, before } = observation;
  const { isCompacted } = partition.topic;
  let expected = asked ?? records[0]?.offset ?? next;
  for (const record of records) {
    // Compaction leaves gaps; it renumbers and reorders nothing.
    if (isCompacted ? record.offset < expected : record.offset !== expected) {
      throw new Violation("I20", `${partition.name}: offset ${record.offset} where ${expected} is due`);
    }
    expected = record.offset + 1;
  }
  if (isCompacted ? next < expected : next !== expected) {
    throw new Violation("I25", `${partition.name}: the next offset is ${next}, not ${expected}`);
  }
  if (next > highWatermark) {
    throw new Violation(
      "I24",
      `${partition.name}: offset ${next - 1} was read below a high watermark of ${highWatermark}`,
    );
  }
  // The answer's own log start may be newer than its records: a trim can come between the two.
  if (records.length > 0 && records[0]!.offset < before.logStart) {
    throw new Violation(
      "I26",
      `${partition.name}: offset ${records[0]!.offset} was read below the log start ${before.logStart}`,
    );
  }
};
