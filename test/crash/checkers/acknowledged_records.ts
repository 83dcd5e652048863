import type { ExpectedPartition } from "../expectation.ts";
import { keyOfDigest } from "../ledger.ts";
import type { PartitionChecker } from "./checker.ts";

/** I18, I19, I28, I43: what was acknowledged, or shown to a reader, is at its offset with all that it had, or superseded. */
export const acknowledgedRecords: PartitionChecker = (observed, expected) => {
  const faults: string[] = [];
  const found = new Map(observed.records.map((record) => [record.offset, record.digest]));
  const goneFrom = observed.fault === null ? Infinity : (observed.records.at(-1)?.offset ?? observed.start - 1) + 1;
  const newest = newestByKey(expected);
  for (const [offset, digest] of expected.promised) {
    if (offset < observed.start) continue;
    const there = found.get(offset);
    if (there === undefined) {
      if (offset >= goneFrom || mayBeGone(offset, digest, expected, newest)) continue;
      const why = expected.cleanedUpTo > 0 ? "nothing supersedes it" : `the log ends at ${observed.end}`;
      faults.push(`I18: offset ${offset} was acknowledged and is not there, ${why}`);
    } else if (there !== digest) {
      faults.push(`I19: offset ${offset} was acknowledged as ${digest} and is ${there}`);
    }
  }
  return faults;
};

/** The newest record of each key in the part that may be compacted. */
function newestByKey({ promised, cleanedUpTo }: ExpectedPartition): Map<string, number> {
  const newest = new Map<string, number>();
  for (const [offset, digest] of promised) {
    if (offset >= cleanedUpTo) continue;
    const { key } = keyOfDigest(digest);
    newest.set(key, Math.max(offset, newest.get(key) ?? -1));
  }
  return newest;
}

function mayBeGone(
  offset: number,
  digest: string,
  { cleanedUpTo, tombstonesUpTo }: ExpectedPartition,
  newest: ReadonlyMap<string, number>,
): boolean {
  if (offset >= cleanedUpTo) return false;
  const { key, isTombstone } = keyOfDigest(digest);
  return newest.get(key)! > offset || (isTombstone && offset < tombstonesUpTo);
}
