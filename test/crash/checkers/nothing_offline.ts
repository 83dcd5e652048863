import type { PartitionChecker } from "./checker.ts";

/** I44: a crash never looks like damage. */
export const nothingOffline: PartitionChecker = ({ fault }) => (fault === null ? [] : [`I44: ${fault}`]);
