/** The clients that load brokers beside each other: the same program with the same settings for each. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../runtime.ts";

/** Where jars and packages are kept between runs; the interop suites use the same. */
export const CACHE: string = process.env["SENTINEL_INTEROP_CACHE"] ?? `${ROOT}.interop`;
const CONFLUENT_VERSION = "2.16.1";
const PROGRAM = new URL("./confluent_load.py", import.meta.url).pathname;

/** Installs confluent-kafka-python into the cache, once. */
export function installConfluent(): void {
  const packages = confluentPackages();
  if (existsSync(packages)) return;
  const args = ["-m", "pip", "install", "-q", "--target", packages, `confluent-kafka==${CONFLUENT_VERSION}`];
  const run = spawnSync("python3", args, { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`confluent-kafka-python cannot be installed: ${run.error ?? run.stderr}`);
}

function confluentPackages(): string {
  return join(CACHE, `confluent-kafka-${CONFLUENT_VERSION}`);
}

/** Runs `confluent_load.py`; what it can do and answers stands there. */
export async function confluent(port: number, options: object): Promise<Readonly<Record<string, number>>> {
  const args = [PROGRAM, `127.0.0.1:${port}`, JSON.stringify(options)];
  const env = { ...process.env, PYTHONPATH: confluentPackages(), PYTHONDONTWRITEBYTECODE: "1" };
  return JSON.parse(await outputOf("python3", args, env)) as Record<string, number>;
}

/** Kafka's own ProducerPerformance; records a second. */
export async function producerPerformance(
  libraries: string,
  port: number,
  load: { readonly topic: string; readonly records: number; readonly bytes: number },
): Promise<number> {
  const out = await outputOf("java", [
    "-Xmx512m",
    "-cp",
    `${libraries}/*`,
    "org.apache.kafka.tools.ProducerPerformance",
    ...["--topic", load.topic, "--num-records", String(load.records), "--record-size", String(load.bytes)],
    ...["--throughput", "-1", "--command-property", `bootstrap.servers=127.0.0.1:${port}`, "acks=all"],
    ...["linger.ms=5", "batch.size=1000000"],
  ], process.env);
  const found = [...out.matchAll(/records sent, ([\d.]+) records\/sec/g)].at(-1);
  if (found === undefined) throw new Error(`ProducerPerformance says ${out}`);
  return Number(found[1]);
}

function outputOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let errors = "";
  child.stdout.on("data", (chunk) => out += String(chunk));
  child.stderr.on("data", (chunk) => errors = (errors + String(chunk)).slice(-2_000));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on(
      "close",
      (code) => code === 0 ? resolve(out) : reject(new Error(`${command} ended with ${code}: ${errors}`)),
    );
  });
}

/** Takes a folder's files out of the page cache, as far as they are on the disk: the next reader waits for the disk. */
export async function dropFromPageCache(folder: string): Promise<void> {
  const code = "import os,sys\nos.sync()\nfor d,_,fs in os.walk(sys.argv[1]):\n  for f in fs:\n" +
    "    n=os.open(os.path.join(d,f),os.O_RDONLY); os.posix_fadvise(n,0,0,os.POSIX_FADV_DONTNEED); os.close(n)";
  await outputOf("python3", ["-c", code, folder], process.env);
}

/**
 * Uses memory and frees it, so that a virtual machine has it from its host when the page cache grows: otherwise whoever
 * is measured pays for it or does not, by what ran before (measured: 0.2 s or 2.5 s of the kernel's time for 1 GB).
 */
export async function touchMemory(bytes: number): Promise<void> {
  const code = "import mmap,sys\nm=mmap.mmap(-1,int(sys.argv[1]))\nfor at in range(0,len(m),4096): m[at]=1";
  await outputOf("python3", ["-c", code, String(bytes)], process.env);
}
