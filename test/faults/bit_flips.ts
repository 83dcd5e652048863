/** Bits that turn on the disk while nobody looks: `log verify` names file and position, and no reader gets one. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SentinelError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import { isBatchFault, parseRecordBatch } from "../../src/records/record_batch.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { BrokerProcess, startBroker } from "../processes/broker_process.ts";
import { Ledger } from "../processes/ledger.ts";
import { LOAD_TOPICS, makeLoadTopics, startLoad } from "../processes/load.ts";
import { type ProgramKind, sentinel } from "../processes/sentinel_command.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault, FaultFigures, FaultRun } from "./fault.ts";

/** Enough for the topic with small segments to have several. */
const RECORDS = 6_000;
/** One flip in so many is in another file than a segment: it may cost the partition, never a wrong answer. */
const OTHER_FILE_ONE_IN = 10;
const PARTITIONS: readonly (readonly [topic: string, partition: number])[] = [
  ["spread", 0],
  ["spread", 1],
  ["spread", 2],
  ["rolling", 0],
];

interface Place {
  /** Below the data directory. */
  readonly path: string;
  readonly byte: number;
  /** Where the batch begins that holds the byte; null in a file that is no segment. */
  readonly batchPosition: number | null;
}

/** A broker's directory after a clean stop: all of it is below the recovery point. */
async function makeData(kind: ProgramKind, path: string, ledger: Ledger): Promise<void> {
  await using broker = await startBroker({ kind, dataPath: path });
  await makeLoadTopics(broker);
  const load = startLoad(broker, ledger, 1);
  await load.acknowledged(RECORDS);
  load.stop();
  await load.ended;
  assert.deepEqual(await broker.stop(), { code: 0, signal: null }, broker.errors);
}

/** All files that bits can turn in, by kind. */
async function listFiles(path: string): Promise<{ readonly segments: string[]; readonly others: string[] }> {
  const names = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== ".lock")
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
  return {
    segments: names.filter((name) => name.endsWith(".log")).sort(),
    others: names.filter((name) => !name.endsWith(".log")).sort(),
  };
}

function batchPositionOf(bytes: Uint8Array, byte: number): number {
  for (let at = 0; at < bytes.length;) {
    const batch = parseRecordBatch(bytes, at, { verifyCrc: true, batchBytesMax: LIMITS.batchBytesMax });
    assert.ok(!isBatchFault(batch), "The directory is damaged before the first flip");
    if (byte < at + batch.sizeBytes) return at;
    at += batch.sizeBytes;
  }
  return assert.fail("The byte lies behind the last batch");
}

/** Turns one bit; where. */
async function flip(random: SeededRandom, path: string, files: readonly string[]): Promise<Place> {
  while (true) {
    const name = random.pick(files);
    const file = join(path, name);
    const bytes = new Uint8Array(await readFile(file));
    if (bytes.length === 0) continue;
    // Each file is as likely, whatever its size; and each byte of it.
    const byte = random.below(bytes.length);
    const batchPosition = name.endsWith(".log") ? batchPositionOf(bytes, byte) : null;
    bytes[byte]! ^= 1 << random.below(8);
    await writeFile(file, bytes);
    return { path: name, byte, batchPosition };
  }
}

interface Served {
  records: number;
  refusals: number;
}

/** Reads every partition as far as it goes: each record that comes is the one that was acknowledged there. */
async function readAll(broker: BrokerProcess, ledger: Ledger, what: string): Promise<Served> {
  const served: Served = { records: 0, refusals: 0 };
  const client = await broker.connect();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (const [topic, partition] of PARTITIONS) {
    for (let offset = 0;;) {
      let page;
      try {
        page = await client.fetch({ topic, partition, offset, maxRecords: 10_000, maxBytes: 8 * 1024 * 1024 });
      } catch (thrown) {
        assert.ok(thrown instanceof SentinelError, String(thrown));
        assert.ok(
          ["storage_error", "unknown_topic"].includes(thrown.code),
          `${what}: ${thrown.code} ${thrown.message}`,
        );
        served.refusals += 1;
        break;
      }
      for (const record of page.records) {
        const value = record.value === null ? null : decoder.decode(record.value);
        const expected = ledger.acknowledgedAt(topic, partition, record.offset);
        assert.equal(value, expected, `${what}: ${topic}-${partition} offset ${record.offset} is served changed`);
        offset = record.offset + 1;
        served.records += 1;
      }
      if (page.records.length > 0) continue;
      const isWhole = ledger.acknowledgedAt(topic, partition, offset) === undefined;
      assert.ok(isWhole, `${what}: ${topic}-${partition} ends at ${offset} and says nothing of what is lost`);
      break;
    }
  }
  client.close();
  return served;
}

async function verifyNames(kind: ProgramKind, path: string, place: Place): Promise<void> {
  const verified = await sentinel(["log", "verify", path], { kind });
  const line = `${join(path, place.path)} at ${place.batchPosition}:`;
  const what = `a bit in byte ${place.byte} of ${place.path}: ${verified.out}${verified.errors}`;
  assert.equal(verified.code, 1, `Not found was ${what}`);
  assert.ok(verified.out.includes(line), `Not named (${line}) was ${what}`);
}

/** A trial: one bit in a copy of a directory, `log verify`, a start, and everything read. */
export const bitFlips: Fault = {
  name: "bit-flips",
  summary: "single bits on disk while stopped: `log verify` names the file and the batch, no reader gets it",
  cycles: 500,
  async run({ kind, cycles, seed, onProgress }: FaultRun): Promise<FaultFigures> {
    const random = new SeededRandom(seed);
    await using directory = await makeTemporaryDirectory();
    const whole = join(directory.path, "whole");
    const path = join(directory.path, "data");
    const ledger = new Ledger();
    await makeData(kind, whole, ledger);
    const files = await listFiles(whole);
    assert.ok(
      files.segments.length > PARTITIONS.length + 1,
      "No segment was rolled, so none that is sealed can be hit",
    );
    let inSegments = 0;
    let refusedStarts = 0;
    const total: Served = { records: 0, refusals: 0 };
    for (let done = 0; done < cycles; done++) {
      await rm(path, { recursive: true, force: true });
      await cp(whole, path, { recursive: true });
      const isOther = (done + 1) % OTHER_FILE_ONE_IN === 0;
      const place = await flip(random, path, isOther ? files.others : files.segments);
      const what = `a bit in byte ${place.byte} of ${place.path}`;
      if (!isOther) {
        inSegments += 1;
        await verifyNames(kind, path, place);
      }
      const isTopic = LOAD_TOPICS.some((topic) => place.path.startsWith(`${topic}-`));
      await using broker = new BrokerProcess({ kind, dataPath: path });
      const isReady = await broker.ready().then(() => true, () => false);
      if (isReady) {
        const served = await readAll(broker, ledger, what);
        total.records += served.records;
        total.refusals += served.refusals;
        if (!isOther && isTopic) assert.ok(served.refusals > 0, `${what}: everything is served and nothing refused`);
      } else {
        // The broker's own log or identity: it says which file, and does not start.
        assert.equal((await broker.exited).code, 1, `${what}: ${broker.errors}`);
        assert.match(broker.errors, /storage_error: /);
        assert.ok(!isTopic, `${what}: one partition's damage keeps the broker from starting: ${broker.errors}`);
        refusedStarts += 1;
      }
      await broker.kill();
      onProgress(done + 1, `${total.records} records read`);
    }
    return {
      trials: cycles,
      inSegments,
      named: inSegments,
      refusedStarts,
      refusedReads: total.refusals,
      recordsRead: total.records,
      served: 0,
    };
  },
};
