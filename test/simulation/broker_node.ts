/** The broker's process: it starts, dies, loses its power and starts again, over what its disk holds. */
import { TREE_DIRECTORY } from "../../src/cluster/node_tree.ts";
import { ScheduledPace } from "../../adapters/simulation/scheduled_pace.ts";
import { afterPowerLoss, pendingSequences } from "../../adapters/simulation/power_loss.ts";
import type { PowerLoss } from "../../adapters/simulation/power_loss.ts";
import { startProcess } from "../../adapters/simulation/platform.ts";
import type { SimulatedProcess } from "../../adapters/simulation/platform.ts";
import type { SentinelError } from "../../src/base/errors.ts";
import { Broker } from "../../src/broker/broker.ts";
import { OFFSETS_TOPIC } from "../../src/broker/internal_topics.ts";
import type { OpenReport } from "../../src/broker/topics.ts";
import { HandlerRegistry } from "../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../src/protocols/kafka/kafka_session.ts";
import { NativeSession } from "../../src/protocols/native/native_session.ts";
import type { ConnectionLimits } from "../../src/server/binary_connection.ts";
import { BinaryListener } from "../../src/server/binary_listener.ts";
import type { SwarmConfiguration } from "./swarm.ts";
import type { World } from "./world.ts";

export const BROKER_ADDRESS = { host: "broker", port: 9092 };
export const DATA_PATH = "/data";
const RESTART_MS = 500;
/** Often enough that each run of some seconds has passes, and a restart in the middle of one. */
const SCRUB_PERIOD_MS = 1_000;
const SCRUB_CHECK_MS = 700;
const STOP_DEADLINE_MS = 5_000;

export interface RunningBroker {
  readonly process: SimulatedProcess;
  readonly broker: Broker;
  readonly listener: BinaryListener;
}

export class BrokerNode {
  running: RunningBroker | null = null;
  process: SimulatedProcess | null = null;
  /** Partitions, as `topic-partition/`, whose log had a sync that failed since the last start. */
  readonly failedSyncs = new Set<string>();
  /** Since the last start the device has failed in a way that a log may answer with "no writes until a restart". */
  needsRestart = false;
  /** The disk is full, or descriptors are scarce: a start under it may leave partitions offline until the next one. */
  isScarce = false;
  /** Starts so far; tells what belongs to an earlier life. */
  life = 0;
  /** What was answered before the newest of them may have been lost in it. */
  powerLosses = 0;
  readonly pace: ScheduledPace;
  readonly #world: World;
  #lastEnd: "stop" | "kill" | "power" | null = null;

  constructor(world: World) {
    this.#world = world;
    this.pace = new ScheduledPace(world.scheduler, world.random.stream("disk"), world.configuration.diskTiming);
  }

  /** Begins a start; `running` says when it is over. */
  start(): void {
    const world = this.#world;
    this.life += 1;
    // Below fsync, a start may find less than was answered.
    if (world.configuration.durability !== "fsync") world.groups.forget();
    this.failedSyncs.clear();
    world.scrub.begin();
    this.needsRestart = this.isScarce;
    const process = startProcess({
      scheduler: world.scheduler,
      networks: world.networks,
      hostName: BROKER_ADDRESS.host,
      volume: world.volume,
      pace: this.pace,
      random: world.random.stream(`broker ${this.life}`),
      pieceBytesMax: world.configuration.pieceBytesMax,
      onEffect: ({ number, operation }) =>
        world.scheduler.trace.note(world.scheduler.nowUs, `effect ${operation}`, number),
    });
    this.process = process;
    process.disk.faults.onMet = (fault, path) => this.#noteFault(fault.operation, path);
    void world.guard(() => this.#boot(process));
  }

  /** Begins or ends a time without room or descriptors. */
  setScarce(isScarce: boolean): void {
    this.isScarce = isScarce;
    if (isScarce && this.running === null) this.needsRestart = true;
  }

  /** The process is gone between two effects; what it wrote is in the page cache. */
  kill(): void {
    this.#end(this.#world.networks.delayUs());
    this.#lastEnd = "kill";
  }

  /** The host loses its power, with what no sync has covered. */
  losePower(loss: PowerLoss): void {
    const world = this.#world;
    this.powerLosses += 1;
    // The host comes back after some seconds; until then its peers hear nothing.
    this.#end(3_000_000);
    world.probes.sometimes("a power loss took pending changes", pendingSequences(world.volume).length > 0);
    world.volume = afterPowerLoss(world.volume, loss);
    for (const partition of world.model.partitions()) {
      world.probes.sometimes(
        "a power loss took records that were not synced",
        partition.known.size > 0 && maxOf(partition.known.keys()) >= partition.strictEnd,
      );
      partition.losePower();
    }
    this.#lastEnd = "power";
  }

  /** A stop as SIGTERM asks for. Resolves when the process has ended. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === null) return;
    const { process, broker } = running;
    // A log that takes no more writes gets no clean mark.
    const hadFailed = [...broker.topicNames(), OFFSETS_TOPIC].some((name) =>
      (broker.describeTopic(name)?.partitions ?? []).some(({ offline }) => offline !== undefined)
    );
    const stopping = (async () => {
      running.broker.endWaits();
      await running.listener.stop(STOP_DEADLINE_MS);
      await running.broker.close();
    })();
    await Promise.race([stopping, process.disk.halted]);
    if (process.disk.isHalted) return;
    const hasFailed = hadFailed || this.needsRestart;
    this.#end(this.#world.networks.delayUs());
    this.#lastEnd = hasFailed ? "kill" : "stop";
  }

  /** Everything on the disk is as a clean stop leaves it. */
  get hasStoppedCleanly(): boolean {
    return this.process === null && this.#lastEnd === "stop";
  }

  /** Waits until the broker serves; false when it does not within `waitMs`. */
  async isUp(waitMs: number): Promise<boolean> {
    for (let waited = 0; waited < waitMs; waited += 50) {
      if (this.running !== null) return true;
      await this.#world.sleep(50);
    }
    return this.running !== null;
  }

  #end(noticeUs: number): void {
    if (this.running === null && this.process !== null) {
      this.#world.probes.sometimes("a crash while a start was under way");
    }
    this.running = null;
    this.process?.halt(noticeUs);
    this.process = null;
  }

