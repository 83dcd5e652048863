/** The `sentinel` program as users start it: a process of its own, from source under either runtime, or compiled. */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { BINARY, BUN, DENO, ROOT } from "../../tools/paths.mjs";
import { DENO_PERMISSIONS } from "../../tools/start.mjs";
import { currentRuntime } from "../adapters/current.ts";

export type ProgramKind = "bun" | "deno" | "binary";

/** The program from source, under the runtime that runs this test: the gate runs each test under both. */
export const ownKind: ProgramKind = currentRuntime;

/** Sizes that take minutes; the gate takes the small ones. */
export const isFullSize: boolean = process.env["SENTINEL_FULL"] === "1";

/** A process that has not ended by then hangs. */
const END_MS_MAX = 40_000;

/** Deno runs with the permissions that `npm start` gives it: a missing one shows here. */
function commandLine(kind: ProgramKind): readonly [string, readonly string[]] {
  if (kind === "bun") return [BUN, [join(ROOT, "adapters/bun/main.ts")]];
  if (kind === "binary") return [binaryPath(), []];
  const flags = ["--config", join(ROOT, "deno.json"), ...DENO_PERMISSIONS];
  return [DENO, ["run", ...flags, join(ROOT, "adapters/deno/main.ts")]];
}

export function binaryPath(): string {
  const path = process.env["SENTINEL_BINARY"] ?? BINARY;
  if (!existsSync(path)) throw new Error(`There is no ${path}; npm run compile makes it`);
  return path;
}

/** What the caller's shell has set for `sentinel` must not reach the tests. */
function environmentWith(more: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name, value]) =>
    value !== undefined && !name.startsWith("SENTINEL_")
  );
  return { ...Object.fromEntries(entries) as Record<string, string>, NO_COLOR: "1", ...more };
}

export interface SpawnOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly stdio?: StdioOptions;
  /** As many files and sockets may be open (`ulimit -n`). */
  readonly descriptorsMax?: number;
}

export function spawnSentinel(kind: ProgramKind, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [program, first] = limited(commandLine(kind), options.descriptorsMax);
  return spawn(program, [...first, ...args], {
    stdio: options.stdio ?? ["ignore", "pipe", "pipe"],
    env: environmentWith(options.environment ?? {}),
    ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
  });
}

/** The shell sets the limit and becomes the program: the process is the one that was started. */
function limited(
  [program, first]: readonly [string, readonly string[]],
  descriptorsMax: number | undefined,
): readonly [string, readonly string[]] {
  if (descriptorsMax === undefined) return [program, first];
  return ["sh", ["-c", `ulimit -n ${descriptorsMax} && exec "$0" "$@"`, program, ...first]];
}

/** The same as one word for `sh -c`. */
export function shellWord(kind: ProgramKind): string {
  const [program, first] = commandLine(kind);
  return [program, ...first].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

export interface CommandResult {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

export interface RunOptions extends SpawnOptions {
  readonly kind?: ProgramKind;
  readonly stdin?: string | Uint8Array;
}

/** Runs a command to its end. */
export async function sentinel(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const { stdin, kind = ownKind } = options;
  const child = spawnSentinel(kind, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
  // A command that does not read its input may be gone before it is written.
  child.stdin!.on("error", () => {});
  child.stdin!.end(stdin);
  return await resultOf(child, args.join(" "));
}

/** Runs a line of shell, in which `$SENTINEL` is not defined: put `shellWord` in. */
export async function shell(line: string): Promise<CommandResult> {
  const child = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "pipe"], env: environmentWith({}) });
  return await resultOf(child, line);
}

async function resultOf(child: ChildProcess, what: string): Promise<CommandResult> {
  const out = gather(child.stdout);
  const errors = gather(child.stderr);
  const { code } = await ended(child, what, isFullSize ? END_MS_MAX * 20 : END_MS_MAX);
  return { code, out: out(), errors: errors() };
}

/** What a stream has said so far, as text. */
export function gather(stream: ChildProcess["stdout"]): () => string {
  const decoder = new TextDecoder();
  let text = "";
  stream?.on("data", (chunk: Uint8Array) => text += decoder.decode(chunk, { stream: true }));
  return () => text;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Resolves when the process has ended and said everything. One that does not end is killed, and the wait fails. */
export function ended(child: ChildProcess, what: string, timeoutMs: number = END_MS_MAX): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${what} has not ended after ${timeoutMs} ms`));
    }, timeoutMs);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal });
    });
  });
}
