/** A broker of this tree in a process of its own, for suites that Node.js runs too. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { BUN, DENO, ROOT } from "../../tools/paths.mjs";
import { DENO_PERMISSIONS } from "../../tools/start.mjs";

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const POLL_MS = 10;

/** The program and its first arguments: `sentinel` from source. */
export function commandLine(runtime) {
  if (runtime === "bun") return [BUN, join(ROOT, "adapters/bun/main.ts")];
  return [DENO, "run", "--config", join(ROOT, "deno.json"), ...DENO_PERMISSIONS, join(ROOT, "adapters/deno/main.ts")];
}

/**
 * Starts it on free ports, in memory or over `dataPath`. `address` is what Kafka clients take; `stop` ends it in order
 * and throws, with what it said on stderr, when it ends badly.
 */
export async function startBroker(runtime, { dataPath, args = [] } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "sentinel-clients-"));
  const readyFile = join(directory, "ready.json");
  const [program, ...first] = commandLine(runtime);
  const where = dataPath === undefined ? ["--memory"] : ["--data", dataPath];
  // A group of tests has all its members at once: nothing to wait for.
  const own = ["--group-initial-rebalance-delay-ms", "0", "--ready-file", readyFile];
  const flags = ["serve", "--port", "0", "--http-port", "0", ...where, ...own, ...args];
  const child = spawn(program, [...first, ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => errors = (errors + chunk).slice(-20_000));
  const exited = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
  for (let waitedMs = 0; !existsSync(readyFile); waitedMs += POLL_MS) {
    if (child.exitCode !== null || waitedMs > READY_MS_MAX) {
      child.kill("SIGKILL");
      throw new Error(`The broker did not start on ${runtime}: ${errors}`);
    }
    await pause(POLL_MS);
  }
  return {
    address: JSON.parse(readFileSync(readyFile, "utf8")).binary,
    processId: child.pid,
    errors: () => errors,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
      const code = await exited;
      clearTimeout(timer);
      rmSync(directory, { recursive: true, force: true });
      if (code !== 0) throw new Error(`The broker on ${runtime} ended with ${code}: ${errors}`);
    },
  };
}

/** The keys of the APIs that a broker offers. */
export async function apisOf(address) {
  const at = address.lastIndexOf(":");
  const socket = connect(Number(address.slice(at + 1)), address.slice(0, at));
  // Length 10; ApiVersions (18) version 0, correlation id 1, no client id.
  socket.write(Buffer.from("0000000a0012000000000001ffff", "hex"));
  let answer = Buffer.alloc(0);
  while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
    const [chunk] = await once(socket, "data");
    answer = Buffer.concat([answer, chunk]);
  }
  socket.destroy();
  return Array.from({ length: answer.readInt32BE(10) }, (_, index) => answer.readInt16BE(14 + index * 6));
}

/**
 * Another broker in place of ours: `SENTINEL_KAFKA_PEER=HOST:PORT`. A suite is known to be right when it passes against
 * Apache Kafka.
 */
export function peerAddress() {
  return process.env.SENTINEL_KAFKA_PEER ?? null;
}
