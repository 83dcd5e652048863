/** The adapter of the runtime that runs this test. */
import { memoryDisk } from "../../adapters/memory/disk.ts";
import type { DiskFaults } from "../../adapters/node/disk.ts";
import type { Disk } from "../../src/platform/disk.ts";
import type { Platform } from "../../src/platform/platform.ts";
import type { Terminal } from "../../src/platform/terminal.ts";
import { spoilingNetwork } from "./spoiling_network.ts";

export const currentRuntime: "bun" | "deno" = "Deno" in globalThis ? "deno" : "bun";

/** The specifiers are computed, since each adapter's types are known to its own runtime only. */
const load = (file: string) => import(`../../adapters/${currentRuntime}/${file}.ts`);
const [platformModule, diskModule] = await Promise.all([load("platform"), load("disk")]);

/** The platform of this runtime, over its files or over a new disk in memory. Memory that is used again is spoiled. */
export function currentPlatform(options: { readonly memory?: boolean } = {}): Platform {
  const platform: Platform = platformModule[`${currentRuntime}Platform`](
    options.memory === true ? { disk: memoryDisk() } : {},
  );
  return { ...platform, network: spoilingNetwork(platform.network) };
}

/** The disk of this runtime, with faults. */
export function currentDisk(faults: DiskFaults = {}): Disk {
  return diskModule[`${currentRuntime}Disk`](faults);
}

export async function currentTerminal(): Promise<Terminal> {
  return (await load("terminal"))[`${currentRuntime}Terminal`]();
}
