/** SIGTERM in all circumstances: nothing acknowledged is lost, nobody holds the stop up (facts V1, V3; design D3). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { writePayload } from "../../src/protocols/native/wire/payload.ts";
import { encodeFrame } from "../../src/protocols/native/wire/frame.ts";
import { MESSAGE_TYPES } from "../../src/protocols/native/wire/message_types.ts";
import { SeededRandom } from "../seeded_random.ts";
import { addressOf, type BrokerProcess, startBroker } from "./broker_process.ts";
import { compareTopics, Ledger } from "./ledger.ts";
import { LOAD_TOPICS, makeLoadTopics, startLoad } from "./load.ts";
import { isFullSize } from "./sentinel_command.ts";

const STOPS = isFullSize ? 60 : 5;
const CLEAN = { code: 0, signal: null };
const MIB = 1024 * 1024;

test(`seed-V1, seed-V2: ${STOPS} stops under load keep every acknowledged record and end with 0`, async () => {
  await using directory = await makeTemporaryDirectory();
  const random = new SeededRandom(60);
  const ledger = new Ledger();
  for (let stop = 0; stop < STOPS; stop++) {
    await using broker = await startBroker({ dataPath: directory.path });
    if (stop === 0) await makeLoadTopics(broker);
    const load = startLoad(broker, ledger, stop);
    await load.acknowledged(100 + random.below(200));
    assert.deepEqual(await broker.stop(), CLEAN, broker.errors);
    await load.ended;
    assert.match(broker.out, /\n\nShutting down\.\.\.\n$/);
  }
  await using broker = await startBroker({ dataPath: directory.path });
  // A clean stop leaves nothing to cut.
  assert.doesNotMatch(broker.errors, /Cut|offline|damaged/);
  await compareTopics(broker, ledger, LOAD_TOPICS);
});

test("seed-V3: a reader that takes nothing is cut at the deadline: native, HTTP, SSE", async () => {
  await using directory = await makeTemporaryDirectory();
  await using broker = await startBroker({ dataPath: directory.path, args: ["--shutdown-timeout-ms", "1500"] });
  // More than the sockets' buffers hold, so that the broker sits on bytes that nobody takes.
  await fill(broker, "large", 24 * MIB);
  const fetchFrame = encodeFrame(
    MESSAGE_TYPES.fetch,
    7,
    writePayload({ topic: "large", partition: 0, offset: 0, maxBytes: 24 * MIB, maxRecords: 10_000 }),
  );
  const stalled = [
    await stalledReader(broker.binary, fetchFrame),
    await stalledReader(broker.http, [httpGet("/v1/topics/large/records?limit=1000&maxBytes=25165824")]),
    await stalledReader(broker.http, [httpGet("/v1/topics/large/records?from=earliest", "text/event-stream")]),
  ];
  assert.deepEqual(await broker.stop({ timeoutMs: 10_000 }), CLEAN, broker.errors);
  for (const socket of stalled) socket.destroy();
  await using after = await startBroker({ dataPath: directory.path });
  const client = await after.connect();
  assert.equal((await client.offsets("large", 0, "latest")).offset, 24);
  client.close();
});

test("open long polls, streams and idle connections do not hold up a stop", async () => {
  await using directory = await makeTemporaryDirectory();
  // The deadline is far away: whoever waits for it fails.
  await using broker = await startBroker({ dataPath: directory.path, args: ["--shutdown-timeout-ms", "60000"] });
  await fill(broker, "small", 1);
  const client = await broker.connect();
  const idle = await broker.connect();
  const idleSocket = await openSocket(broker.http);
  const nativePoll = client.fetch({ topic: "small", partition: 0, offset: 1, waitMs: 30_000 }).then(
    (page) => page.records.length,
    (thrown) => String(thrown),
  );
  const httpPoll = fetch(`${broker.http}/v1/topics/small/partitions/0/records?from=1&wait=25`).then(
    (response) => response.status,
  );
  const stream = await fetch(`${broker.http}/v1/topics/small/records?from=earliest`, {
    headers: { accept: "text/event-stream" },
  });
  const events = stream.body!.getReader();
  assert.match(new TextDecoder().decode((await events.read()).value), /^event: records/);
  assert.deepEqual(await broker.stop({ timeoutMs: 15_000 }), CLEAN, broker.errors);
  // An answer without records, or the end of the connection; never a wait until the poll's own end.
  const polled = await nativePoll;
  assert.ok(polled === 0 || /shutting_down|closed|reset/.test(String(polled)), String(polled));
  assert.ok([200, 503].includes(await httpPoll));
  let rest = "";
  for (let chunk = await events.read(); !chunk.done; chunk = await events.read()) {
    rest += new TextDecoder().decode(chunk.value);
  }
  assert.match(rest, /event: end/);
  client.close();
  idle.close();
  idleSocket.destroy();
});

for (const second of ["SIGTERM", "SIGINT"] as const) {
  test(`a second signal (${second}) ends the process at once, and loses nothing acknowledged`, async () => {
    await using directory = await makeTemporaryDirectory();
    await using broker = await startBroker({ dataPath: directory.path, args: ["--shutdown-timeout-ms", "60000"] });
    await fill(broker, "large", 24 * MIB);
    const reader = await stalledReader(broker.http, [httpGet("/v1/topics/large/records?limit=1000&maxBytes=25165824")]);
    broker.signal("SIGTERM");
    while (!broker.out.includes("Shutting down...")) await broker.nextOutput();
    broker.signal(second);
    assert.deepEqual(await broker.stop({ signalSent: true, timeoutMs: 10_000 }), { code: 1, signal: null });
    reader.destroy();
    await using after = await startBroker({ dataPath: directory.path });
    const client = await after.connect();
    assert.equal((await client.offsets("large", 0, "latest")).offset, 24);
    client.close();
  });
}

test("a broker in memory stops as well as one on disk", async () => {
  await using broker = await startBroker();
  await fill(broker, "small", 1);
  assert.deepEqual(await broker.stop(), CLEAN);
});

/** 24 records that have so many bytes together. */
async function fill(broker: BrokerProcess, topic: string, bytes: number): Promise<void> {
  const client = await broker.connect();
  const value = new Uint8Array(Math.floor(bytes / 24) - (bytes > MIB ? 1_024 : 0)).fill(0x61);
  const count = bytes > MIB ? 24 : 1;
  for (let index = 0; index < count; index++) {
    await client.produce({ topic, partition: 0 }, [{ key: null, value, headers: [] }]);
  }
  client.close();
}

async function openSocket(address: string): Promise<Socket> {
  const { host, port } = addressOf(address.replace("http://", ""));
  const socket = connect({ host, port });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Asks, takes the first bytes of the answer, and no more. */
async function stalledReader(address: string, request: readonly (Uint8Array | string)[]): Promise<Socket> {
  const socket = await openSocket(address);
  for (const part of request) socket.write(part);
  await once(socket, "data");
  socket.pause();
  return socket;
}

function httpGet(path: string, accept: string = "application/json"): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`;
}
