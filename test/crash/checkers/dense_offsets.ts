import type { PartitionChecker } from "./checker.ts";

/** I20: the offsets follow each other from the start to the end. */
export const denseOffsets: PartitionChecker = ({ start, end, records, fault }) => {
  const wrong = records.findIndex((record, index) => record.offset !== start + index);
  if (wrong >= 0) return [`I20: offset ${records[wrong]!.offset} where ${start + wrong} is due`];
  if (fault === null && start + records.length !== end) {
    return [`I20: ${records.length} records from ${start} on, and the log ends at ${end}`];
  }
  return [];
};
