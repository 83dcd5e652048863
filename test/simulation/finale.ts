/**
 * The end of a run: all faults stop, and everything must be well again within a bound (I52). Then every record is read,
 * the broker stops, the files are verified, the power goes, and every record is read once more.
 */
import { SimulatedDisk } from "../../adapters/simulation/disk.ts";
import { verifyDataDirectory } from "../../src/storage/log/verify_data_directory.ts";
import type { ClientActor } from "./client_actor.ts";
import { GroupActor } from "./group_actor.ts";
import { GROUP_PARTITIONS } from "./group_model.ts";
import { DATA_PATH } from "./broker_node.ts";
import { lookUp } from "./lookup_actions.ts";
import { PartitionModel, TABLE_KEYS } from "./model.ts";
import type { World } from "./world.ts";

/** Time for a start, and for a request, once nothing is wrong any more. */
const WELL_MS_MAX = 60_000;
/** Its number among the group's members. */
const FINALE_MEMBER = 99;

export async function finish(world: World, actor: ClientActor): Promise<void> {
  heal(world);
  const { node } = world;
  if (node.process !== null && (node.needsRestart || node.running === null)) {
    node.kill();
    await world.sleep(100);
  }
  if (node.process === null) node.start();
  if (!await node.isUp(WELL_MS_MAX)) {
    return world.violate("I52", "the broker is not up although nothing is wrong any more");
  }
  await produceEverywhere(world, actor);
  await answerEverything(world, actor);
  // Before anybody reads: then readers have met the damage already.
  if (node.running !== null) await world.scrub.complete(node.running.broker);
  await readEverything(world, actor);
  const member = new GroupActor(world, FINALE_MEMBER);
  await takeOver(world, member);
  await node.stop();
  if (node.process !== null) return world.violate("I52", "the broker does not stop");
  await verifyFiles(world);
  // After a clean stop everything is durable, whatever its level.
  for (const partition of world.model.partitions()) {
    if (partition.known.size > 0) partition.strictEnd = Math.max(partition.strictEnd, partition.highWatermark);
  }
  node.losePower({ kind: "all-lost" });
  await world.sleep(100);
  node.start();
  if (!await node.isUp(WELL_MS_MAX)) return world.violate("I52", "the broker does not start after a clean stop");
  await readEverything(world, actor);
  await lookUpEverything(world, actor);
  if (world.configuration.groupMembers > 0 && !await member.look()) {
    return world.violate("I30", "the group cannot be asked although nothing is wrong any more");
  }
  node.kill();
}

/** I31: whoever joins when nothing is wrong any more is given every partition within a bound, and can commit. */
async function takeOver(world: World, member: GroupActor): Promise<void> {
  if (world.configuration.groupMembers === 0 || world.violation !== null) return;
  const startMs = world.scheduler.nowUs / 1_000;
  while (world.violation === null) {
    const partitions = await member.takeAll();
    if (partitions === GROUP_PARTITIONS) return;
    if (partitions !== null || world.scheduler.nowUs / 1_000 - startMs > WELL_MS_MAX) {
      return world.violate("I31", `a member alone has ${partitions} of ${GROUP_PARTITIONS} partitions`);
    }
    await world.sleep(500);
  }
}

/** Ends all faults. */
export function heal(world: World): void {
  const { networks, node, configuration } = world;
  networks.unblockAll();
  world.volume.capacityBytes = 2 ** 40;
  node.setScarce(false);
  node.process?.disk.faults.clear();
  node.pace.timing = { ...configuration.diskTiming, stallUs: 0 };
}

/** One more record in each partition that the device has not damaged. */
async function produceEverywhere(world: World, actor: ClientActor): Promise<void> {
  const random = world.random.stream("finale");
  for (const slot of [...world.model.slots]) {
    for (const partition of slot.topic?.partitions ?? []) {
      if (partition.isDamaged) continue;
      const startMs = actor.clock.monotonicMs();
      while (!await tryProduce(world, actor, slot, partition, random)) {
        if (world.violation !== null) return;
        if (actor.clock.monotonicMs() - startMs > WELL_MS_MAX) {
          return world.violate(
            "I52",
            `nothing can be appended to ${partition.name} although nothing is wrong any more: ${actor.lastFailure}`,
          );
        }
        await world.sleep(500);
      }
    }
  }
}