  async #boot(process: SimulatedProcess): Promise<void> {
    const world = this.#world;
    const { configuration } = world;
    try {
      const { broker, report } = await Broker.open(process.platform, {
        dataPath: DATA_PATH,
        nodeId: 1,
        durability: configuration.durability,
        flushIntervalMs: configuration.flushIntervalMs,
        autoCreate: false,
        partitionsDefault: 1,
        segmentBytesMin: 100,
        treeMemtableBytes: configuration.treeMemtableBytes,
        retentionCheckMs: configuration.retentionCheckMs,
        groups: { initialRebalanceDelayMs: 300, sessionTimeoutMsMin: 500, offsetsTopicPartitions: 2 },
        cleanerCheckMs: configuration.cleanerCheckMs,
        scrubBytesPerSecond: configuration.scrubBytesPerSecond,
        scrubPeriodMs: SCRUB_PERIOD_MS,
        scrubCheckMs: SCRUB_CHECK_MS,
        onError: (error) => world.scrub.onError(error),
      });
      const listener = await this.#listen(process, broker);
      this.#checkReport(report);
      this.running = { process, broker, listener };
    } catch (thrown) {
      if (process.disk.isHalted) return;
      // A start may fail because the disk does; then the host starts it again.
      if (!this.needsRestart || !(thrown instanceof Error) || thrown.name === "AssertionError") {
        world.violate("I52", `the broker does not start: ${thrown instanceof Error ? thrown.stack : thrown}`);
        return;
      }
      this.#end(world.networks.delayUs());
      await world.sleep(RESTART_MS);
      if (this.process === null) this.start();
    }
  }

  #listen(process: SimulatedProcess, broker: Broker): Promise<BinaryListener> {
    const world = this.#world;
    const { clock, compression, network } = process.platform;
    const onInternalError = (error: SentinelError): void => {
      const cause = error.cause ?? error;
      world.violate("I48", `an internal error: ${cause instanceof Error ? cause.stack ?? cause.message : cause}`);
    };
    const kafkaHandlers = new HandlerRegistry(KAFKA_HANDLERS);
    return BinaryListener.open({
      network,
      clock,
      address: BROKER_ADDRESS,
      limits: boundsOf(world.configuration),
      log: () => {},
      openNativeSession: () =>
        new NativeSession({
          broker,
          clock,
          compression,
          nodeId: 1,
          brokerName: "simulated",
          onInternalError,
        }),
      openKafkaSession: (peer) => new KafkaSession({ broker, clock, nodeId: 1, onInternalError }, kafkaHandlers, peer),
    });
  }

  #checkReport(report: OpenReport): void {
    const { probes, model } = this.#world;
    const violate = (invariant: string, detail: string): void => this.#world.violate(invariant, detail);
    probes.sometimes("a tail was cut at a start", report.cutBytes > 0);
    probes.sometimes("a start after a clean stop", this.#lastEnd === "stop");
    probes.sometimes("a start after a kill", this.#lastEnd === "kill");
    probes.sometimes("a start after a power loss", this.#lastEnd === "power");
    if (this.#lastEnd === "stop" && report.cutBytes > 0) {
      violate("I44", `a start after a clean stop cut ${report.cutBytes} bytes`);
    }
    const left = report.setAside.find((name) => name.startsWith(`${TREE_DIRECTORY}/`));
    if (left !== undefined) violate("I43", `the tree has records that no topic knows: ${left}`);
    const isDamaged = model.damagedDirectories.size > 0;
    if (report.offline.length > 0 && !isDamaged && !this.needsRestart) {
      violate("I44", `nothing was damaged, and a partition is offline: ${report.offline[0]!.message}`);
    }
    probes.sometimes("a damaged log was told", report.offline.length > 0 && isDamaged);
  }

  #noteFault(operation: string, path: string): void {
    const { probes } = this.#world;
    this.needsRestart = true;
    if (operation === "write") probes.sometimes("a failed write was met");
    if (operation === "read") probes.sometimes("a failed read was met");
    if (operation !== "sync") return;
    probes.sometimes("a failed sync was met");
    const parts = path.split("/");
    if (path.endsWith(".log")) this.failedSyncs.add(parts.at(-2)!);
  }
}

/** The bounds that this run's broker keeps on each connection. */
function boundsOf(
  { connectionRequestsInWorkMax, connectionBytesMax }: SwarmConfiguration,
): Pick<ConnectionLimits, "connectionRequestsInWorkMax" | "connectionBytesMax"> {
  return { connectionRequestsInWorkMax, connectionBytesMax };
}

function maxOf(values: Iterable<number>): number {
  let max = -1;
  for (const value of values) max = Math.max(max, value);
  return max;
}
