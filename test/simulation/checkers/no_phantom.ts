/** I23, I36: what is read was sent, to this place, with these bytes, and was not refused. */
import { digestOf } from "../model.ts";
import type { Checker } from "../observation.ts";
import { Violation } from "../observation.ts";

export const noPhantom: Checker = (observation, model) => {
  if (observation.kind !== "read" && observation.kind !== "lookup") return;
  const { partition } = observation;
  for (const record of observation.records) {
    const sent = model.sentRecordOf(record);
    const where = `${partition.name} offset ${record.offset}`;
    if (sent === undefined) throw new Violation("I23", `${where} holds a record that nobody sent`);
    if (sent.digest !== digestOf(record, record.timestamp)) {
      throw new Violation("I36", `${where} holds record ${sent.id} with other bytes than were sent`);
    }
    if (sent.topicName !== partition.topic.name || sent.partition !== partition.partition) {
      throw new Violation("I23", `${where} holds record ${sent.id}, which went to ${sent.topicName}-${sent.partition}`);
    }
    if (sent.outcome === "refused") throw new Violation("I23", `${where} holds record ${sent.id}, which was refused`);
  }
};
