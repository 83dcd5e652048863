/** Making, deleting and changing topics. Nothing else uses the name meanwhile, so that what is known of it stays known. */
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import type { NativeClient } from "../../src/client/native_client.ts";
import type { Durability } from "../../src/cluster/replica.ts";
import type { ClientActor } from "./client_actor.ts";
import { isRefusal } from "./client_actor.ts";
import { TopicModel } from "./model.ts";
import type { TopicSlot } from "./model.ts";

/** Tombstones outlive a run, clock jumps and all: what a reader must find is then easy to say. */
const COMPACTION = {
  "cleanup.policy": "compact",
  "min.cleanable.dirty.ratio": "0",
  "delete.retention.ms": "86400000",
};

type AdminAction = "create" | "delete" | "alter";

export async function administer(
  actor: ClientActor,
  client: NativeClient,
  slot: TopicSlot,
  action: AdminAction,
  random: SimulatedRandom,
): Promise<void> {
  if (slot.isExclusive || (slot.topic === null) !== (action === "create")) return;
  slot.isExclusive = true;
  while (slot.shared > 0) await actor.world.sleep(10);
  try {
    if (action === "create") await create(actor, client, slot, random);
    else if (action === "delete") await remove(actor, client, slot);
    else await alter(actor, client, slot, random);
  } catch (thrown) {
    // What is not known to have been refused may still happen.
    if (!isRefusal(thrown)) actor.world.model.retire(slot);
    actor.noteFailure(thrown);
  } finally {
    slot.isExclusive = false;
  }
}

async function create(
  actor: ClientActor,
  client: NativeClient,
  slot: TopicSlot,
  random: SimulatedRandom,
): Promise<void> {
  const { world } = actor;
  const { configuration } = world;
  const partitions = random.between(1, configuration.partitionsMax);
  const durability: Durability = random.chance(1, 3)
    ? random.pick(["fsync", "interval", "os"])
    : configuration.durability;
  const isRetained = configuration.usesRetention && random.chance(1, 2);
  const isCompacted = configuration.usesCompaction && random.chance(1, 2);
  const { engines } = configuration;
  const engine = engines === "both" ? random.stream("engine").pick(["log", "lsm"] as const) : engines;
  await client.createTopic(slot.name, {
    partitions,
    config: {
      "segment.bytes": String(configuration.segmentBytes),
      "index.interval.bytes": String(configuration.indexIntervalBytes),
      "storage.engine": engine,
      durability,
      ...(isRetained ? { "retention.bytes": String(configuration.segmentBytes * 3) } : {}),
      ...(isCompacted ? COMPACTION : {}),
      ...(isCompacted && isRetained ? { "cleanup.policy": "compact,delete" } : {}),
    },
  });
  const { topicId, partitions: described } = await client.describeTopic(slot.name);
  if (described.length !== partitions || described.some(({ start, end }) => start !== 0 || end !== 0)) {
    world.violate("I43", `the new topic ${slot.name} is not ${partitions} empty partitions`);
  }
  world.probes.sometimes("a topic was made again under its old name", slot.hadTopic);
  world.probes.sometimes("a topic in the tree was made", engine === "lsm");
  slot.topic = new TopicModel(slot.name, topicId, { partitions, durability, isRetained, isCompacted, engine });
  slot.hadTopic = true;
}

async function remove({ world }: ClientActor, client: NativeClient, slot: TopicSlot): Promise<void> {
  await client.deleteTopic(slot.name);
  for (let partition = 0; partition < slot.topic!.partitions.length; partition++) {
    world.model.damagedDirectories.delete(`${slot.name}-${partition}`);
    world.node.failedSyncs.delete(`${slot.name}-${partition}`);
  }
  slot.topic = null;
}

async function alter(
  actor: ClientActor,
  client: NativeClient,
  slot: TopicSlot,
  random: SimulatedRandom,
): Promise<void> {
  const { world } = actor;
  const topic = slot.topic!;
  if (random.chance(1, 3) && topic.partitions.length < 6) {
    await client.alterTopic(slot.name, { partitions: topic.partitions.length + 1 });
    topic.grow(topic.partitions.length + 1);
    world.probes.sometimes("partitions were added");
    return;
  }
  const durability = random.pick(["fsync", "interval", "os"] as const);
  // A laxer level counts from the moment of asking, a stricter one from the answer.
  if (durability !== "fsync") topic.setDurability(durability);
  await client.alterTopic(slot.name, { config: { durability } });
  topic.setDurability(durability);
  world.probes.sometimes("a topic's settings were changed");
}
