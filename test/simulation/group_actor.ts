/** A member of the simulated group: joins, commits, leaves or falls silent, and joins again. */
import { SimulatedClock } from "../../adapters/simulation/clock.ts";
import type { SimulatedHost } from "../../adapters/simulation/network.ts";
import type { SimulatedRandom } from "../../adapters/simulation/random.ts";
import { SentinelError } from "../../src/base/errors.ts";
import { GroupSession } from "../../src/client/group_session.ts";
import { connectNative } from "../../src/client/native_client.ts";
import type { NativeClient } from "../../src/client/native_client.ts";
import { BROKER_ADDRESS } from "./broker_node.ts";
import { GROUP, GROUP_PARTITIONS, GROUP_TOPIC } from "./group_model.ts";
import { noteRefusal } from "./outcomes.ts";
import type { World } from "./world.ts";

const REQUEST_MS_MAX = 5_000;
const SESSION_MS = 2_000;
const REBALANCE_MS = 3_000;

export class GroupActor {
  readonly #world: World;
  readonly #name: string;
  readonly #clock: SimulatedClock;
  readonly #host: SimulatedHost;
  #client: NativeClient | null = null;

  constructor(world: World, index: number) {
    this.#world = world;
    this.#name = `member${index}`;
    this.#clock = new SimulatedClock(world.scheduler);
    this.#host = world.networks.host(this.#name);
  }

  async run(): Promise<void> {
    const world = this.#world;
    void world.guard(() => this.#endWithTheWorld());
    for (let turn = 0; !world.isEnding; turn++) {
      const random = world.random.stream(`${this.#name} ${turn}`);
      await world.sleep(random.skewed(500, 4_000) + 1);
      if (!world.isEnding && world.decides(`${this.#name} ${turn}`, "member")) await this.#beMember(random);
    }
  }

  /** Alone at the end of a run: it must be given everything within the bound (I31). Null: it could not be asked. */
  async takeAll(): Promise<number | null> {
    return await this.#withClient(async (client) => {
      await this.#makeTopic(client);
      const session = this.#session(client);
      const partitions = await this.#join(session);
      await this.#show(client);
      for (const partition of partitions) await this.#commitNext(client, session, partition);
      await session.leave();
      return partitions.length;
    });
  }

  /** A look at what is committed. */
  async look(): Promise<boolean> {
    return await this.#withClient(async (client) => {
      await this.#show(client);
      return true;
    }) ?? false;
  }

  // -- Inside -------------------------------------------------------------------------------------------------------

  /** A rebalance may wait for minutes: the end of the run does not. */
  async #endWithTheWorld(): Promise<void> {
    while (!this.#world.isEnding) await this.#world.sleep(200);
    this.#client?.close();
  }

  async #beMember(random: SimulatedRandom): Promise<void> {
    await this.#withClient(async (client) => {
      await this.#makeTopic(client);
      const session = this.#session(client);
      try {
        for (let round = random.between(1, 4); round > 0 && !this.#world.isEnding; round--) {
          await this.#read(client, session, random);
        }
        if (random.chance(1, 2)) await session.leave();
      } finally {
        session.abandon();
      }
      return null;
    });
  }

  /** One generation: as long as its partitions are its own, or as it likes. */
  async #read(client: NativeClient, session: GroupSession, random: SimulatedRandom): Promise<void> {
    const world = this.#world;
    const partitions = await this.#join(session);
    world.probes.sometimes(
      "a group shared its partitions",
      partitions.length > 0 && partitions.length < GROUP_PARTITIONS,
    );
    await this.#show(client);
    for (let step = random.between(1, 20); step > 0 && !session.mustJoin && !world.isEnding; step--) {
      await world.sleep(random.skewed(200, 2_000) + 1);
      if (partitions.length > 0) await this.#commitNext(client, session, random.pick(partitions));
    }
  }

  async #join(session: GroupSession): Promise<readonly number[]> {
    const world = this.#world;
    const before = world.groups.moment;
    const partitions = (await session.join()).map(({ partition }) => partition);
    world.check(() => world.groups.own(this.#name, session.generation, partitions, before));
    return partitions;
  }

  /** What is committed, as a reader sees it. */
  async #show(client: NativeClient): Promise<ReadonlyMap<number, number>> {
    const world = this.#world;
    const before = world.groups.moment;
    const committed = await client.groups.committed(GROUP);
    const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    world.check(() => {
      for (let partition = 0; partition < GROUP_PARTITIONS; partition++) {
        world.groups.show(partition, offsets.get(partition) ?? null, before);
      }
    });
    return offsets;
  }

  async #commitNext(client: NativeClient, session: GroupSession, partition: number): Promise<void> {
    const world = this.#world;
    const offset = ((await this.#show(client)).get(partition) ?? 0) + 1;
    const { generation } = session;
    const before = world.groups.moment;
    world.groups.ask(partition, offset);
    const isTaken = await session.commit([{ topic: GROUP_TOPIC, partition, offset }]);
    world.probes.sometimes("a group's commit was fenced", !isTaken);
    if (!isTaken) return;
    world.probes.sometimes("a group committed");
    world.check(() => world.groups.acknowledge(partition, offset, generation, before));
  }

  #session(client: NativeClient): GroupSession {
    const times = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS };
    return new GroupSession(client, this.#clock, { group: GROUP, topics: [GROUP_TOPIC], ...times });
  }

  async #makeTopic(client: NativeClient): Promise<void> {
    try {
      await client.createTopic(GROUP_TOPIC, { partitions: GROUP_PARTITIONS });
    } catch (thrown) {
      if (!(thrown instanceof SentinelError) || thrown.code !== "topic_exists") throw thrown;
    }
  }

  /** What `work` comes to on a connection of its own, or null when it failed as requests may fail. */
  async #withClient<Result>(work: (client: NativeClient) => Promise<Result>): Promise<Result | null> {
    try {
      this.#client = await connectNative(this.#host, this.#clock, BROKER_ADDRESS, { requestTimeoutMs: REQUEST_MS_MAX });
      return await work(this.#client);
    } catch (thrown) {
      if (thrown instanceof Error && thrown.name === "Violation") throw thrown;
      noteRefusal(this.#world, thrown);
      return null;
    } finally {
      this.#client?.close();
      this.#client = null;
    }
  }
}
