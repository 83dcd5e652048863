import type { PartitionChecker } from "./checker.ts";

/** I42: what searches and counters say agrees with the records. */
export const consistentAnswers: PartitionChecker = ({ contradictions }) => contradictions.map((text) => `I42: ${text}`);
