/** One broker in a process of its own: started, watched, stopped or killed. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { connectNative, type NativeClient } from "../../src/client/native_client.ts";
import { currentPlatform } from "../adapters/current.ts";
import { ended, type Ending, gather, ownKind, type ProgramKind, spawnSentinel } from "./sentinel_command.ts";

/** A slow machine may take this long to start a runtime; a broker that takes longer hangs. */
const READY_MS_MAX = 20_000;
const READY_POLL_MS = 5;
const STOP_MS_MAX = 20_000;

export interface BrokerOptions {
  readonly kind?: ProgramKind;
  /** The data directory; none: in memory. */
  readonly dataPath?: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** As many files and sockets may be open (`ulimit -n`). */
  readonly descriptorsMax?: number;
}

let brokersStarted = 0;

export class BrokerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #out: () => string;
  readonly #errors: () => string;
  readonly exited: Promise<Ending>;
  #hasExited = false;
  #readyFile: string;
  /** `host:port`, known when it is ready. */
  binary = "";
  /** `http://host:port`, known when it is ready. */
  http = "";

  /** Only starts it. `ready` waits for it; `startBroker` does both. */
  constructor({ kind = ownKind, dataPath, args = [], environment, descriptorsMax }: BrokerOptions) {
    brokersStarted += 1;
    this.#readyFile = join(tmpdir(), `sentinel-ready-${process.pid}-${brokersStarted}.json`);
    const where = dataPath === undefined ? ["--memory"] : ["--data", dataPath];
    this.#child = spawnSentinel(
      kind,
      ["serve", "--port", "0", "--http-port", "0", ...where, "--ready-file", this.#readyFile, ...args],
      {
        ...(environment === undefined ? {} : { environment }),
        ...(descriptorsMax === undefined ? {} : { descriptorsMax }),
      },
    );
    this.#out = gather(this.#child.stdout);
    this.#errors = gather(this.#child.stderr);
    // It lives as long as the test wants; only a stop has a deadline.
    this.exited = ended(this.#child, "serve", 2 ** 30).then(async (ending) => {
      this.#hasExited = true;
      await rm(this.#readyFile, { force: true });
      return ending;
    });
  }

  get out(): string {
    return this.#out();
  }

  get errors(): string {
    return this.#errors();
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Waits until it listens. Fails with what it said when it ends before. */
  async ready(): Promise<this> {
    for (let waitedMs = 0; waitedMs < READY_MS_MAX; waitedMs += READY_POLL_MS) {
      const found = await readFile(this.#readyFile, "utf8").catch(() => null);
      if (found !== null) {
        const { binary, http, pid } = JSON.parse(found);
        if (pid !== this.pid) throw new Error(`The ready file names process ${pid}, not ${this.pid}`);
        this.binary = binary;
        this.http = http;
        return this;
      }
      if (this.#hasExited) throw new Error(`The broker ended before it was ready: ${this.out}${this.errors}`);
      await pause(READY_POLL_MS);
    }
    await this.kill();
    throw new Error(`The broker is not ready after ${READY_MS_MAX} ms: ${this.out}${this.errors}`);
  }

  /** Resolves when it says something more on standard output, or ends. */
  async nextOutput(): Promise<void> {
    await Promise.race([once(this.#child.stdout!, "data"), this.exited]);
  }

  signal(name: "SIGTERM" | "SIGINT" | "SIGKILL"): void {
    // Not by `child.kill`: Deno then reports that signal as the end's cause, whatever the process made of it.
    if (!this.#hasExited) process.kill(this.pid, name);
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** SIGTERM, or only the wait after a signal that was sent. Fails, and kills, when it does not end in time. */
  async stop(options: { readonly signalSent?: boolean; readonly timeoutMs?: number } = {}): Promise<Ending> {
    const { signalSent = false, timeoutMs = STOP_MS_MAX } = options;
    if (!signalSent) this.signal("SIGTERM");
    const timer = new AbortController();
    const late = pause(timeoutMs, null, { signal: timer.signal }).catch(() => null);
    const ending = await Promise.race([this.exited, late]);
    timer.abort();
    if (ending === null) {
      await this.kill();
      throw new Error(`The broker did not end within ${timeoutMs} ms of the signal: ${this.out}${this.errors}`);
    }
    return ending;
  }

  /** A native connection, the caller's to close. */
  connect(): Promise<NativeClient> {
    const { network, clock } = currentPlatform();
    return connectNative(network, clock, addressOf(this.binary));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasExited) await this.kill();
  }
}

export async function startBroker(options: BrokerOptions = {}): Promise<BrokerProcess> {
  return await new BrokerProcess(options).ready();
}

export function addressOf(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}
