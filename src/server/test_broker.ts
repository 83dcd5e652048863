import type { StorageEngine } from "../cluster/partition_store.ts";
import type { Platform } from "../platform/platform.ts";
import { startServer } from "./server.ts";
import type { Server } from "./server.ts";
import { loopbackOptions, type ServerOptions } from "./server_options.ts";

/** A stop in a test has nobody to wait for. */
const STOP_MS = 2_000;

export interface TestBrokerOptions {
  /** Keep everything in memory (default). With false, `dataPath` says where. */
  readonly memory?: boolean;
  readonly dataPath?: string;
  /** Partitions of topics made without a number; default 1. */
  readonly partitions?: number;
  /** `storage.engine` of topics made without one; default `log`. */
  readonly storageEngine?: StorageEngine;
}

/** A whole broker inside the test's own process, on free ports of the loopback interface. */
export interface TestBroker extends AsyncDisposable {
  /** `host:port` of the binary port. */
  readonly kafka: string;
  /** `http://host:port`. */
  readonly http: string;
  stop(): Promise<void>;
}

/** What both runtimes' `testing` entries offer as `startBroker`. */
export async function startTestBroker(platform: Platform, options: TestBrokerOptions = {}): Promise<TestBroker> {
  const inMemory = options.memory ?? options.dataPath === undefined;
  const serverOptions: ServerOptions = {
    ...loopbackOptions(options.dataPath ?? "/memory"),
    partitionsDefault: options.partitions ?? 1,
    storageEngine: options.storageEngine ?? "log",
    // Nobody else will join: a test's first consumer need not wait for them.
    groups: { initialRebalanceDelayMs: 0 },
    inMemory,
  };
  const server: Server = await startServer(platform, serverOptions, { log: () => {} });
  const stop = (): Promise<void> => server.stop(STOP_MS);
  return {
    kafka: `127.0.0.1:${server.binary.port}`,
    http: `http://127.0.0.1:${server.http.port}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
