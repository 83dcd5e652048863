/** Apache Kafka's programs, from its jars in the cache. */
import { spawn, spawnSync } from "node:child_process";
import { kafkaLibraries, KafkaUnavailable } from "../../bench/peers/kafka_libraries.mjs";
import { CannotRun } from "./suite.mjs";

/**
 * The class path of Kafka's tools and client.
 * @param {string} cache
 */
export function kafkaClassPath(cache) {
  let libraries;
  try {
    libraries = kafkaLibraries(cache);
  } catch (error) {
    throw error instanceof KafkaUnavailable ? new CannotRun(error.message) : error;
  }
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  if (java.error !== undefined) throw new CannotRun(`java: ${java.error.message}`);
  return `${libraries}/*`;
}

/** Small heaps and one compiler: these JVMs live for seconds. */
export const JAVA_FLAGS = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];

/** Its Java port starts from −1, so that it complains about every segment that does not start at 0. */
const KNOWN_COMPLAINT = /^Non-consecutive offsets in .*\n(?: *-1 is followed by \d+\n?)+/gm;

/** What Kafka's DumpLogSegments prints; it exits with 0 whatever it finds. */
export function dumpLogSegments(classPath, args) {
  return new Promise((resolve, reject) => {
    const command = [...JAVA_FLAGS, "-cp", classPath, "org.apache.kafka.tools.DumpLogSegments", ...args];
    const child = spawn("java", command, { stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8");
      child[name].on("data", (chunk) => texts[name] += chunk);
    }
    child.on("error", reject);
    child.on("close", () => resolve(texts));
  });
}

/** The first thing in a dump that is not as Kafka wants it, or null. */
export function faultInDump({ stdout, stderr }) {
  const complaint = stderr.replace(KNOWN_COMPLAINT, "").trim();
  if (complaint !== "") return complaint.split("\n").slice(0, 3).join(" | ");
  const bad = stdout.split("\n").find((line) =>
    /isvalid: false|invalid bytes at the end of|Mismatch|mismatch|not found|out of order/.test(line)
  );
  return bad ?? null;
}
