/**
 * The Kafka clients of the JavaScript world against this broker, on both of its runtimes: kafkajs and @platformatic/kafka,
 * run by Node.js, where they live, and by Bun; once more with topics in the node's tree. Part of `npm test`; ends with
 * `N passed, N failed`.
 *
 * `SENTINEL_KAFKA_PEER=HOST:PORT node test/clients/main.mjs` runs the same against another broker.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { BUN, ROOT } from "../../tools/paths.mjs";
import { peerAddress, startBroker } from "./broker_process.mjs";
import { ClientRun } from "./client_run.mjs";

const CLIENTS = { kafkajs: "kafkajs", platformatic: "@platformatic/kafka" };

function versionOf(packageName) {
  return JSON.parse(readFileSync(join(ROOT, "node_modules", packageName, "package.json"), "utf8")).version;
}

/** Each broker is used by both clients at once: they have topics and groups of their own. */
async function runClients(address, command, runtime, isInTree = false) {
  const runs = Object.entries(CLIENTS).map(async ([file, packageName]) => {
    const where = `${runtime.split(" ")[0]}${isInTree ? ", topics in the tree" : ""}`;
    const run = new ClientRun(`${packageName} on ${where}`, `${versionOf(packageName)}, ${runtime}`);
    await run.program(command, [join(ROOT, `test/clients/${file}.mjs`), address]);
    if (!isInTree) run.save();
    return run;
  });
  return await Promise.all(runs);
}

async function runAgainstOwn(brokerRuntime, command, runtime, isInTree = false) {
  const broker = await startBroker(brokerRuntime, { args: isInTree ? ["--storage-engine", "lsm"] : [] });
  const runs = await runClients(broker.address, command, runtime, isInTree);
  try {
    await broker.stop();
  } catch (error) {
    runs[0].add("failed", "the broker", error.message);
  }
  return runs;
}

const node = `Node.js ${process.versions.node}`;
const bun = `Bun ${spawnSync(BUN, ["--version"], { encoding: "utf8" }).stdout.trim()}`;
const peer = peerAddress();
const runs = peer === null
  ? [
    ...await runAgainstOwn("bun", process.execPath, node),
    ...await runAgainstOwn("deno", BUN, bun),
    ...await runAgainstOwn("bun", process.execPath, node, true),
  ]
  : [...await runClients(peer, process.execPath, node), ...await runClients(peer, BUN, bun)];
const sum = (result) => runs.reduce((total, run) => total + run.count(result), 0);
console.log(`${sum("ok")} passed, ${sum("failed")} failed`);
process.exit(sum("failed") === 0 ? 0 : 1);
