/**
 * I45: a start that is cut off by a kill, and begun again, ends where an uninterrupted one does. Tried on copies of the
 * disk, without virtual time, while the real broker is down.
 */
import { SimulatedDisk } from "../../adapters/simulation/disk.ts";
import { simulatedCompression } from "../../adapters/simulation/compression.ts";
import { SimulatedClock } from "../../adapters/simulation/clock.ts";
import { noHttpServer } from "../../adapters/simulation/platform.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { Scheduler } from "../../adapters/simulation/scheduler.ts";
import type { Volume } from "../../adapters/simulation/volume.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { DATA_PATH } from "./broker_node.ts";
import type { World } from "./world.ts";

export async function recoverTwice(world: World, random: SimulatedRandom): Promise<void> {
  const { volume } = world;
  const whole = await recover(world, volume.copy(), null);
  if (whole === null || whole.effects < 2) return;
  const cut = volume.copy();
  const crashAfterEffect = random.between(1, whole.effects - 1);
  const first = await recover(world, cut, crashAfterEffect);
  if (first !== null) return;
  const second = await recover(world, cut.copy(), null);
  world.probes.sometimes("a recovery was cut and done again with the same outcome");
  if (second?.outcome === whole.outcome) return;
  world.violate(
    "I45",
    `a start that was killed after effect ${crashAfterEffect} ends with\n${second?.outcome}\nnot with\n${whole.outcome}`,
  );
}

/** What a start makes of a volume; null when the process died under it. */
async function recover(
  world: World,
  volume: Volume,
  crashAfterEffect: number | null,
): Promise<{ readonly effects: number; readonly outcome: string } | null> {
  const disk = new SimulatedDisk(volume, crashAfterEffect === null ? {} : { crashAfterEffect });
  const opening = open(world, disk).then((outcome) => ({ effects: disk.effects, outcome }));
  return await Promise.race([opening, disk.halted.then(() => null)]);
}

async function open(world: World, disk: SimulatedDisk): Promise<string> {
  const { configuration, random } = world;
  // Its timers never run: only what the start itself does is wanted.
  const clock = new SimulatedClock(new Scheduler());
  const platform: Platform = {
    runtime: "simulation",
    clock,
    compression: simulatedCompression,
    disk,
    httpServer: noHttpServer,
    network: world.networks.hostOf("broker")!,
    random: random.stream("recovery"),
  };
  try {
    const { broker } = await Broker.open(platform, {
      dataPath: DATA_PATH,
      nodeId: 1,
      durability: configuration.durability,
      flushIntervalMs: configuration.flushIntervalMs,
      autoCreate: false,
      partitionsDefault: 1,
      segmentBytesMin: 100,
      treeMemtableBytes: configuration.treeMemtableBytes,
    });
    const lines = broker.topicNames().flatMap((name) => {
      const topic = broker.describeTopic(name)!;
      return topic.partitions.map(({ partition, start, end, offline }) =>
        `${topic.topicId} ${name}-${partition} ${start} to ${end}${offline === undefined ? "" : ` offline: ${offline}`}`
      );
    });
    return lines.join("\n");
  } catch (thrown) {
    return `no start: ${thrown instanceof Error ? thrown.message : thrown}`;
  }
}
