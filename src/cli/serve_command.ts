import { isPlatformError } from "../base/errors.ts";
import type { Platform } from "../platform/platform.ts";
import {
  type Command,
  type CommandContext,
  describeError,
  EXIT_DONE,
  EXIT_FAILED,
  parseAddress,
  refuseUsage,
} from "./command.ts";
import { describeFlags, readArguments, settleFlags } from "./flags.ts";
import { type Log, openLog } from "./log_lines.ts";
import { assertMayAdvertise, assertMayListen } from "../server/listen_rules.ts";
import type { Output } from "./output.ts";
import { readConfigFile, serveFlags, type ServeSettings } from "./serve_flags.ts";

/** What a server tells while it starts, in this order. */
export interface StartHooks {
  readonly log: Log;
  dataDirectoryReady(): void;
  loadingSegments(): void;
  /** `highestOffset`: the largest next offset of all partitions. */
  recovered(found: { readonly segments: number; readonly highestOffset: number }): void;
}

/** A server that listens and has recovered. */
export interface RunningServer {
  /** By listener: `binary` as `host:port`, `http` as a URL. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Accepts no more, lets requests finish for at most this long, closes the storage. Idempotent. */
  stop(timeoutMs: number): Promise<void>;
}

export type StartServer = (platform: Platform, settings: ServeSettings, hooks: StartHooks) => Promise<RunningServer>;

export function serveCommand(startServer: StartServer): Command {
  return {
    name: "serve",
    summary: "Run a broker",
    run: (context, args) => run(context, startServer, args),
  };
}

async function run(context: CommandContext, startServer: StartServer, args: readonly string[]): Promise<number> {
  const settings = await readSettings(context, args);
  if (typeof settings === "number") return settings;
  const { output, platform, terminal } = context;
  const stop = listenForStop(context);
  const startMs = platform.clock.monotonicMs();
  const where = settings.memory ? "memory" : settings.data;
  await output.lineNow(`Starting Sentinel server on port ${settings.port} (data: ${where})`);
  let isRecovered = false;
  let server: RunningServer | null = null;
  try {
    if (settings.readyFile !== undefined) await removeFile(platform, settings.readyFile);
    const log = openLog(terminal, platform.clock, settings.logFormat);
    server = await startServer(platform, settings, startHooks(output, log, where, () => isRecovered = true));
    await announce(context, settings, { server, startMs });
  } catch (thrown) {
    // It listens, but cannot say so: the ready file cannot be written.
    await server?.stop(0);
    const what = server !== null
      ? "Server error: failed to announce"
      // The seeds' texts (facts X1): what fails after the recovery is the listening.
      : isRecovered
      ? "Server error: failed to listen"
      : "Failed to create server: failed to open storage";
    await output.error(`${what}: ${describeError(thrown)}`);
    return EXIT_FAILED;
  }
  await stop.asked;
  // Standard output may be a file on a full disk: the storage is to be closed all the same.
  await output.lineNow("\nShutting down...").catch(() => {});
  try {
    await server.stop(settings.shutdownTimeoutMs);
  } catch (thrown) {
    await output.error(`Failed to stop cleanly: ${describeError(thrown)}`);
    return EXIT_FAILED;
  }
  stop.cancel();
  return EXIT_DONE;
}

/** The checked settings, or the exit code of a command that ends here. */
async function readSettings(context: CommandContext, args: readonly string[]): Promise<ServeSettings | number> {
  const { output, platform, terminal } = context;
  const given = readArguments(serveFlags, args);
  if (given.kind === "help") {
    await output.lineNow(`Usage of serve:\n${describeFlags(serveFlags)}`.trimEnd());
    return EXIT_DONE;
  }
  const wrong = (message: string): Promise<number> => refuseUsage(context, "serve", serveFlags, message);
  if (given.kind === "fault") return await wrong(given.message);
  if (given.positionals.length > 0) return await wrong(`Unexpected argument: ${given.positionals[0]}`);
  const path = given.flags.get("config") ?? terminal.environment.get("SENTINEL_CONFIG");
  let config: Readonly<Record<string, unknown>> = {};
  if (typeof path === "string") {
    try {
      config = await readConfigFile(platform.disk, path);
    } catch (thrown) {
      return await wrong(`-config: ${describeError(thrown)}`);
    }
  }
  const settled = settleFlags(serveFlags, given, { environment: terminal.environment, config });
  if (settled.kind === "fault") return await wrong(settled.message);
  const { advertise, host, insecure, port } = settled.values;
  try {
    assertMayListen(host, insecure);
  } catch (thrown) {
    return await wrong(`-host: ${describeError(thrown)}`);
  }
  const advertised = advertise === undefined ? null : parseAddress(advertise);
  if (advertise !== undefined && advertised === null) {
    return await wrong(`-advertise: ${advertise} is not host:port`);
  }
  try {
    assertMayAdvertise(host, port, advertised);
  } catch (thrown) {
    return await wrong(`-${advertised === null ? "host" : "advertise"}: ${describeError(thrown)}`);
  }
  return settled.values;
}

/** The seeds' lines (facts Y19), as the server gets there. */
function startHooks(output: Output, log: Log, where: string, onRecovered: () => void): StartHooks {
  output.line("[INFO] Sentry Broker Starting…");
  return {
    log,
    dataDirectoryReady: () => output.line(`[INFO] Data directory ready: ${where}`),
    loadingSegments: () => output.line("[INFO] Loading log segments from disk…"),
    recovered: ({ segments, highestOffset }) => {
      onRecovered();
      output.line(`[INFO] Loaded ${segments} log segments from disk`);
      output.line(`[INFO] Recovered offsets up to ${highestOffset}`);
    },
  };
}

async function announce(
  { output, platform, terminal }: CommandContext,
  settings: ServeSettings,
  { server, startMs }: { readonly server: RunningServer; readonly startMs: number },
): Promise<void> {
  const { addresses } = server;
  const port = addresses["binary"]?.split(":").at(-1) ?? settings.port;
  output.line("[INFO] Listening for producer connections…");
  output.line(`Sentinel server listening on port ${port}`);
  for (const [name, address] of Object.entries(addresses)) output.line(`${name}: ${address}`);
  if (settings.readyFile !== undefined) {
    await writeFile(platform, settings.readyFile, JSON.stringify({ ...addresses, pid: terminal.processId }));
  }
  await output.lineNow(`ready in ${Math.round(platform.clock.monotonicMs() - startMs)} ms`);
}

/** The first signal asks for a stop, the second one ends the process at once. */
function listenForStop({ terminal }: CommandContext): { readonly asked: Promise<void>; readonly cancel: () => void } {
  let isAsked = false;
  let cancel: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    cancel = terminal.onStop(() => {
      if (isAsked) terminal.exitNow(EXIT_FAILED);
      isAsked = true;
      resolve();
    });
  });
  return { asked, cancel: () => cancel() };
}

/** Whole or not there: whoever waits for the file may read it as soon as it exists. */
async function writeFile({ disk }: Platform, path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await removeFile({ disk }, temporary);
  const file = await disk.open(temporary, "create");
  await file.writeAt(0, [new TextEncoder().encode(`${content}\n`)]);
  await file.close();
  await disk.rename(temporary, path);
}

/** An old file must not say that a broker is ready which only starts. */
async function removeFile({ disk }: Pick<Platform, "disk">, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (thrown) {
    if (!isPlatformError(thrown, "not_found")) throw thrown;
  }
}
