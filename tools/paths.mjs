/** Where things are, and what this tree's own copies of the tools are called. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../", import.meta.url));
const MODULES = join(ROOT, "node_modules");
const WINDOWS = process.platform === "win32";

export const BUN_PACKAGE = join(MODULES, "bun");
export const DENO_PACKAGE = join(MODULES, "deno");
export const BUN = join(BUN_PACKAGE, "bin/bun.exe");
/** The executable itself: the package's bin is a Node.js script that would swallow signals. */
export const DENO = join(DENO_PACKAGE, WINDOWS ? "deno.exe" : "deno");
/** A Node.js script. */
export const TSC = join(MODULES, "typescript/bin/tsc");
export const BINARY = join(ROOT, "dist", WINDOWS ? "sentinel.exe" : "sentinel");

/** Whether the tree has this file or folder. */
export function has(path) {
  return existsSync(join(ROOT, path));
}
