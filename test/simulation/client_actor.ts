/** A client of the simulated world: it decides online what to do next, and tells the checkers what it sees. */
import { TREE_DIRECTORY } from "../../src/cluster/node_tree.ts";
import { SimulatedClock } from "../../adapters/simulation/clock.ts";
import type { SimulatedHost } from "../../adapters/simulation/network.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { SentinelError } from "../../src/base/errors.ts";
import { connectNative } from "../../src/client/native_client.ts";
import type { NativeClient } from "../../src/client/native_client.ts";
import { administer } from "./admin_actions.ts";
import { appendIfMatch, trim } from "./broker_actions.ts";
import { BROKER_ADDRESS } from "./broker_node.ts";
import { insist } from "./idempotent_actions.ts";
import { lookUpSome } from "./lookup_actions.ts";
import { noteProduced, noteRefusal } from "./outcomes.ts";
import type { PartitionModel, TopicSlot } from "./model.ts";
import type { ClientAction } from "./swarm.ts";
import type { World } from "./world.ts";

const REQUEST_MS_MAX = 5_000;
const READ_BYTES = [1, 500, 20_000, 1_000_000] as const;

export class ClientActor {
  readonly world: World;
  readonly index: number;
  readonly clock: SimulatedClock;
  readonly #host: SimulatedHost;
  /** What the newest failed request said. */
  lastFailure = "";
  #client: NativeClient | null = null;
  #connections = 0;
  #sent = 0;
  /** Where this client reads on, per partition. */
  readonly #positions = new Map<PartitionModel, number>();

  constructor(world: World, index: number) {
    this.world = world;
    this.index = index;
    this.clock = new SimulatedClock(world.scheduler);
    this.#host = world.networks.host(`client${index}`);
  }

  /** Name of the connection that requests go over now; a new one keeps no order with the old. */
  get session(): string {
    return `${this.index}/${this.#connections}`;
  }

  nextOrder(): number {
    return this.#sent++;
  }

  async run(): Promise<void> {
    const { world } = this;
    const { thinkMs, weights } = world.configuration;
    for (let turn = 0; !world.isEnding; turn++) {
      const random = world.random.stream(`client ${this.index} ${turn}`);
      await world.sleep(random.skewed(thinkMs, thinkMs * 20) + 1);
      const action = pickWeighted(random, weights);
      if (world.decides(`client ${this.index} ${turn}`, action)) await this.#act(random, action);
    }
    this.disconnect();
  }

  /** The connection, made when there is none; null when the broker cannot be reached now. */
  async connected(): Promise<NativeClient | null> {
    if (this.#client !== null) return this.#client;
    try {
      this.#connections += 1;
      this.#client = await connectNative(this.#host, this.clock, BROKER_ADDRESS, { requestTimeoutMs: REQUEST_MS_MAX });
    } catch (thrown) {
      noteRefusal(this.world, thrown);
    }
    return this.#client;
  }

  disconnect(): void {
    this.#client?.close();
    this.#client = null;
  }

  /** What a failed request means for the connection: after silence or a reset it is of no use. */
  noteFailure(thrown: unknown): void {
    this.lastFailure = thrown instanceof Error ? thrown.message : String(thrown);
    noteRefusal(this.world, thrown);
    if (!(thrown instanceof SentinelError) || thrown.code === "timed_out") this.disconnect();
  }

  async #act(random: SimulatedRandom, action: ClientAction): Promise<void> {
    const client = await this.connected();
    if (client === null) return;
    const slot = random.pick(this.world.model.slots);
    if (action === "create" || action === "delete" || action === "alter") {
      await administer(this, client, slot, action, random);
      return;
    }
    if (slot.topic === null && !slot.isExclusive && random.chance(1, 2)) {
      await administer(this, client, slot, "create", random);
      return;
    }
    if (slot.topic === null || slot.isExclusive) return;
    slot.shared += 1;
    try {
      await this.#use(client, slot, random.pick(slot.topic.partitions), action, random);
    } finally {
      slot.shared -= 1;
    }
  }

