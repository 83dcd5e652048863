import type { PartitionChecker } from "./checker.ts";

/** I22: the records of one connection are in the order of their sending. */
export const sendOrder: PartitionChecker = ({ records }, expected) => {
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const { offset, digest } of records) {
    const sent = expected.sent.get(digest);
    if (sent === undefined) continue;
    if (sent.order < (last.get(sent.connection) ?? -1)) {
      faults.push(`I22: the record at offset ${offset} was sent before the one that it follows: ${digest}`);
    }
    last.set(sent.connection, sent.order);
  }
  return faults;
};
