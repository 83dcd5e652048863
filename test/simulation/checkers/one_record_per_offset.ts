/** I19: one offset, one record, for all readers and for all time. I21 for clients that never repeat: one record, one offset. */
import type { PartitionModel, SentRecord } from "../model.ts";
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

export const oneRecordPerOffset: Checker = (observation, model) => {
  if (observation.kind === "acknowledged") {
    observation.records.forEach((sent, at) => place(observation.partition, observation.first + at, sent));
  } else if (observation.kind === "read" || observation.kind === "lookup") {
    for (const record of observation.records) {
      const sent = model.sentRecordOf(record);
      if (sent !== undefined) place(observation.partition, record.offset, sent);
    }
  }
};

function place(partition: PartitionModel, offset: number, sent: SentRecord): void {
  const known = partition.known.get(offset);
  if (known === sent) {
    partition.optional.delete(offset);
    return;
  }
  if (known !== undefined) {
    if (!partition.optional.has(offset)) {
      throw new Violation(
        "I19",
        `${partition.name} offset ${offset} was record ${known.id} and is record ${sent.id} now`,
      );
    }
    // A power loss took it, and then everything behind it too.
    for (const later of [...partition.optional]) if (later >= offset) partition.forget(later);
  }
  const elsewhere = partition.offsetOf.get(sent);
  if (elsewhere !== undefined) {
    throw new Violation(
      "I21",
      `${partition.name} has record ${sent.id} at offset ${elsewhere} and at offset ${offset}`,
    );
  }
  partition.known.set(offset, sent);
  partition.offsetOf.set(sent, offset);
}
