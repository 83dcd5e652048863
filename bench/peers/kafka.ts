/**
 * Real Apache Kafka (KRaft, one process that is broker and controller) on loopback, to compare with. Needs Java 17 and
 * Maven; the jars come once from Maven's repository into a folder that the caller chooses.
 *
 *   bun bench/peers/kafka.ts run [key=value…]        starts it, prints its address, runs until it is interrupted
 *   bun bench/peers/kafka.ts tool CLASS [argument…]  runs one of Kafka's own tools, for example
 *                                                    org.apache.kafka.tools.TopicCommand --bootstrap-server … --list
 *
 * `SENTINEL_INTEROP_CACHE` is the folder, default `.interop`. Pairs override server.properties.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { kafkaLibraries, KafkaUnavailable } from "./kafka_libraries.mjs";

const CLUSTER_ID = "SentinelPeerKafkaCluster".slice(0, 22);
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;

export interface RunningKafka extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly libraries: string;
  /** Where its log segments are. */
  readonly dataPath: string;
  readonly processId: number;
  /** From the start of the process, over a formatted folder, to its first answer. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Starts Kafka on free ports over a new folder, which goes with it. `overrides` are lines of server.properties. */
export async function startKafka(
  cache: string,
  overrides: Readonly<Record<string, string>> = {},
  parentFolder: string = tmpdir(),
): Promise<RunningKafka> {
  const libraries = kafkaLibraries(cache);
  const folder = await mkdtemp(join(parentFolder, "sentinel-kafka-"));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const dataPath = join(folder, "data");
  const properties = join(folder, "server.properties");
  const settings = { ...propertiesOf(port, controllerPort, dataPath), ...overrides };
  writeFileSync(properties, Object.entries(settings).map(([key, value]) => `${key}=${value}\n`).join(""));
  const classPath = ["-cp", `${libraries}/*`];
  const formatted = spawnSync(
    "java",
    [...classPath, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties],
    { encoding: "utf8" },
  );
  if (formatted.error !== undefined) throw new KafkaUnavailable(`java: ${formatted.error.message}`);
  if (formatted.status !== 0) throw new Error(`Kafka's folder could not be formatted: ${formatted.stderr}`);
  const log = openSync(join(folder, "server.log"), "w");
  const startedMs = performance.now();
  const child = spawn("java", ["-Xms512m", "-Xmx1g", ...classPath, "kafka.Kafka", properties], {
    stdio: ["ignore", log, log],
  });
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answering(port, child, join(folder, "server.log"));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  const startMs = performance.now() - startedMs;
  const processId = child.pid!;
  return { host: "127.0.0.1", port, libraries, dataPath, processId, startMs, stop, [Symbol.asyncDispose]: stop };
}

function propertiesOf(port: number, controllerPort: number, dataPath: string): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "listeners": `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": dataPath,
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => typeof address === "object" && address !== null ? resolve(address.port) : reject(address));
    });
  });
}

/** Waits until a request for its API versions is answered without an error. */
async function answering(port: number, child: ChildProcess, logPath: string): Promise<void> {
  const deadline = Date.now() + START_MS_MAX;
  while (!await answers(port)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const tail = readFileSync(logPath, "utf8").trim().split("\n").slice(-5).join("\n");
      throw new Error(`Kafka ${child.exitCode === null ? "does not answer" : "ended"}:\n${tail}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port, timeout: 1_000 });
    const settle = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
    socket.once("timeout", () => settle(false));
    // Length 10; ApiVersions (18) version 0, correlation id 1, no client id.
    socket.once("connect", () => socket.write(Buffer.from("0000000a0012000000000001ffff", "hex")));
    socket.once("data", (bytes: Buffer) => settle(bytes.length >= 10 && bytes.readInt16BE(8) === 0));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  const cache = process.env["SENTINEL_INTEROP_CACHE"] ?? ".interop";
  if (command === "tool" && args.length > 0) {
    const run = spawnSync("java", ["-cp", `${kafkaLibraries(cache)}/*`, ...args], { stdio: "inherit" });
    return run.status ?? 1;
  }
  if (command !== "run") {
    console.error("Usage: bun bench/peers/kafka.ts run [key=value…] | tool CLASS [argument…]");
    return 2;
  }
  const overrides = args.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const);
  await using kafka = await startKafka(cache, Object.fromEntries(overrides));
  console.log(`${kafka.host}:${kafka.port}`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  return 0;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
