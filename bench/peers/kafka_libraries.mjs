/** Apache Kafka's jars: they come once from Maven's repository, into a folder that the caller chooses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const POM = fileURLToPath(new URL("./kafka.pom.xml", import.meta.url));
const FETCH_MS_MAX = 300_000;

/** Why Kafka cannot be run on this host: Java or Maven is missing, or the jars cannot be had. */
export class KafkaUnavailable extends Error {
  name = "KafkaUnavailable";
}

/**
 * The folder with the jars, below `cache`.
 * @param {string} cache
 * @returns {string}
 */
export function kafkaLibraries(cache) {
  const libraries = join(cache, "kafka");
  if (existsSync(libraries)) return libraries;
  mkdirSync(cache, { recursive: true });
  const part = `${libraries}.part`;
  const args = ["-q", "-B", "-f", POM, "dependency:copy-dependencies", `-DoutputDirectory=${part}`];
  const copied = spawnSync("mvn", args, { encoding: "utf8", timeout: FETCH_MS_MAX });
  if (copied.error !== undefined) throw new KafkaUnavailable(`mvn: ${copied.error.message}`);
  if (copied.status !== 0) {
    const line = copied.stdout.split("\n").find((text) => text.includes("ERROR")) ?? copied.stderr.trim();
    throw new KafkaUnavailable(`mvn failed: ${line}`);
  }
  renameSync(part, libraries);
  return libraries;
}