/** What was sent until it is answered is answered now. */
async function answerEverything(world: World, actor: ClientActor): Promise<void> {
  const random = world.random.stream("last answers");
  for (const insistent of world.insistent) {
    const startMs = actor.clock.monotonicMs();
    const { slot, topic } = insistent;
    const isServed = (): boolean =>
      world.model.slots.includes(slot) && slot.topic === topic && topic.partitions.every(({ isDamaged }) => !isDamaged);
    while (!insistent.isDone && isServed() && world.violation === null) {
      await insistent.step(actor, random);
      if (actor.clock.monotonicMs() - startMs > WELL_MS_MAX) {
        return world.violate(
          "I52",
          `a retry in ${topic.name} is not answered although nothing is wrong any more: ${insistent.lastFailure}`,
        );
      }
      if (!insistent.isDone) await world.sleep(500);
    }
  }
}

async function tryProduce(
  world: World,
  actor: ClientActor,
  slot: Parameters<ClientActor["produce"]>[1],
  partition: PartitionModel,
  random: Parameters<ClientActor["produce"]>[3],
): Promise<boolean> {
  const client = await actor.connected();
  return client !== null && await actor.produce(client, slot, partition, random) && world.violation === null;
}

async function readEverything(world: World, actor: ClientActor): Promise<void> {
  for (const partition of [...world.model.partitions()]) await readPartition(world, actor, partition);
}

/** Of each key the newest record, where nothing is damaged: an answer must come within a bound. */
async function lookUpEverything(world: World, actor: ClientActor): Promise<void> {
  for (const partition of [...world.model.partitions()]) {
    if (!partition.topic.isCompacted || partition.isDamaged) continue;
    for (const key of TABLE_KEYS) {
      const startMs = actor.clock.monotonicMs();
      while (world.violation === null) {
        const client = await actor.connected();
        if (client !== null && await lookUp(actor, client, partition, { key, waitMs: 3_000 })) break;
        if (actor.clock.monotonicMs() - startMs > WELL_MS_MAX) {
          return world.violate(
            "I52",
            `a key of ${partition.name} is not answered although nothing is wrong any more: ${actor.lastFailure}`,
          );
        }
        await world.sleep(500);
      }
    }
  }
}

async function readPartition(world: World, actor: ClientActor, partition: PartitionModel): Promise<void> {
  const { topic } = partition;
  let from: number | "earliest" = "earliest";
  let failures = 0;
  while (world.violation === null) {
    const client = await actor.connected();
    const next: number | null = client === null
      ? null
      : await actor.read(client, partition, { offset: from, maxBytes: 1_000_000, waitMs: 0, maxRecords: 1_000 });
    if (next === null) {
      failures += 1;
      // A damaged log may refuse to be read; it must not answer wrongly.
      if (partition.isDamaged && failures > 2) return world.probes.sometimes("a damaged log was told");
      if (failures > 20) {
        return world.violate(
          "I18",
          `${partition.name} cannot be read from ${from} on, although nothing is wrong any more: ${actor.lastFailure}`,
        );
      }
      await world.sleep(200);
      continue;
    }
    if (next === from || (from === "earliest" && next === partition.highWatermark)) break;
    from = next;
  }
  const described = world.node.running?.broker.describeTopic(topic.name);
  if (described?.topicId !== topic.topicId) {
    return world.violate("I18", `the topic ${topic.name} was ${topic.topicId} and is ${described?.topicId ?? "gone"}`);
  }
  const { start, end } = described.partitions[partition.partition]!;
  world.observe({ kind: "whole", partition, logStart: start, end });
}

/** What `log verify` says of a broker that has stopped cleanly. */
async function verifyFiles(world: World): Promise<void> {
  const damaged = [...world.model.damagedDirectories].map((directory) => `${DATA_PATH}/${directory}/`);
  const summary = await verifyDataDirectory(new SimulatedDisk(world.volume.copy()), DATA_PATH, {
    onFinding: ({ severity, path, position, detail }) => {
      if (severity === "damage") world.scrub.compare(path, detail);
      if (severity === "damage" && !damaged.some((directory) => path.startsWith(directory))) {
        world.violate("I42", `after a clean stop ${path} is damaged at ${position}: ${detail}`);
      }
    },
  });
  world.probes.sometimes("a segment was rolled", summary.segments > summary.partitions);
}
