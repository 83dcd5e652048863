import type { PartitionChecker } from "./checker.ts";

/** I20: the offsets follow each other from the start to the end; where compaction was, they ascend. */
export const denseOffsets: PartitionChecker = ({ start, end, records, fault }, { cleanedUpTo }) => {
  if (cleanedUpTo > 0) return gapsAboveCleaned(records, start, end, cleanedUpTo);
  const wrong = records.findIndex((record, index) => record.offset !== start + index);
  if (wrong >= 0) return [`I20: offset ${records[wrong]!.offset} where ${start + wrong} is due`];
  if (fault === null && start + records.length !== end) {
    return [`I20: ${records.length} records from ${start} on, and the log ends at ${end}`];
  }
  return [];
};

/** I28: nothing is renumbered or reordered, and nobody but compaction makes gaps. */
function gapsAboveCleaned(
  records: readonly { readonly offset: number }[],
  start: number,
  end: number,
  cleanedUpTo: number,
): string[] {
  let before = start - 1;
  for (const { offset } of records) {
    if (offset <= before) return [`I28: offset ${offset} after ${before}`];
    if (offset > before + 1 && before + 1 >= cleanedUpTo) return [`I20: offset ${offset} where ${before + 1} is due`];
    before = offset;
  }
  return before >= end ? [`I20: offset ${before} in a log that ends at ${end}`] : [];
}
