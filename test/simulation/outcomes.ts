/** What the outcome of a request says of the world, whoever asked. */
import { SentinelError } from "../../src/base/errors.ts";
import type { PartitionModel, SentRecord } from "./model.ts";
import type { World } from "./world.ts";

/** Records were acknowledged with offsets from `first` on. */
export function noteProduced(
  world: World,
  partition: PartitionModel,
  records: readonly SentRecord[],
  ack: {
    readonly partition: number;
    readonly first: number;
    readonly count: number;
    readonly isStrict: boolean;
    readonly powerLosses: number;
  },
): void {
  world.probes.sometimes("a record was acknowledged");
  if (ack.count !== records.length || ack.partition !== partition.partition) {
    world.violate(
      "I49",
      `${partition.name}: ${records.length} records were sent, ${ack.count} in ${ack.partition} acknowledged`,
    );
  }
  for (const record of records) record.outcome = "acked";
  // The answer of a laxer level that was under way when the power went promises nothing any more.
  if (!ack.isStrict && world.node.powerLosses !== ack.powerLosses) return;
  world.observe({ kind: "acknowledged", partition, first: ack.first, records, isStrict: ack.isStrict });
}

/** A failure that a client heard of. An internal error is a bug, whatever the disk did. */
export function noteRefusal(world: World, thrown: unknown): void {
  const { probes } = world;
  if (thrown instanceof SentinelError) {
    if (thrown.code === "internal") world.violate("I48", `the broker has a bug: ${thrown.message}`);
    probes.sometimes("a full disk refused a produce", thrown.message.includes("no space"));
    probes.sometimes("descriptors ran out", thrown.message.includes("too many open files"));
  } else {
    probes.sometimes("a connection was lost with requests under way");
  }
}
