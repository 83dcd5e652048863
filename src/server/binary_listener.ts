import { LIMITS } from "../base/limits.ts";
import type { Cancel } from "../platform/clock.ts";
import type { Address, Connection, Listener, Network } from "../platform/network.ts";
import { BinaryConnection, type BinaryConnectionOptions } from "./binary_connection.ts";

export interface BinaryListenerOptions extends BinaryConnectionOptions {
  readonly network: Network;
  readonly address: Address;
  /** Default `LIMITS.connectionsMax`. */
  readonly connectionsMax?: number;
}

/** How often the bounds on time are looked at. One timer for all connections: a bound may be passed by this much. */
const CHECK_TIME_MS = 1_000;

/** The binary port: accepts connections, which speak native frames or Kafka's protocol, frame by frame (design D9). */
export class BinaryListener {
  /** Where it listens, with the real port. */
  readonly address: Address;
  readonly #listener: Listener;
  readonly #options: BinaryListenerOptions;
  readonly #connections: Map<BinaryConnection, Promise<void>>;
  #cancelCheck: Cancel = () => {};
  #stopping: Promise<void> | null = null;

  private constructor(
    listener: Listener,
    options: BinaryListenerOptions,
    connections: Map<BinaryConnection, Promise<void>>,
  ) {
    this.address = listener.address;
    this.#listener = listener;
    this.#options = options;
    this.#connections = connections;
    this.#scheduleCheck();
  }

  /** Fails with a `PlatformError` (`address_in_use`, …) when it cannot listen. */
  static async open(options: BinaryListenerOptions): Promise<BinaryListener> {
    const connections = new Map<BinaryConnection, Promise<void>>();
    let isRefusing = false;
    const accept = (connection: Connection): void => {
      const connectionsMax = options.connectionsMax ?? LIMITS.connectionsMax;
      if (connections.size >= connectionsMax) {
        // Once, not for each: a flood of connections must not become a flood of lines.
        if (!isRefusing) options.log("warn", `Refusing connections: ${connectionsMax} are open, which is the limit`);
        isRefusing = true;
        connection.close({ abort: true });
        return;
      }
      isRefusing = false;
      const served = new BinaryConnection(connection, options);
      const run = served.run().then(() => void connections.delete(served));
      connections.set(served, run);
    };
    const listener = await options.network.listen(options.address, accept);
    return new BinaryListener(listener, options, connections);
  }

  /** Connections that are open now (facts 1.5, sentinel_active_connections). */
  get activeConnections(): number {
    return this.#connections.size;
  }

  /** Those that are open now. */
  get connections(): Iterable<BinaryConnection> {
    return this.#connections.keys();
  }

  /**
   * Accepts no more, lets requests in work finish for at most `deadlineMs`, then cuts what is left: a reader that takes
   * nothing cannot hold the stop up (facts V3). Idempotent.
   */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    await this.#listener.close();
    for (const connection of [...this.#connections.keys()]) connection.finish();
    const cancelDeadline = this.#options.clock.after(deadlineMs, () => {
      for (const connection of [...this.#connections.keys()]) {
        connection.cut(`the broker stops, and ${deadlineMs} ms were not enough`);
      }
    });
    await Promise.all(this.#connections.values());
    cancelDeadline();
    this.#cancelCheck();
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#options.clock.after(CHECK_TIME_MS, () => {
      const nowMs = this.#options.clock.monotonicMs();
      for (const connection of [...this.#connections.keys()]) connection.checkTime(nowMs);
      this.#scheduleCheck();
    });
  }
}
