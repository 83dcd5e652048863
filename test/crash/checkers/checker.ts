import type { Expectation, ExpectedPartition } from "../expectation.ts";
import type { Observed, ObservedPartition } from "../observed.ts";

/** What is wrong with one partition, as texts; none when it is as it must be. */
export type PartitionChecker = (observed: ObservedPartition, expected: ExpectedPartition) => string[];

/** What is wrong with the whole. */
export type ObservedChecker = (observed: Observed, expectation: Expectation) => string[];
