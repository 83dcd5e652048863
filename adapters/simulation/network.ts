/** The network of a simulated world: named hosts, and links between them that may stand still in either direction. */
import { PlatformError } from "../../src/base/errors.ts";
import type { Address, Connection, Listener, Network } from "../../src/platform/network.ts";
import { connectPair } from "./connection.ts";
import type { SimulatedConnection } from "./connection.ts";
import type { SimulatedRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

export interface NetworkTiming {
  readonly delayUsMin: number;
  /** One of so many segments takes up to `slowUs`. */
  readonly slowOneIn: number;
  readonly slowUs: number;
  /** A stream is cut into segments of 1 to so many bytes. */
  readonly segmentBytesMax: number;
}

export const QUICK_NETWORK: NetworkTiming = {
  delayUsMin: 50,
  slowOneIn: 1_000,
  slowUs: 50_000,
  segmentBytesMax: 65_536,
};

/** How long a connect waits for a host that does not answer. */
const CONNECT_US_MAX = 5_000_000;
const EPHEMERAL_PORT = 32_768;

export class SimulatedNetworks {
  readonly scheduler: Scheduler;
  readonly random: SimulatedRandom;
  timing: NetworkTiming;
  readonly #hosts = new Map<string, SimulatedHost>();
  /** `from>to` of links that stand still. */
  readonly #blocked = new Set<string>();
  readonly #connections = new Set<SimulatedConnection>();
  #nextPort = EPHEMERAL_PORT;

  constructor(scheduler: Scheduler, random: SimulatedRandom, timing: NetworkTiming = QUICK_NETWORK) {
    this.scheduler = scheduler;
    this.random = random;
    this.timing = timing;
  }

  /** A process of its own on a host of this name; it takes the name over from a process that is dead. */
  host(name: string): SimulatedHost {
    const host = new SimulatedHost(this, name);
    this.#hosts.set(name, host);
    return host;
  }

  hostOf(name: string): SimulatedHost | undefined {
    return this.#hosts.get(name);
  }

  nextPort(): number {
    return this.#nextPort++;
  }

  delayUs(): number {
    const { delayUsMin, slowOneIn, slowUs } = this.timing;
    if (slowUs > 0 && this.random.chance(1, slowOneIn)) return delayUsMin + this.random.below(slowUs);
    return delayUsMin + this.random.below(delayUsMin + 1);
  }

  /** Nothing goes from one host to the other until `unblock`; what is sent waits, as TCP would repeat it. */
  block(from: string, to: string): void {
    this.#blocked.add(`${from}>${to}`);
  }

  unblock(from: string, to: string): void {
    if (!this.#blocked.delete(`${from}>${to}`)) return;
    for (const connection of [...this.#connections]) connection.resume(from, to);
  }

  /** All links work again. */
  unblockAll(): void {
    for (const link of [...this.#blocked]) {
      const [from = "", to = ""] = link.split(">");
      this.unblock(from, to);
    }
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  /** Loses the connections between two hosts: both sides hear of it, one after the other. */
  resetBetween(one: string, other: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.isBetween(one, other)) connection.lose(this.delayUs());
    }
  }

  /** Connections that at least one side has not given up. */
  get connections(): ReadonlySet<SimulatedConnection> {
    return this.#connections;
  }

  async connect(from: SimulatedHost, address: Address): Promise<Connection> {
    const subject = `${address.host}:${address.port}`;
    const host = this.#hosts.get(address.host);
    if (host === undefined) {
      await this.#pass(this.delayUs());
      throw new PlatformError("name_not_found", "connect to", subject);
    }
    if (this.isBlocked(from.name, host.name) || this.isBlocked(host.name, from.name)) {
      await this.#pass(CONNECT_US_MAX);
      throw new PlatformError("timed_out", "connect to", subject);
    }
    await this.#pass(this.delayUs());
    // The process may have been replaced meanwhile.
    const accept = this.#hosts.get(address.host)?.acceptorOf(address.port);
    if (accept === undefined) throw new PlatformError("connection_refused", "connect to", subject);
    const [client, server] = connectPair(this, {
      client: { host: from.name, port: this.nextPort() },
      server: { host: address.host, port: address.port },
    });
    for (const [end, owner] of [[client, from], [server, this.#hosts.get(address.host)!]] as const) {
      this.#connections.add(end);
      owner.own(end);
    }
    accept(server);
    await this.#pass(this.delayUs());
    return client;
  }

  forget(connection: SimulatedConnection): void {
    this.#connections.delete(connection);
  }

  #pass(delayUs: number): Promise<void> {
    return new Promise((resolve) => void this.scheduler.after(delayUs, "connect", resolve));
  }
}

/** The network as one process has it. */
export class SimulatedHost implements Network {
  readonly spoilsMemory = true;
  readonly name: string;
  readonly #networks: SimulatedNetworks;
  readonly #acceptors = new Map<number, (connection: Connection) => void>();
  readonly #connections = new Set<SimulatedConnection>();
  #isHalted = false;

  constructor(networks: SimulatedNetworks, name: string) {
    this.#networks = networks;
    this.name = name;
  }

  async listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    const subject = `${address.host}:${address.port}`;
    if (address.host !== this.name) throw new PlatformError("address_not_available", "listen on", subject);
    if (this.#acceptors.has(address.port)) throw new PlatformError("address_in_use", "listen on", subject);
    const port = address.port === 0 ? this.#networks.nextPort() : address.port;
    this.#acceptors.set(port, onConnection);
    return {
      address: { host: this.name, port },
      close: async () => void this.#acceptors.delete(port),
    };
  }

  async connect(address: Address): Promise<Connection> {
    const connection = await this.#networks.connect(this, address);
    return this.#isHalted ? await new Promise<Connection>(() => {}) : connection;
  }

  acceptorOf(port: number): ((connection: Connection) => void) | undefined {
    return this.#acceptors.get(port);
  }

  own(connection: SimulatedConnection): void {
    this.#connections.add(connection);
  }

  disown(connection: SimulatedConnection): void {
    this.#connections.delete(connection);
  }

  /** The process is dead. Its peers hear of it after `noticeUs`: at once from a kernel that lives, late from a host without power. */
  halt(noticeUs: number): void {
    this.#isHalted = true;
    this.#acceptors.clear();
    for (const connection of [...this.#connections]) connection.die(noticeUs);
    this.#connections.clear();
  }
}
