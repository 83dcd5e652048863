/** The runtime that runs this process, and how to start another process with it. */
import { fileURLToPath } from "node:url";
import process from "node:process";
import { memoryDisk } from "../adapters/memory/disk.ts";
import type { Platform } from "../src/platform/platform.ts";

export const ROOT: string = fileURLToPath(new URL("../", import.meta.url));
export const currentRuntime: "bun" | "deno" = "Deno" in globalThis ? "deno" : "bun";

/** A module of this runtime's adapter. The specifier is computed, since its types are known to its own runtime only. */
export function loadAdapter(name: string): Promise<Record<string, unknown>> {
  return import(`../adapters/${currentRuntime}/${name}.ts`);
}

/** The platform of this runtime, over its files or over memory. */
export async function currentPlatform(options: { readonly memory?: boolean } = {}): Promise<Platform> {
  const module = await loadAdapter("platform");
  const makePlatform = module[`${currentRuntime}Platform`] as (options: object) => Platform;
  return makePlatform(options.memory === true ? { disk: memoryDisk() } : {});
}

/** Program and arguments that run a file of the project on this runtime. */
export function commandFor(file: string, args: readonly string[]): readonly string[] {
  const run = currentRuntime === "bun" ? [] : ["run", "-A", "--no-check", "--config", `${ROOT}deno.json`];
  return [process.execPath, ...run, `${ROOT}${file}`, ...args];
}
