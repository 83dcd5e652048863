/** A web server's log through the whole program and back, byte for byte: by pipe and CLI, and over HTTP in CBOR. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decode, encode } from "cborg";
import { ROOT } from "../../tools/paths.mjs";
import { accessLog } from "../../tools/access_log.mjs";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { type BrokerProcess, startBroker } from "./broker_process.ts";
import { isFullSize, ownKind, shell, shellWord } from "./sentinel_command.ts";

const LINES = isFullSize ? 1_000_000 : 20_000;
const SEED = 3;
const LF = 0x0a;
/** What `GET /v1/limits` allows in one request. */
const REQUEST_RECORDS_MAX = 1_000;
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
/** Of a record's map in CBOR, beyond its value. */
const RECORD_FORM_BYTES = 64;

test(`a log of ${LINES} lines goes through a pipe and comes back byte for byte`, async () => {
  await using directory = await makeTemporaryDirectory();
  await using broker = await startBroker({ dataPath: join(directory.path, "data") });
  const input = join(directory.path, "input.log");
  const output = join(directory.path, "output.log");
  const program = shellWord(ownKind);
  const generator = `node '${join(ROOT, "tools/access_log.mjs")}' --lines ${LINES} --seed ${SEED}`;
  const startMs = performance.now();
  const produced = await shell(
    `${generator} | tee '${input}' | ${program} produce -topic access -broker ${broker.binary}`,
  );
  const producedMs = performance.now();
  assert.equal(produced.out, `✓ Produced ${LINES} record(s) to access (offset: 0)\n`);
  assert.deepEqual([produced.code, produced.errors], [0, ""]);
  const consumed = await shell(`${program} consume -topic access --raw -broker ${broker.binary} > '${output}'`);
  const consumedMs = performance.now();
  assert.deepEqual([consumed.code, consumed.errors], [0, ""]);
  const [sent, received] = await Promise.all([readFile(input), readFile(output)]);
  assert.ok(sent.at(-1) !== LF, "the log's last line is to have no LF");
  // Each value comes with an LF, the last one too.
  assert.ok(received.at(-1) === LF && sent.equals(received.subarray(0, -1)), "what came back is not what was sent");
  report("CLI", sent.length, producedMs - startMs, consumedMs - producedMs);
});

test(`a log of ${LINES} lines goes over HTTP in CBOR and comes back byte for byte`, async () => {
  await using directory = await makeTemporaryDirectory();
  await using broker = await startBroker({ dataPath: join(directory.path, "data") });
  const input = join(directory.path, "input.log");
  await writeFile(input, accessLog(LINES, SEED));
  const sent = await readFile(input);
  const startMs = performance.now();
  assert.equal(await produceByHttp(broker, sent), LINES);
  const producedMs = performance.now();
  await readByHttp(broker, sent);
  report("HTTP", sent.length, producedMs - startMs, performance.now() - producedMs);
});

/** Returns the number of lines. */
async function produceByHttp(broker: BrokerProcess, log: Uint8Array): Promise<number> {
  let records: { readonly value: Uint8Array }[] = [];
  let bytes = 0;
  let sentCount = 0;
  const send = async (): Promise<void> => {
    const response = await fetch(`${broker.http}/v1/topics/access/records`, {
      method: "POST",
      headers: { "content-type": "application/cbor", accept: "application/cbor" },
      body: encode({ records }),
    });
    const answer = await cborOf(response);
    assert.equal(response.status, 200, answer.detail);
    assert.deepEqual(answer.acks, [{ partition: 0, first: sentCount, count: records.length }]);
    assert.equal(answer.durability, "fsync");
    sentCount += records.length;
    records = [];
    bytes = 0;
  };
  for (let at = 0; at < log.length;) {
    const end = log.indexOf(LF, at) < 0 ? log.length : log.indexOf(LF, at);
    const value = log.subarray(at, end);
    if (records.length === REQUEST_RECORDS_MAX || bytes + value.length + RECORD_FORM_BYTES > REQUEST_BYTES_MAX) {
      await send();
    }
    records.push({ value: new Uint8Array(value) });
    bytes += value.length + RECORD_FORM_BYTES;
    at = end + 1;
  }
  await send();
  return sentCount;
}

async function readByHttp(broker: BrokerProcess, log: Uint8Array): Promise<void> {
  let next = 0;
  let at = 0;
  while (at < log.length) {
    const query = `from=${next}&limit=${REQUEST_RECORDS_MAX}&maxBytes=${REQUEST_BYTES_MAX}`;
    const response = await fetch(`${broker.http}/v1/topics/access/partitions/0/records?${query}`, {
      headers: { accept: "application/cbor" },
    });
    const page = await cborOf(response);
    assert.equal(response.status, 200, page.detail);
    assert.ok(page.records.length > 0, `no more records at ${next} of ${page.tail}`);
    for (const { offset, value } of page.records) {
      // Not by assert: a million calls take longer than all the rest.
      if (offset !== next) assert.fail(`record ${next} came with offset ${offset}`);
      const line = log.subarray(at, at + value.length);
      if (Buffer.compare(line, value) !== 0) assert.fail(`record ${offset} is not what was sent`);
      at += value.length;
      // A value that is cut short would end before the line does.
      if (at < log.length && log[at] !== LF) assert.fail(`record ${offset} is shorter than its line`);
      at += 1;
      next += 1;
    }
    assert.equal(page.next, next);
  }
  assert.equal(next, LINES);
}

async function cborOf(response: Response) {
  assert.match(response.headers.get("content-type") ?? "", /^application\/(problem\+)?cbor/);
  return decode(new Uint8Array(await response.arrayBuffer()));
}

/** Information, not a measurement: generator, broker and test share the machine. */
function report(name: string, bytes: number, produceMs: number, readMs: number): void {
  if (!isFullSize) return;
  const rate = (ms: number): string =>
    `${Math.round(LINES / (ms / 1_000))} records/s, ${(bytes / 1_000 / ms).toFixed(1)} MB/s`;
  console.log(`${name} (${ownKind}): ${bytes} bytes; in ${rate(produceMs)}; out ${rate(readMs)}`);
}
