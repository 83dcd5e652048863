/**
 * What the suites of Kafka clients share: a broker over files, a client's run against it, then every file that the run
 * left behind checked by Kafka's own DumpLogSegments.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { peerAddress, startBroker } from "../clients/broker_process.mjs";
import { ClientRun } from "../clients/client_run.mjs";
import { dumpLogSegments, faultInDump, kafkaClassPath } from "./kafka_libraries.mjs";

/** The host lacks something: the suite says so and counts nothing. */
export class CannotRun extends Error {}

/** Clients that cannot create topics need some with several partitions; a peer is started with the same. */
export const PARTITIONS_DEFAULT = 4;

/** Where suites put what they install. */
export function cacheDirectory() {
  const cache = process.env.SENTINEL_INTEROP_CACHE;
  if (cache === undefined) throw new CannotRun("SENTINEL_INTEROP_CACHE is not set");
  mkdirSync(cache, { recursive: true });
  return cache;
}

/**
 * Runs a command that installs something; throws CannotRun with its last words when it fails.
 * @returns what it printed
 */
export function install(command, args, options = {}) {
  const run = spawnSync(command, args, { encoding: "utf8", timeout: 400_000, ...options });
  if (run.error !== undefined) throw new CannotRun(`${command}: ${run.error.message}`);
  if (run.status !== 0) {
    const words = `${run.stdout}\n${run.stderr}`.trim().split("\n").slice(-3).join(" | ");
    throw new CannotRun(`${command} ${args[0]} failed: ${words}`);
  }
  return run.stdout;
}

/**
 * One suite from its start to its last line. `prepare(cache)` installs and gives back whatever `run` needs, with
 * `version` for the table; `run(clientRun, address, prepared)` makes the checks; `codecs` maps endings of topic names to
 * the codec that their segments must be in.
 */
export async function runSuite(name, { prepare, run, codecs = {} }) {
  try {
    const cache = cacheDirectory();
    const prepared = await prepare(cache);
    const clientRun = new ClientRun(name, prepared.version);
    const peer = peerAddress();
    if (peer !== null) await run(clientRun, peer, prepared);
    else await runAgainstOwn(clientRun, cache, codecs, (address) => run(clientRun, address, prepared));
    clientRun.save();
    console.log(`${clientRun.count("ok")} passed, ${clientRun.count("failed")} failed`);
    process.exit(clientRun.count("failed") === 0 ? 0 : 1);
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error;
    console.log(`cannot run: ${error.message}`);
    process.exit(0);
  }
}

async function runAgainstOwn(clientRun, cache, codecs, run) {
  const directory = mkdtempSync(join(tmpdir(), "sentinel-interop-"));
  const dataPath = join(directory, "data");
  const runtime = process.env.SENTINEL_INTEROP_RUNTIME ?? "bun";
  try {
    const broker = await startBroker(runtime, { dataPath, args: ["--partitions", String(PARTITIONS_DEFAULT)] });
    try {
      await run(broker.address);
    } finally {
      await broker.stop().catch((error) => clientRun.add("failed", "the broker", error.message));
    }
    await checkFiles(clientRun, cache, dataPath, codecs);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Kafka reads every partition that the clients wrote, and the batches are in the codec that the producer chose. */
async function checkFiles(clientRun, cache, dataPath, codecs) {
  let classPath;
  try {
    classPath = kafkaClassPath(cache);
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error;
    console.log(`        the files are not checked: ${error.message}`);
    return;
  }
  const files = readdirSync(dataPath, { recursive: true }).map((path) => join(dataPath, String(path)))
    .filter((path) => /-\d+\/\d{20}\.(log|index|timeindex|snapshot)$/.test(path) && statSync(path).size > 0)
    .filter((path) => !path.includes("/__cluster_metadata-")).sort();
  const dump = await dumpLogSegments(classPath, ["--deep-iteration", "--files", files.join(",")]);
  const fault = faultInDump(dump);
  const logs = files.filter((path) => path.endsWith(".log")).length;
  const what = `Kafka's DumpLogSegments reads the ${logs} segments and their indexes`;
  clientRun.add(fault === null && logs > 0 ? "ok" : "failed", "files", fault === null ? what : `${what}: ${fault}`);
  for (const [ending, codec] of Object.entries(codecs)) {
    const found = codecsOf(dump.stdout, ending);
    const isRight = found.length === 1 && found[0] === codec;
    const text = `topics …${ending} are stored in ${codec}`;
    clientRun.add(
      isRight ? "ok" : "failed",
      "files",
      isRight ? text : `${text}: found ${found.join(", ") || "nothing"}`,
    );
  }
}

/** The codecs of the batches in the topics whose names hold `part`. */
function codecsOf(dump, part) {
  const found = new Set();
  let isOurs = false;
  for (const line of dump.split("\n")) {
    const file = /^Dumping .*\/([^/]+)-\d+\/\d{20}\.log$/.exec(line);
    if (file !== null) isOurs = file[1].includes(part);
    const codec = /^baseOffset: .* compresscodec: (\w+)/.exec(line);
    if (isOurs && codec !== null) found.add(codec[1]);
  }
  return [...found];
}
