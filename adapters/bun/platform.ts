import type { Disk } from "../../src/platform/disk.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { bunClock } from "./clock.ts";
import { bunCompression } from "./compression.ts";
import { bunDisk } from "./disk.ts";
import { bunHttpServer } from "./http_server.ts";
import { bunNetwork } from "./network.ts";
import { bunRandom } from "./random.ts";

/** What Bun provides; `disk` takes the place of the machine's files. */
export function bunPlatform(options: { readonly disk?: Disk } = {}): Platform {
  return {
    runtime: `bun ${Bun.version}`,
    clock: bunClock,
    compression: bunCompression,
    disk: options.disk ?? bunDisk(),
    httpServer: bunHttpServer,
    network: bunNetwork,
    random: bunRandom,
  };
}
