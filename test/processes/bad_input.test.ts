/** Peers that send what no client would: the process lives, says so or cuts them, and goes on serving the others. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { MESSAGE_TYPES } from "../../src/protocols/native/wire/message_types.ts";
import { encodeFrame } from "../../src/protocols/native/wire/frame.ts";
import { writePayload } from "../../src/protocols/native/wire/payload.ts";
import { SeededRandom } from "../seeded_random.ts";
import { addressOf, type BrokerProcess, startBroker } from "./broker_process.ts";
import { isFullSize } from "./sentinel_command.ts";

const PEERS = isFullSize ? 10_000 : 500;

test("random bytes, huge lengths and damaged frames on the binary port end no process", async () => {
  await using broker = await startBroker();
  const random = new SeededRandom(4);
  const fetchFrame = joined(encodeFrame(MESSAGE_TYPES.fetch, 1, writePayload({ topic: "t", partition: 0, offset: 0 })));
  const batchFrame = joined(
    encodeFrame(MESSAGE_TYPES.produce, 2, writePayload({ topic: "t", partition: 0, batch: random.bytes(200) })),
  );
  const inputs: (() => Uint8Array)[] = [
    () => random.bytes(random.below(300)),
    // A length of 4 GiB, of nothing, and of more than a frame may have, with something behind it.
    () => Uint8Array.from([0xff, 0xff, 0xff, 0xff, ...random.bytes(50)]),
    () => Uint8Array.from([0, 0, 0, random.below(6), ...random.bytes(50)]),
    () => Uint8Array.from([0x06, 0x40, 0, 7, 0x53, 0x02]),
    // A length that is allowed, and an end long before it.
    () => Uint8Array.from([0x06, 0x00, 0, 0, 0x53, 0x02, 0, 0, 0, 1, 0xa1]),
    // Kafka's ApiVersions, which is not spoken yet, and TLS's hello.
    () => Uint8Array.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0, 0]),
    () => Uint8Array.from([0x16, 0x03, 0x01, 0x02, 0x00, ...random.bytes(500)]),
    () => random.mutate(fetchFrame),
    () => random.mutate(batchFrame),
  ];
  for (let peer = 0; peer < PEERS; peer++) {
    await sendAndLeave(broker.binary, inputs[peer % inputs.length]!());
  }
  await assertServes(broker);
});

test("garbage, half requests and odd ones on the HTTP port end no process", async () => {
  await using broker = await startBroker();
  const random = new SeededRandom(5);
  const records = "/v1/topics/t/records";
  const post = (headers: string, body: string): string =>
    `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
  const inputs: (() => Uint8Array | string)[] = [
    () => random.bytes(random.below(300)),
    () => "GET\r\n\r\n",
    () => "GET / HTTP/9.9\r\n\r\n",
    () => `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    () => `GET / HTTP/1.1\r\nHost: localhost\r\n${"X-A: b\r\n".repeat(10_000)}\r\n`,
    () => "GET /v1/topics/%ff%00/records HTTP/1.1\r\nHost: localhost\r\n\r\n",
    () => "GET /v1/topics/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    () => post("Content-Length: 99999999999", "{"),
    () => post("Content-Length: -5", "{}"),
    () => post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    () => post("Transfer-Encoding: chunked", "ffffffffffffffff\r\nabc"),
    () => post("Transfer-Encoding: chunked", "zz\r\n"),
    () => post("Content-Length: 100", '{"records":[{"value":"never whole'),
    () => post("Content-Length: 5000", `{"records":${"[".repeat(4_989)}`),
    () => post("Content-Encoding: gzip\r\nContent-Length: 4", "nope"),
    () => random.mutate(new TextEncoder().encode(post("Content-Length: 24", '{"records":[{"value":1}]}'))),
  ];
  for (let peer = 0; peer < PEERS; peer++) {
    await sendAndLeave(broker.http, inputs[peer % inputs.length]!());
  }
  await assertServes(broker);
});

test("peers that drip or stay silent hold nobody else up", async () => {
  await using broker = await startBroker();
  const dripping: Socket[] = [];
  for (let peer = 0; peer < 100; peer++) {
    const binary = await open(broker.binary);
    // The first bytes of a frame of 96 MiB: no memory for it before it comes.
    binary.write(Uint8Array.from([0x06, 0, 0, 0, 0x53]));
    const headers = await open(broker.http);
    headers.write("GET /livez HTTP/1.1\r\nHost: loc");
    const body = await open(broker.http);
    body.write("POST /v1/topics/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n{");
    dripping.push(binary, headers, body);
  }
  await assertServes(broker);
  for (const socket of dripping) socket.destroy();
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
});

/** Both faces answer, what is written is read, and the log of the broker has no bug of ours in it. */
async function assertServes(broker: BrokerProcess): Promise<void> {
  assert.equal(broker.hasExited, false, broker.errors);
  const client = await broker.connect();
  const value = new TextEncoder().encode("still here");
  await client.produce({ topic: "after", partition: 0 }, [{ key: null, value, headers: [] }]);
  client.close();
  const response = await fetch(`${broker.http}/v1/topics/after/records`);
  assert.equal(response.status, 200);
  assert.equal((await response.json()).records.at(-1).value, "still here");
  assert.doesNotMatch(broker.errors, /\[ERROR\]/);
}

/** Sends, waits for the first answer or the end, but not for long: much of it deserves none. */
async function sendAndLeave(address: string, bytes: Uint8Array | string): Promise<void> {
  const socket = await open(address);
  const answered = Promise.race([once(socket, "data"), once(socket, "close")]).catch(() => {});
  socket.end(bytes);
  const timer = new AbortController();
  const isEnough = new Promise<void>((resolve) => {
    const timeout = setTimeout(resolve, 20);
    timer.signal.addEventListener("abort", () => clearTimeout(timeout));
  });
  await Promise.race([answered, isEnough]);
  timer.abort();
  socket.destroy();
}

async function open(address: string): Promise<Socket> {
  const socket = connect(addressOf(address.replace("http://", "")));
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

function joined(slices: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(slices.flatMap((slice) => [...slice]));
}
