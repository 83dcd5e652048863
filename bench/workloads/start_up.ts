/**
 * `start-up`: from the start of the program to its first acknowledged record, beside a program that only starts; the
 * memory that an idle broker holds; and the same for a broker inside this process, as test suites use it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import type { Figure } from "../figure.ts";
import { askOnce, httpRequest } from "../http_client.ts";
import { compareInRounds } from "../rounds.ts";
import { commandFor, loadAdapter, ROOT } from "../runtime.ts";
import { residentBytes } from "../server_process.ts";
import { median } from "../statistics.ts";
import { type BenchContext, besideFigure, loneFigure, type Workload } from "../workload.ts";

/** A start takes tens of milliseconds; one that takes this long does not come. */
const START_MS_MAX = 30_000;
/** After its start an idle broker gives memory back; how much it then holds is what an operator sees. */
const IDLE_MS = 1_000;
const PRODUCE = httpRequest(
  "POST",
  "/v1/topics/bench/records",
  { "content-type": "application/json" },
  new TextEncoder().encode(JSON.stringify({ records: [{ value: "first" }] })),
);

export const startUp: Workload = {
  name: "start-up",
  summary: "program start to first acknowledged record, idle memory, startBroker in this process; beside a bare start",
  async run(context) {
    // First: what it finds must be as new to this process as it is to a test suite.
    const figures = await measureInProcess(context);
    const { name, command } = brokerCommand(context);
    const idleMegabytes: number[] = [];
    let start = 0;
    const comparison = await compareInRounds(
      context.isSmoke ? 1 : 9,
      () => startBare(context, command),
      () => startBroker(context, [...command, "serve"], start++, idleMegabytes),
    );
    const named = {
      workload: "start-up",
      figure: `${name}_first_ack_ms`,
      unit: "ms",
      beside: "the runtime's bare start",
    };
    const isBinary = name === "binary";
    figures.push(
      besideFigure({ ...named, ...(isBinary ? { target: { of: "value", atMost: 150 } as const } : {}) }, comparison),
      loneFigure({
        workload: "start-up",
        figure: `${name}_idle_mb`,
        unit: "MB",
        ...(isBinary ? { target: { of: "value", atMost: 80 } as const } : {}),
      }, median(idleMegabytes)),
    );
    return figures;
  },
};

/** The compiled binary on Bun (`SENTINEL_BINARY`, or `dist/sentinel`), where there is one; else the program from source. */
function brokerCommand(context: BenchContext): { readonly name: string; readonly command: readonly string[] } {
  const binary = process.env["SENTINEL_BINARY"] ?? `${ROOT}dist/sentinel`;
  if (context.runtime === "bun" && existsSync(binary)) return { name: "binary", command: [binary] };
  return { name: "source", command: commandFor(`adapters/${context.runtime}/main.ts`, []) };
}

/** The binary's own `--help` starts nothing but the runtime and the command line; from source it is an empty program. */
async function startBare({ platform }: BenchContext, command: readonly string[]): Promise<number> {
  const [program, ...args] = command.length === 1 ? [...command, "--help"] : commandFor("bench/servers/nothing.ts", []);
  const startMs = platform.clock.monotonicMs();
  await exitOf(spawn(program!, args, { stdio: "ignore" }));
  return platform.clock.monotonicMs() - startMs;
}

/** Milliseconds to the first acknowledged record, over a data directory that is not there yet. */
async function startBroker(
  context: BenchContext,
  command: readonly string[],
  start: number,
  idleMegabytes: number[],
): Promise<number> {
  const { clock, network } = context.platform;
  const readyPath = `${context.directory}/ready-${start}`;
  const [program, ...args] = command;
  const flags = [
    "--port",
    "0",
    "--http-port",
    "0",
    "--data",
    `${context.directory}/data-${start}`,
    "--ready-file",
    readyPath,
  ];
  const startMs = clock.monotonicMs();
  const child = spawn(program!, [...args, ...flags], { stdio: ["ignore", "ignore", "inherit"] });
  try {
    const port = await readyHttpPort(context, child, readyPath, startMs);
    await askOnce(network, port, PRODUCE);
    const elapsedMs = clock.monotonicMs() - startMs;
    if (!context.isSmoke) await new Promise<void>((resolve) => void setTimeout(resolve, IDLE_MS));
    idleMegabytes.push(await residentBytes(child.pid!) / 1e6);
    return elapsedMs;
  } finally {
    child.kill("SIGTERM");
    await exitOf(child);
  }
}

/** Looks for the ready file every millisecond; a start that fails ends the wait. */
async function readyHttpPort(
  { platform }: BenchContext,
  child: ChildProcess,
  readyPath: string,
  startMs: number,
): Promise<number> {
  while (!existsSync(readyPath)) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`The broker ended with ${child.exitCode}`);
    }
    if (platform.clock.monotonicMs() - startMs > START_MS_MAX) throw new Error("The broker did not become ready");
    await new Promise<void>((resolve) => void setTimeout(resolve, 1));
  }
  const ready = JSON.parse(readFileSync(readyPath, "utf8")) as { readonly http: string };
  return Number(new URL(ready.http).port);
}

function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

type StartBroker = (options: { memory: boolean }) => Promise<AsyncDisposable & { readonly http: string }>;

async function measureInProcess({ platform, isSmoke }: BenchContext): Promise<Figure[]> {
  const { clock, network } = platform;
  const start = (await loadAdapter("testing"))["startBroker"] as StartBroker;
  const measured: number[] = [];
  for (let round = 0; round < (isSmoke ? 2 : 20); round++) {
    const startMs = clock.monotonicMs();
    await using broker = await start({ memory: true });
    await askOnce(network, Number(new URL(broker.http).port), PRODUCE);
    measured.push(clock.monotonicMs() - startMs);
  }
  const target = { of: "value", atMost: 30 } as const;
  const named = { workload: "start-up", unit: "ms", target };
  return [
    loneFigure({ ...named, figure: "in_process_first_ack_cold_ms" }, measured[0]!),
    loneFigure({ ...named, figure: "in_process_first_ack_ms" }, median(measured)),
  ];
}
