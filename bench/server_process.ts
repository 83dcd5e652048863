/**
 * Servers under load run in a process of their own, on the same runtime: load generator and server do not share an event
 * loop, and with two cores each has one.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { commandFor } from "./runtime.ts";

/** Where a server listens; what it does not have is missing. */
export interface ServerAddresses {
  readonly binaryPort?: number;
  readonly httpPort?: number;
}

export interface ServerProcess {
  readonly addresses: ServerAddresses;
  readonly processId: number;
  /** Ends it in order: its standard input is closed, which is what the entries wait for. */
  stop(): Promise<void>;
  /** Ends it as a power switch would. */
  kill(): Promise<void>;
}

/** Runs `bench/servers/<entry>.ts` with one JSON argument; resolves when it says where it listens. */
export async function startServerProcess(entry: string, options: object): Promise<ServerProcess> {
  const [program, ...args] = commandFor(`bench/servers/${entry}.ts`, [JSON.stringify(options)]);
  const child = spawn(program!, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const addresses = JSON.parse(await firstLine(child, entry)) as ServerAddresses;
  return {
    addresses,
    processId: child.pid!,
    async stop() {
      child.stdin.end();
      await exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function firstLine(child: ChildProcess, entry: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (chunk) => {
      text += String(chunk);
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`The server ${entry} ended with ${code} before it listened`)));
  });
}

/** Linux counts processor time in hundredths of a second, whatever its kernel's own tick is. */
const TICK_MS = 10;

/** Milliseconds of processor time that a process has used, all its threads and the kernel's part; NaN outside Linux. */
export async function processorMs(processId: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${processId}/stat`, "utf8");
    // The name, second, is in parentheses and may hold anything; user and system time are the 14th and the 15th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return NaN;
  }
}

/** Bytes of memory that a process holds (resident set size). */
export async function residentBytes(processId: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${processId}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  } catch {
    const listed = spawnSync("ps", ["-o", "rss=", "-p", String(processId)], { encoding: "utf8" });
    return Number(listed.stdout) * 1024;
  }
}
