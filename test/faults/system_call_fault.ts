/** System calls of a running process that fail as told (`strace --inject`), for one file only, and only for a while. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { CannotRun } from "./fault.ts";

const ATTACH_MS_MAX = 10_000;
const CALLS = {
  write: "write,writev,pwrite64,pwritev,pwritev2",
  sync: "fsync,fdatasync,sync_file_range",
} as const;

export type FailingCall = keyof typeof CALLS;

export interface SystemCallFault extends AsyncDisposable {
  /** How many calls have failed so far. */
  readonly failedCount: number;
  /** The calls work again. */
  end(): Promise<void>;
}

/** From now on these calls on `path` fail with EIO in all threads of the process. */
export async function failCalls(pid: number, calls: FailingCall, path: string): Promise<SystemCallFault> {
  const names = CALLS[calls];
  const args = ["-f", "-p", String(pid), "-P", path, "-e", `trace=${names}`, "-e", `inject=${names}:error=EIO`];
  const child: ChildProcess = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr!.on("data", (chunk: Uint8Array) => said += new TextDecoder().decode(chunk));
  const exited = once(child, "exit").then(() => true, () => true);
  const failed = once(child, "error").then(([error]) => error as Error);
  const endMs = performance.now() + ATTACH_MS_MAX;
  while (!/attached/.test(said)) {
    const data = once(child.stderr!, "data").then(() => null);
    const ended = await Promise.race([failed, exited, data]);
    if (ended !== null || performance.now() > endMs) {
      child.kill("SIGKILL");
      throw new CannotRun(`strace cannot attach to a process: ${ended instanceof Error ? ended.message : said.trim()}`);
    }
  }
  let isEnded = false;
  const end = async (): Promise<void> => {
    if (isEnded) return;
    isEnded = true;
    child.kill("SIGINT");
    await exited;
  };
  return {
    get failedCount() {
      return said.split("(INJECTED)").length - 1;
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}
