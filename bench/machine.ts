/** Where a figure comes from: without it a figure says nothing. */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import process from "node:process";
import { ROOT } from "./runtime.ts";

export interface Machine {
  /** `AMD EPYC, 2 cores, linux x64`. */
  readonly description: string;
  /** The runtime and its version: `bun 1.4.5`. */
  readonly runtime: string;
  /** Short id of the commit, with `+` when the tree has changes; empty where there is no git. */
  readonly commit: string;
}

export function describeMachine(runtime: string): Machine {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? "unknown processor";
  const description = `${model}, ${cores.length} ${
    cores.length === 1 ? "core" : "cores"
  }, ${process.platform} ${process.arch}`;
  return { description, runtime, commit: commitOfTree() };
}

function commitOfTree(): string {
  const git = (...args: string[]) => spawnSync("git", ["-C", ROOT, ...args], { encoding: "utf8" });
  const head = git("rev-parse", "--short", "HEAD");
  if (head.status !== 0) return "";
  const changes = git("status", "--porcelain", "--untracked-files=no").stdout.trim();
  return `${head.stdout.trim()}${changes === "" ? "" : "+"}`;
}
