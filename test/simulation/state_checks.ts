/** I24, I26, I46, I47, after every event: what the broker says of itself, looked at from inside. */
import { checkBytesHeld } from "./checkers/bytes_held.ts";
import type { World } from "./world.ts";

export function checkState(world: World): void {
  const { running } = world.node;
  if (running === null) return;
  world.probes.sometimes("compaction removed records", running.broker.counters.cleanerRemovedRecords > 0);
  world.probes.sometimes("an index of keys was built anew", running.broker.counters.keyIndexRebuilds > 0);
  for (const connection of running.listener.connections) {
    const { requestsInWork } = connection;
    checkBytesHeld(connection, world.configuration);
    world.probes.sometimes(
      "a connection was not read until its requests were answered",
      requestsInWork > 1 && requestsInWork === world.configuration.connectionRequestsInWorkMax,
    );
  }
  for (const slot of world.model.slots) {
    if (slot.topic === null || slot.isExclusive) continue;
    const described = running.broker.describeTopic(slot.name);
    if (described === null) continue;
    for (const partition of slot.topic.partitions) {
      const state = described.partitions[partition.partition];
      if (state === undefined || state.offline !== undefined) continue;
      const { start, end, highWatermark } = state;
      if (!(start <= highWatermark && highWatermark <= end)) {
        world.violate("I24", `${partition.name}: log start ${start}, high watermark ${highWatermark}, end ${end}`);
      }
      if (highWatermark < partition.strictEnd && !partition.isDamaged) {
        world.violate(
          "I18",
          `${partition.name}: the high watermark is ${highWatermark}, and everything below ${partition.strictEnd} was to last`,
        );
      }
      if (start > partition.logStart && start > partition.trimAskedMax && !partition.topic.isRetained) {
        world.violate(
          "I26",
          `${partition.name}: the log starts at ${start}, and nobody trimmed beyond ${partition.trimAskedMax}`,
        );
      }
      if (partition.topic.isRetained && start > Math.max(partition.trimAskedMax, partition.logStart)) {
        world.probes.sometimes("retention moved the log start");
      }
    }
  }
}
