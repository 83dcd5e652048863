/** All checkers over what a start found. */
import type { Expectation } from "../expectation.ts";
import type { Observed } from "../observed.ts";
import { acknowledgedRecords } from "./acknowledged_records.ts";
import type { PartitionChecker } from "./checker.ts";
import { committedOffsets } from "./committed_offsets.ts";
import { consistentAnswers } from "./consistent_answers.ts";
import { denseOffsets } from "./dense_offsets.ts";
import { logStart } from "./log_start.ts";
import { noPhantom } from "./no_phantom.ts";
import { nothingOffline } from "./nothing_offline.ts";
import { sendOrder } from "./send_order.ts";
import { stateOf, topicsAsTold } from "./topics_as_told.ts";

const ALWAYS: readonly PartitionChecker[] = [
  acknowledgedRecords,
  denseOffsets,
  logStart,
  noPhantom,
  sendOrder,
  consistentAnswers,
];

/** Texts of what is wrong. `mayBeOffline`: the device has changed bytes, so a partition may say that it is damaged. */
export function checkObserved(
  observed: Observed,
  expectation: Expectation,
  { mayBeOffline = false }: { readonly mayBeOffline?: boolean } = {},
): string[] {
  const faults = topicsAsTold(observed, expectation);
  if (!mayBeOffline) faults.push(...committedOffsets(observed, expectation));
  const checkers = mayBeOffline ? ALWAYS : [...ALWAYS, nothingOffline];
  for (const topic of observed.topics) {
    const state = stateOf(topic, expectation.topics.get(topic.name) ?? [], expectation.topicIds);
    if (state === undefined || state === null) continue;
    for (const partition of topic.partitions) {
      const expected = expectation.partition({ incarnation: state.incarnation, partition: partition.partition });
      const found = checkers.flatMap((checker) => checker(partition, expected));
      faults.push(...found.map((text) => `${topic.name}-${partition.partition}: ${text}`));
    }
  }
  return faults;
}
