import type { PartitionChecker } from "./checker.ts";

/** I18, I19, I43: what was acknowledged, or shown to a reader, is at its offset with all that it had. */
export const acknowledgedRecords: PartitionChecker = (observed, expected) => {
  const faults: string[] = [];
  for (const [offset, digest] of expected.promised) {
    if (offset < observed.start) continue;
    const found = observed.records[offset - observed.start];
    if (found === undefined) {
      if (observed.fault === null) {
        faults.push(`I18: offset ${offset} was acknowledged and is not there, the log ends at ${observed.end}`);
      }
    } else if (found.digest !== digest) {
      faults.push(`I19: offset ${offset} was acknowledged as ${digest} and is ${found.digest}`);
    }
  }
  return faults;
};
