/** One run's world: virtual time, a broker over a disk, clients, what they know, and the checkers that look on. */
import { SimulatedNetworks } from "../../adapters/simulation/network.ts";
import { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { Scheduler } from "../../adapters/simulation/scheduler.ts";
import { Volume } from "../../adapters/simulation/volume.ts";
import { BrokerNode } from "./broker_node.ts";
import { acknowledgedKept } from "./checkers/acknowledged_kept.ts";
import { consecutiveReads } from "./checkers/consecutive_reads.ts";
import { newestOfKey } from "./checkers/newest_of_key.ts";
import { newestPerKey } from "./checkers/newest_per_key.ts";
import { noPhantom } from "./checkers/no_phantom.ts";
import { oneRecordPerOffset } from "./checkers/one_record_per_offset.ts";
import { sendOrder } from "./checkers/send_order.ts";
import { watermarks } from "./checkers/watermarks.ts";
import type { Insistent } from "./idempotent_actions.ts";
import { GroupModel } from "./group_model.ts";
import { Model } from "./model.ts";
import type { Checker, Observation } from "./observation.ts";
import { Violation } from "./observation.ts";
import { Probes } from "./probes.ts";
import { ScrubWatch } from "./scrub_watch.ts";
import type { Script } from "./script.ts";
import { drawConfiguration } from "./swarm.ts";
import type { FaultName, SwarmConfiguration } from "./swarm.ts";

const CHECKERS: readonly Checker[] = [
  noPhantom,
  consecutiveReads,
  newestPerKey,
  newestOfKey,
  oneRecordPerOffset,
  sendOrder,
  watermarks,
  acknowledgedKept,
];

export class World {
  readonly script: Script;
  readonly configuration: SwarmConfiguration;
  readonly random: SimulatedRandom;
  readonly scheduler = new Scheduler();
  readonly networks: SimulatedNetworks;
  readonly model = new Model();
  readonly probes = new Probes();
  readonly groups = new GroupModel();
  readonly node: BrokerNode;
  readonly scrub: ScrubWatch = new ScrubWatch(this);
  /** Where the disk's content is; a power loss puts another in its place. */
  volume = new Volume();
  /** Those that send until they are answered. */
  readonly insistent: Insistent[] = [];
  readonly producerIds = new Set<bigint>();
  violation: Error | null = null;
  /** What was decided, by the decision's name, and when. */
  readonly decisions = new Map<string, string>();
  /** Clients and faults come to their end. */
  isEnding = false;
  isDone = false;

  constructor(script: Script) {
    this.script = script;
    this.random = new SimulatedRandom(script.seed).stream(script.scenario);
    this.configuration = drawConfiguration(this.random.stream("swarm"), script.scenario);
    this.networks = new SimulatedNetworks(
      this.scheduler,
      this.random.stream("network"),
      this.configuration.networkTiming,
    );
    this.node = new BrokerNode(this);
    for (let slot = 0; slot < this.configuration.topicSlots; slot++) this.model.addSlot();
  }

  hasFault(name: FaultName): boolean {
    return this.configuration.faults.includes(name) && !this.script.faultsOff.includes(name);
  }

  /** Whether a decision is carried out; those that are can be taken out of the script one by one. */
  decides(decision: string, what: string): boolean {
    if (this.script.skipped.includes(decision)) return false;
    this.decisions.set(decision, `${Math.floor(this.scheduler.nowUs / 1_000)} ms: ${what}`);
    return true;
  }

  /** In virtual time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.scheduler.after(Math.ceil(delayMs * 1_000), "sleep", resolve));
  }

  observe(observation: Observation): void {
    try {
      for (const check of CHECKERS) check(observation, this.model);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** Looks at the whole world from outside; what it throws is a fault of the run. */
  check(look: (world: World) => void): void {
    try {
      look(this);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  violate(invariant: string, detail: string): void {
    this.fail(new Violation(invariant, detail));
  }

  /** The first fault counts; the run ends with it. */
  fail(thrown: unknown): void {
    this.violation ??= thrown instanceof Error ? thrown : new Error(String(thrown));
  }

  /** Runs an actor of the world; a fault in it is a fault of the run. */
  async guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.fail(thrown);
    }
  }
}
