/** I22: of what one connection sent to one partition, the earlier has the smaller offset. */
import type { SentRecord } from "../model.ts";
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

export const sendOrder: Checker = (observation, model) => {
  if (observation.kind !== "read") return;
  const { partition, records } = observation;
  /** The newest of each connection: offsets rise within a read, so orders must. */
  const newest = new Map<string, SentRecord>();
  for (const record of records) {
    const sent = model.sentRecordOf(record);
    if (sent === undefined) continue;
    const before = newest.get(sent.session);
    if (before !== undefined && before.order >= sent.order) {
      throw new Violation(
        "I22",
        `${partition.name}: record ${sent.id} stands behind record ${before.id}, which was sent later`,
      );
    }
    newest.set(sent.session, sent);
  }
};
