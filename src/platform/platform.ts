import type { Clock } from "./clock.ts";
import type { Compression } from "./compression.ts";
import type { Disk } from "./disk.ts";
import type { HttpServer } from "./http_server.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

/** Everything that the machine room provides. An adapter makes one; the core asks for no more than this. */
export interface Platform {
  /** The runtime and its version, as logs and benchmarks name it: `bun 1.4.5`. */
  readonly runtime: string;
  readonly clock: Clock;
  readonly compression: Compression;
  readonly disk: Disk;
  readonly httpServer: HttpServer;
  readonly network: Network;
  readonly random: Random;
}
