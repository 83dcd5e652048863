/**
 * Our declarations of Kafka's messages say what Kafka's own definitions say: those that lie in its jars, one check for
 * each schema.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  DECLARED_SCHEMAS,
  type Definition,
  describeDefinition,
  describeSchema,
  differences,
  parseDefinition,
} from "../../tools/kafka_schemas.ts";
import { kafkaClassPath } from "./kafka_libraries.mjs";
import { cacheDirectory, CannotRun } from "./suite.mjs";

/** The jars that have definitions of what we declare: APIs, records of internal topics, the producer snapshot. */
const JARS = /^kafka-(?:clients|group-coordinator|storage)-[\d.]+\.jar$/;

function unpack(libraries: string, folder: string): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const jar of readdirSync(libraries).filter((name) => JARS.test(name))) {
    const run = spawnSync("unzip", ["-q", "-o", "-j", join(libraries, jar), "*message/*.json", "-d", folder], {
      encoding: "utf8",
    });
    if (run.error !== undefined) throw new CannotRun(`unzip: ${run.error.message}`);
    if (run.status !== 0) throw new CannotRun(`unzip ${jar}: ${run.stderr.trim()}`);
  }
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Prints a line for each schema; the number of those that differ. */
function compare(files: readonly string[]): number {
  const defined = new Map<string, Definition>();
  for (const file of files) {
    const definition = parseDefinition(readFileSync(file, "utf8"));
    defined.set(definition.name, definition);
  }
  let failed = 0;
  for (const schema of DECLARED_SCHEMAS) {
    const definition = defined.get(schema.name);
    const faults = definition === undefined
      ? ["Kafka's jars do not define it"]
      : differences(describeDefinition(definition), describeSchema(schema));
    console.log(`${faults.length === 0 ? "ok    " : "FAILED"}  ${schema.name}`);
    for (const fault of faults) console.log(`        ${fault}`);
    if (faults.length > 0) failed += 1;
  }
  return failed;
}

function main(): number {
  try {
    const cache = cacheDirectory();
    const libraries = kafkaClassPath(cache).replace(/\/\*$/, "");
    const failed = compare(unpack(libraries, join(cache, "definitions")));
    console.log(`${DECLARED_SCHEMAS.length - failed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error;
    console.log(`cannot run: ${error.message}`);
    return 0;
  }
}

process.exit(main());
