import type { PartitionChecker } from "./checker.ts";

/** I23: every record was sent, was not refused, and is there once. */
export const noPhantom: PartitionChecker = ({ records }, expected) => {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { offset, digest } of records) {
    const sent = expected.sent.get(digest);
    if (sent === undefined) faults.push(`I23: nobody sent what is at offset ${offset}: ${digest}`);
    else if (sent.isRefused) faults.push(`I23: the record at offset ${offset} was refused: ${digest}`);
    if (seen.has(digest)) faults.push(`I23: the record at offset ${offset} is there twice: ${digest}`);
    seen.add(digest);
  }
  return faults;
};
