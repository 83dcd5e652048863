/**
 * Kafka reads our files: a broker writes partitions in several segments, with plain and compressed batches, headers and
 * tombstones, and Kafka's own DumpLogSegments checks them: every batch, every index entry, every time entry.
 *
 * The tool exits with 0 whatever it finds. What counts is that stderr is empty and that stdout has no complaint.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { bunPlatform } from "../../adapters/bun/platform.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Codec } from "../../src/platform/compression.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { compressBatch } from "../../src/records/compressed_batch.ts";
import type { RecordInput } from "../../src/records/record.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { dumpLogSegments, faultInDump, kafkaClassPath } from "./kafka_libraries.mjs";
import { cacheDirectory, CannotRun } from "./suite.mjs";

const CODECS: readonly (Codec | "none")[] = ["none", "gzip", "snappy", "lz4", "zstd"];
const BATCHES = 60;

let passed = 0;
let failed = 0;

function check(name: string, fault: string | null): void {
  if (fault === null) passed += 1;
  else failed += 1;
  console.log(fault === null ? `ok      ${name}` : `FAILED  ${name}: ${fault}`);
}

function end(line: string): never {
  console.log(line);
  process.exit(failed > 0 ? 1 : 0);
}

function classPathOrEnd(): string {
  try {
    return kafkaClassPath(cacheDirectory());
  } catch (error) {
    if (error instanceof CannotRun) return end(`cannot run: ${error.message}`);
    throw error;
  }
}

async function batchOf(seed: number, codec: Codec | "none") {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const records: RecordInput[] = Array.from({ length: 1 + seed % 7 }, (_, index) => ({
    key: index % 3 === 0 ? null : utf8(`key ${seed}`),
    value: index % 4 === 3 ? null : utf8(`value ${seed}/${index} `.repeat(1 + seed % 9)),
    headers: index % 2 === 0 ? [] : [{ key: "kind", value: utf8("test") }, { key: "none", value: null }],
    timestamp: Date.now() - 100_000 + ((seed * 7_919) % 50_000) + index,
  }));
  const plain = buildRecordBatch(records, { nowMs: Date.now() });
  return codec === "none" ? plain : await compressBatch(plain, codec, bunPlatform().compression);
}

/** Three idempotent producers by turns. */
function sequencedBatchOf(seed: number) {
  const value = new TextEncoder().encode(`value ${seed}`);
  return buildRecordBatch([{ key: null, value, headers: [] }, { key: null, value: null, headers: [] }], {
    nowMs: Date.now() - 100_000 + seed,
    producerId: BigInt(1_000 + seed % 3),
    producerEpoch: seed % 3,
    baseSequence: 2 * Math.floor(seed / 3),
  });
}

async function writePartitions(dataPath: string): Promise<Map<string, number>> {
  const { broker } = await Broker.open(bunPlatform(), {
    dataPath,
    nodeId: 1,
    durability: "fsync",
    flushIntervalMs: 100,
    autoCreate: false,
    partitionsDefault: 1,
    segmentBytesMin: 1_000,
  });
  const ends = new Map<string, number>();
  for (const interval of ["0", "4096"]) {
    for (const codec of CODECS) {
      const topic = `${codec}-${interval}`;
      await broker.createTopic(topic, {
        config: { "segment.bytes": interval === "0" ? "3000" : "12000", "index.interval.bytes": interval },
      });
      let end = 0;
      for (let seed = 0; seed < BATCHES * (interval === "0" ? 1 : 4); seed++) {
        const ack = await broker.produceBatch(topic, 0, await batchOf(seed, codec), { acks: "leader" });
        end = ack.first + ack.count;
      }
      ends.set(topic, end);
    }
  }
  await broker.createTopic("idempotent", { config: { "segment.bytes": "1000", "index.interval.bytes": "0" } });
  let end = 0;
  for (let seed = 0; seed < BATCHES; seed++) {
    const ack = await broker.produceBatch("idempotent", 0, sequencedBatchOf(seed), { acks: "leader" });
    end = ack.first + ack.count;
  }
  ends.set("idempotent", end);
  await broker.close();
  return ends;
}

const COMPACTED_BATCHES = 200;

/** A compacted partition: batches of all codecs over few keys, with tombstones and a producer, cleaned twice at least. */
async function writeCompacted(dataPath: string): Promise<void> {
  const { broker } = await Broker.open(bunPlatform(), {
    dataPath,
    nodeId: 1,
    durability: "fsync",
    flushIntervalMs: 100,
    autoCreate: false,
    partitionsDefault: 1,
    segmentBytesMin: 1_000,
    cleanerCheckMs: 20,
  });
  const config = { "cleanup.policy": "compact", "segment.bytes": "3000", "index.interval.bytes": "0" };
  await broker.createTopic("compacted", { config: { ...config, "min.cleanable.dirty.ratio": "0" } });
  for (let seed = 0; seed < COMPACTED_BATCHES; seed++) {
    const codec = CODECS[seed % CODECS.length]!;
    const records = Array.from({ length: 1 + seed % 4 }, (_, index): RecordInput => ({
      // Some keys are deleted and never written again: their tombstones stay, wherever the last pass ended.
      key: new TextEncoder().encode(seed % 20 === 0 ? `gone ${seed}` : `key ${(seed * 7 + index) % 23}`),
      value: seed % 20 === 0 || (seed + index) % 5 === 0
        ? null
        : new TextEncoder().encode(`value ${seed}/${index} `.repeat(4)),
      headers: [],
      timestamp: Date.now() - 100_000 + ((seed * 7_919) % 50_000),
    }));
    const producer = seed % 11 === 0 ? { producerId: BigInt(seed), producerEpoch: 0, baseSequence: 0 } : {};
    const plain = buildRecordBatch(records, { nowMs: Date.now(), ...producer });
    const batch = codec === "none" ? plain : await compressBatch(plain, codec, bunPlatform().compression);
    await broker.produceBatch("compacted", 0, batch, { acks: "leader" });
    if (seed === COMPACTED_BATCHES / 2) await passes(broker, 1);
  }
  await passes(broker, broker.counters.cleanerPasses + 1);
  await broker.close();
}