  async #use(
    client: NativeClient,
    slot: TopicSlot,
    partition: PartitionModel,
    action: ClientAction,
    random: SimulatedRandom,
  ): Promise<void> {
    switch (action) {
      case "produce": {
        const count = random.between(1, this.world.configuration.pipelineMax);
        await Promise.all(Array.from({ length: count }, () => this.produce(client, slot, partition, random)));
        return;
      }
      case "trim":
        return await trim(this, partition, random);
      case "sequenced":
      case "keyed":
        return await insist(this, slot, partition, action, random);
      case "if-match":
        return await appendIfMatch(this, partition, random);
      case "lookup":
        if (!partition.topic.isCompacted) return await this.#read(client, partition, random, false);
        await lookUpSome(this, client, partition, random);
        return;
      default:
        return await this.#read(client, partition, random, action === "tail");
    }
  }

  async produce(
    client: NativeClient,
    slot: TopicSlot,
    partition: PartitionModel,
    random: SimulatedRandom,
  ): Promise<boolean> {
    const { world } = this;
    const { recordBytesMean, recordsPerBatchMean } = world.configuration;
    const { topic } = partition;
    const to = { topicName: slot.name, partition: partition.partition, session: this.session };
    const made = Array.from(
      { length: 1 + random.skewed(recordsPerBatchMean - 1, recordsPerBatchMean * 8) },
      () =>
        world.model.newRecord(random, { ...to, order: this.nextOrder() }, {
          nowMs: this.clock.nowMs(),
          bytesMean: recordBytesMean,
          isCompacted: topic.isCompacted,
        }),
    );
    const records = made.map(({ record }) => record);
    const { life, powerLosses } = world.node;
    const parameters = {
      topic: slot.name,
      partition: partition.partition,
      acks: random.pick(["all", "all", "leader", "none"] as const),
    };
    const isStrict = topic.durability === "fsync";
    // One log serves all that is in the tree.
    const log = topic.engine === "lsm" ? TREE_DIRECTORY : `${slot.name}-${partition.partition}`;
    const syncHadFailed = world.node.failedSyncs.has(log);
    try {
      const isBatch = random.chance(1, 2);
      const { acks } = await (isBatch
        ? client.produce(parameters, records)
        : client.produceRecords(parameters, records.map((record) => ({ ...record, partition: partition.partition }))));
      if (acks.length === 0) {
        return true;
      }
      if (syncHadFailed && world.node.life === life) {
        world.violate("I46", `${partition.name} acknowledged a produce that was sent after a failed sync`);
      }
      noteProduced(
        world,
        partition,
        made.map(({ sent }) =>
          sent
        ),
        { ...acks[0]!, isStrict: isStrict && topic.durability === "fsync", powerLosses },
      );
      return true;
    } catch (thrown) {
      if (isRefusal(thrown, made.length)) { for (const { sent } of made) sent.outcome = "refused"; }
      else world.probes.sometimes("an outcome stayed unknown");
      this.noteFailure(thrown);
      return false;
    }
  }

  async #read(
    client: NativeClient,
    partition: PartitionModel,
    random: SimulatedRandom,
    isTail: boolean,
  ): Promise<void> {
    const position = this.#positions.get(partition);
    const offset = isTail || random.chance(1, 2) ? position ?? "earliest" : random.pick(
      ["earliest", "latest", random.between(partition.logStart, partition.logStart + partition.known.size)] as const,
    );
    const next = await this.read(client, partition, {
      offset,
      maxBytes: random.pick(READ_BYTES),
      waitMs: isTail ? random.pick([0, 100, 2_000]) : 0,
      maxRecords: random.pick([1, 10, 1_000]),
    });
    if (next === null) this.#positions.delete(partition);
    else if (isTail || position === undefined) this.#positions.set(partition, next);
  }

  /** One fetch; the next offset, or null when it failed. */
  async read(
    client: NativeClient,
    partition: PartitionModel,
    from: { offset: number | "earliest" | "latest"; maxBytes: number; waitMs: number; maxRecords: number },
  ): Promise<number | null> {
    const { world } = this;
    const { topic } = partition;
    const { highWatermark, logStart, strictEnd } = partition;
    const before = { highWatermark, logStart, strictEnd };
    const asked = typeof from.offset === "number" ? from.offset : null;
    const { powerLosses } = world.node;
    try {
      const answer = await client.fetch({ topic: topic.name, partition: partition.partition, ...from });
      // An answer that was under way when the power went may show what is gone since.
      if (world.node.powerLosses !== powerLosses && !topic.isAlwaysFsync) return null;
      world.observe({ kind: "read", partition, asked, before, ...answer });
      world.probes.sometimes("a wait for data was answered with some", from.waitMs > 0 && answer.records.length > 0);
      return answer.next;
    } catch (thrown) {
      if (thrown instanceof SentinelError && thrown.code === "offset_out_of_range" && asked !== null) {
        const { earliest, tail } = thrown.facts;
        if (typeof earliest === "number" && typeof tail === "number") {
          world.observe({ kind: "out-of-range", partition, asked, earliest, tail, before });
        }
      }
      this.noteFailure(thrown);
      return null;
    }
  }
}

/** Codes with which nothing was appended, and never will be. */
const REFUSALS: ReadonlySet<string> = new Set([
  "unknown_topic",
  "unknown_partition",
  "invalid_request",
  "invalid_record",
  "invalid_timestamp",
  "too_large",
  "offset_mismatch",
  "overloaded",
]);

/** Whether nothing of `recordCount` records was stored, and never will be. */
export function isRefusal(thrown: unknown, recordCount = 0): boolean {
  if (!(thrown instanceof SentinelError)) return false;
  if (REFUSALS.has(thrown.code)) return true;
  // A write that failed was cut back, and the log says so in these words. Of several batches the first may be stored.
  return recordCount === 1 && thrown.code === "storage_error" && thrown.message.includes("could not store");
}

function pickWeighted(random: SimulatedRandom, weights: Readonly<Record<ClientAction, number>>): ClientAction {
  const entries = Object.entries(weights) as [ClientAction, number][];
  let at = random.below(entries.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [action, weight] of entries) {
    if (at < weight) return action;
    at -= weight;
  }
  return "produce";
}
