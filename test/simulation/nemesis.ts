/** What goes wrong, one thing after another, with quiet times between (reliability §4.5). */
import type { DiskFault } from "../../adapters/simulation/disk_faults.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { BROKER_ADDRESS } from "./broker_node.ts";
import { damageIndex, damageLog, rememberSector, restoreSector } from "./damage.ts";
import { recoverTwice } from "./double_recovery.ts";
import { FAULT_NAMES } from "./swarm.ts";
import type { FaultName } from "./swarm.ts";
import type { World } from "./world.ts";

export class Nemesis {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async run(): Promise<void> {
    const world = this.#world;
    const { faultEveryMs } = world.configuration;
    for (let turn = 0; !world.isEnding; turn++) {
      const random = world.random.stream(`nemesis ${turn}`);
      await world.sleep(random.between(1, 2 * faultEveryMs));
      const fault = random.pick(FAULT_NAMES);
      // A quarter of the time nothing happens: recovery from a fault must be seen, too.
      const isQuiet = random.chance(1, 4) || !world.hasFault(fault) || world.isEnding;
      if (!isQuiet && world.decides(`nemesis ${turn}`, fault)) await this.#do(fault, random);
    }
  }

  async #do(fault: FaultName, random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const { node } = world;
    world.scheduler.trace.note(world.scheduler.nowUs, `fault ${fault}`, 0);
    switch (fault) {
      case "kill":
        return await this.#restartAfter(random, () => node.kill());
      case "power":
        return await this.#restartAfter(random, () => node.losePower(powerLoss(random)));
      case "stop":
        return await this.#stop(random);
      case "crash in recovery":
        return await this.#crashInRecovery(random);
      case "failed sync":
        return this.#failOnce({
          operation: random.chance(3, 4) ? "sync" : "sync directory",
          effect: random.pick(["lost", "none", "all"]),
        });
      case "failed write":
        return this.#failOnce({
          operation: random.pick(["write", "open", "rename", "truncate"]),
          effect: random.pick(["none", "part"]),
        });
      case "failed read":
        return this.#failOnce({ operation: random.pick(["read", "open"]), effect: "none" });
      case "disk full":
        return await this.#fillDisk(random);
      case "no descriptors":
        return await this.#takeDescriptors(random);
      case "slow disk":
        return await this.#slowDisk(random);
      case "cut link":
        return await this.#cutLink(random);
      case "lost connections":
        world.networks.resetBetween(`client${random.below(world.configuration.clients)}`, BROKER_ADDRESS.host);
        return;
      case "clock jump":
        if (node.process !== null) node.process.clock.wallOffsetMs += random.between(-600_000, 600_000);
        return;
      case "bit rot":
        return await this.#damage(() => damageLog(world, random));
      case "bad index":
        return await this.#damage(() => damageIndex(world, random));
      case "stale sector":
        return await this.#restoreSector(random);
    }
  }

  // -- Ends of the process ------------------------------------------------------------------------------------------

  async #restartAfter(random: SimulatedRandom, end: () => void): Promise<void> {
    const { node } = this.#world;
    if (node.process === null) return;
    end();
    await this.#world.sleep(random.between(1, 1_000));
    await this.#startAgain(random);
  }

  async #startAgain(random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    if (random.chance(1, 4)) await recoverTwice(world, random);
    if (world.node.process === null) world.node.start();
  }

  async #stop(random: SimulatedRandom): Promise<void> {
    const { node } = this.#world;
    if (node.running === null) return;
    await node.stop();
    await this.#world.sleep(random.between(1, 500));
    await this.#startAgain(random);
  }

  async #crashInRecovery(random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const { node } = world;
    for (let crash = random.between(2, 4); crash > 0; crash--) {
      if (node.process === null) return;
      if (random.chance(1, 2)) node.kill();
      else node.losePower(powerLoss(random));
      await world.sleep(random.between(1, 50));
      if (node.process === null) node.start();
      // In the middle of the start, or a little behind it.
      await world.sleep(random.below(random.pick([3, 30, 300])) + 1);
    }
  }

  // -- Faults of the disk -------------------------------------------------------------------------------------------

  #failOnce(fault: Pick<DiskFault, "operation" | "effect">): void {
    const { process } = this.#world.node;
    process?.disk.faults.add({ ...fault, pathPart: "", code: "io", times: 1 });
  }

  async #fillDisk(random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const { volume } = world;
    volume.capacityBytes -= Math.max(0, volume.freeBytes - random.below(20_000));
    world.node.setScarce(true);
    await world.sleep(random.between(100, 3_000));
    volume.capacityBytes = world.volume.capacityBytes = 2 ** 40;
    world.node.setScarce(false);
  }

  async #takeDescriptors(random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const { process } = world.node;
    if (process === null) return;
    process.disk.faults.openFilesMax = process.disk.openFiles + random.below(3);
    world.node.setScarce(true);
    await world.sleep(random.between(100, 2_000));
    process.disk.faults.openFilesMax = Infinity;
    world.node.setScarce(false);
  }

  async #slowDisk(random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const { pace } = world.node;
    pace.timing = { cachedUs: 500, syncUs: 50_000, stallOneIn: 20, stallUs: random.pick([1_000_000, 30_000_000]) };
    await world.sleep(random.between(100, 3_000));
    pace.timing = world.configuration.diskTiming;
  }

  /** A sector shows what it held some time ago: a write that the device has answered and never done. */
  async #restoreSector(random: SimulatedRandom): Promise<void> {
    const old = rememberSector(this.#world, random);
    if (old === null) return;
    await this.#world.sleep(random.between(100, 3_000));
    await this.#damage(() => restoreSector(this.#world, old));
  }

  /** Damages what is on the device while no broker runs. */
  async #damage(damage: () => void): Promise<void> {
    const world = this.#world;
    if (world.node.running === null || world.node.needsRestart) return;
    // After a clean stop every byte is below the recovery point: what changes there is damage, not a torn tail.
    await world.node.stop();
    if (world.node.hasStoppedCleanly) damage();
    await world.sleep(10);
    if (world.node.process === null) world.node.start();
  }

  // -- Faults of the network ----------------------------------------------------------------------------------------

  async #cutLink(random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const client = `client${random.below(world.configuration.clients)}`;
    const [from, to] = random.chance(1, 2) ? [client, BROKER_ADDRESS.host] : [BROKER_ADDRESS.host, client];
    const isBoth = random.chance(1, 2);
    world.networks.block(from, to);
    if (isBoth) world.networks.block(to, from);
    world.probes.sometimes("a link stood still");
    await world.sleep(random.between(10, random.pick([500, 12_000])));
    if (random.chance(1, 4)) world.networks.resetBetween(from, to);
    world.networks.unblockAll();
  }
}

function powerLoss(random: SimulatedRandom) {
  switch (random.below(6)) {
    case 0:
      return { kind: "all-lost" } as const;
    case 1:
      return { kind: "all-kept" } as const;
    default:
      return { kind: "random", random, names: random.pick(["prefix", "subset"] as const) } as const;
  }
}