async function passes(broker: Broker, count: number): Promise<void> {
  while (broker.counters.cleanerPasses < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** What compaction writes is what Kafka's compaction writes: the tool complains of the gaps alone, as it does there. */
async function checkCompacted(dataPath: string): Promise<void> {
  await writeCompacted(dataPath);
  const partition = join(dataPath, "compacted-0");
  const files = readdirSync(partition).filter((name) => /\.(log|index|timeindex)$/.test(name)).sort().map((name) =>
    join(partition, name)
  );
  const deep = await dumpLogSegments(classPath, ["--deep-iteration", "--print-data-log", "--files", files.join(",")]);
  const stderr = deep.stderr.split("\n").filter((line: string) =>
    !/^Non-consecutive offsets in |^ *-?\d+ is followed by \d+$/.test(line)
  ).join("\n");
  check("compacted: every batch, record and entry", faultInDump({ stdout: deep.stdout, stderr }));
  const lines: string[] = deep.stdout.split("\n");
  const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
  const records = count(/^\| offset: \d+/);
  check("compacted: records went and records stayed", records > 23 && records < 250 ? null : `${records} are there`);
  const emptied = count(/^baseOffset: \d+ .* count: 0 /);
  check("compacted: batches without records, with their offsets", emptied > 0 ? null : "there is none");
  const horizons = count(/deleteHorizonMs: (OptionalLong\[)?\d+/);
  check("compacted: tombstones with a delete horizon", horizons > 0 ? null : "there is none");
}

/** Kafka reads each producer snapshot: its checksum, and for the last one what the producers wrote last. */
async function checkSnapshots(topic: string, partition: string): Promise<void> {
  const names = readdirSync(partition).filter((name) => name.endsWith(".snapshot")).sort();
  const paths = names.map((name) => join(partition, name));
  const { stdout, stderr } = await dumpLogSegments(classPath, ["--files", paths.join(",")]);
  const producers = topic === "idempotent" ? 3 : 0;
  check(`${topic}: ${names.length} producer snapshots`, names.length < 2 ? "there are too few" : stderr.trim() || null);
  const last = stdout.slice(stdout.lastIndexOf("Dumping ")).split("\n").filter((line: string) =>
    line.startsWith("producerId:")
  );
  const ids = new Set(last.map((line: string) => /^producerId: (\d+)/.exec(line)?.[1]));
  check(`${topic}: ${producers} producers in the last snapshot`, ids.size === producers ? null : last.join(" | "));
  if (producers === 0) return;
  const due = `firstSequence: ${2 * (BATCHES / 3 - 1)} lastSequence: ${2 * (BATCHES / 3) - 1}`;
  const current = [...ids].map((id) => last.findLast((line: string) => line.startsWith(`producerId: ${id} `)) ?? "");
  check(`${topic}: what each wrote last`, current.every((line) => line.includes(due)) ? null : current.join(" | "));
}

const classPath = classPathOrEnd();
await using directory = await makeTemporaryDirectory();
const dataPath = join(directory.path, "data");
for (const [topic, endOffset] of await writePartitions(dataPath)) {
  const partition = join(dataPath, `${topic}-0`);
  const files = readdirSync(partition).filter((name) => /\.(log|index|timeindex)$/.test(name)).sort().map((name) =>
    join(partition, name)
  );
  const logs = files.filter((name) => name.endsWith(".log"));
  const indexed = files.filter((name) => /\.index$/.test(name) && statSync(name).size > 0).length;
  const deep = await dumpLogSegments(classPath, ["--deep-iteration", "--print-data-log", "--files", files.join(",")]);
  check(
    `${topic}: ${logs.length} segments, ${indexed} with index entries: every batch, record and entry`,
    faultInDump(deep),
  );
  await checkSnapshots(topic, partition);
  const records = deep.stdout.split("\n").filter((line: string) => /^\| offset: \d+/.test(line)).length;
  check(`${topic}: ${endOffset} records are printed`, records === endOffset ? null : `${records} are printed`);
  check(
    `${topic}: several segments and index entries were looked at`,
    logs.length > 3 && indexed > 1 ? null : `${logs.length}, ${indexed}`,
  );
  const indexes = files.filter((name) => !name.endsWith(".log"));
  check(
    `${topic}: index sanity`,
    faultInDump(await dumpLogSegments(classPath, ["--index-sanity-check", "--files", indexes.join(",")])),
  );
}
await checkCompacted(join(directory.path, "compacted-data"));
console.log(`${passed} passed, ${failed} failed`);
