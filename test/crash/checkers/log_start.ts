import type { PartitionChecker } from "./checker.ts";

/** I26: the log starts where a trim or retention was asked to move it, never before where it was told to start. */
export const logStart: PartitionChecker = ({ start, fault }, expected) => {
  if (fault !== null) return [];
  if (start < expected.startMin) {
    return [`I26: the log starts at ${start}, after it was told to start at ${expected.startMin}`];
  }
  if (expected.starts.has(start) || start <= expected.startLimit) return [];
  return [`I26: the log starts at ${start}, which nobody asked for`];
};
