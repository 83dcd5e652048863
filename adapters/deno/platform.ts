import type { Disk } from "../../src/platform/disk.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { denoClock } from "./clock.ts";
import { denoCompression } from "./compression.ts";
import { denoDisk } from "./disk.ts";
import { denoHttpServer } from "./http_server.ts";
import { denoNetwork } from "./network.ts";
import { denoRandom } from "./random.ts";

/** What Deno provides; `disk` takes the place of the machine's files. */
export function denoPlatform(options: { readonly disk?: Disk } = {}): Platform {
  return {
    runtime: `deno ${Deno.version.deno}`,
    clock: denoClock,
    compression: denoCompression,
    disk: options.disk ?? denoDisk(),
    httpServer: denoHttpServer,
    network: denoNetwork,
    random: denoRandom,
  };
}
