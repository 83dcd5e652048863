import { spawnSync } from "node:child_process";
import { CannotRun } from "./fault.ts";

/** Runs a tool of the machine to its end; fails with `CannotRun` where there is none, or it may not. */
export function runTool(command: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return;
  throw new CannotRun(`${command} ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}
