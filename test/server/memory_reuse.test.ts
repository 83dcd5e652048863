/**
 * Memory of frames is used again. Here it is overwritten before that, so that whoever looks at it too late reads garbage:
 * what comes back must be what was sent, byte for byte.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { FrameDecoder, isFrameFault } from "../../src/protocols/native/wire/frame_decoder.ts";
import { fetchApi } from "../../src/protocols/kafka/wire/messages/fetch.ts";
import { produceApi } from "../../src/protocols/kafka/wire/messages/produce.ts";
import type { Connection } from "../../src/platform/network.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { parseRecordBatch, RecordBatch } from "../../src/records/record_batch.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { loopbackOptions } from "../../src/server/server_options.ts";
import { currentPlatform } from "../adapters/current.ts";
import { readResponse } from "../protocols/kafka/kafka_fixture.ts";
import { requestFrame } from "../protocols/kafka/request_frame.ts";
import { SeededRandom } from "../seeded_random.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";

const TOPIC = "reuse";
/** Larger than a tail cache, so that batches leave it while the test runs. */
const BATCHES = 24;

/** One client that speaks in frames. */
class Client {
  readonly #connection: Connection;
  readonly #decoder = new FrameDecoder({ bodyBytesMax: 64_000_000 });

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  send(frame: Uint8Array): Promise<void> {
    return this.#connection.write([frame]);
  }

  /** The next response, length first. */
  async receive(): Promise<Uint8Array> {
    for (let body = this.#decoder.next(); true; body = this.#decoder.next()) {
      if (body !== null && !isFrameFault(body)) {
        const frame = new Uint8Array(body.length + 4);
        frame.set(body, 4);
        new DataView(frame.buffer).setInt32(0, body.length);
        return frame;
      }
      const chunk = await this.#connection.read();
      ok(chunk !== null, "the broker closed the connection");
      this.#decoder.push(chunk);
    }
  }

  close(): void {
    this.#connection.close();
  }
}

/** One record whose value tells its batch, of a size that takes every path: in a chunk, put together, over the pool. */
function batchOf(index: number): Uint8Array {
  const random = new SeededRandom(index + 1);
  const sizes = [900, 40_000, 150_000, 700_000, 990_000, 300_000];
  const value = random.bytes(sizes[index % sizes.length]!);
  return buildRecordBatch([{ key: null, value, headers: [] }], { nowMs: Date.now() }).bytes;
}

function produce(records: Uint8Array, acks = -1): Uint8Array {
  const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records }] }];
  return requestFrame(produceApi, 9, { acks, timeoutMs: 30_000, topicData });
}

async function readAll(client: Client, from: number, upTo: number): Promise<RecordBatch[]> {
  const found: RecordBatch[] = [];
  for (let offset = from; offset < upTo;) {
    const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 4_000_000 }];
    const request = { maxWaitMs: 10_000, minBytes: 1, forgottenTopicsData: [], topics: [{ topic: TOPIC, partitions }] };
    await client.send(requestFrame(fetchApi, 11, request));
    const answer = readResponse(fetchApi, 11, await client.receive()).responses[0]!.partitions[0]!;
    equal(answer.errorCode, 0);
    const { records } = answer;
    ok(records !== null && records.length > 0);
    for (let at = 0; at < records.length;) {
      const batch = parseRecordBatch(records, at, { verifyCrc: true, batchBytesMax: 4_000_000 });
      ok(batch instanceof RecordBatch, "a batch came back damaged");
      found.push(batch);
      at += batch.sizeBytes;
      offset = batch.endOffset;
    }
  }
  return found;
}

function equalPayloads(found: readonly RecordBatch[], sent: readonly Uint8Array[]): void {
  equal(found.length, sent.length);
  for (const [index, batch] of found.entries()) {
    deepEqual(batch.payload, new RecordBatch(sent[index]!).payload, `batch ${index}`);
  }
}

async function withServer(
  platform: Platform,
  use: (server: Server, connect: () => Promise<Client>) => Promise<void>,
): Promise<void> {
  const server = await startServer(platform, { ...loopbackOptions("/data"), durability: "os" }, { log: () => {} });
  const clients: Client[] = [];
  try {
    await use(server, async () => {
      const client = new Client(await platform.network.connect(server.binary));
      clients.push(client);
      return client;
    });
  } finally {
    for (const client of clients) client.close();
    await server.stop(5_000);
  }
}

const settings: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["the segment log", {}],
  ["the tree", { "storage.engine": "lsm" }],
  ["a topic that compresses", { "compression.type": "gzip" }],
];

for (const [name, config] of settings) {
  test(`what was sent is what is stored and read, while its memory is used again: ${name}`, async () => {
    await withServer(currentPlatform({ memory: true }), async (server, connect) => {
      await server.broker.createTopic(TOPIC, { partitions: 1, config });
      const [producer, reader] = [await connect(), await connect()];
      const sent = Array.from({ length: BATCHES }, (_, index) => batchOf(index));
      const sending = (async () => {
        for (const batch of sent) await producer.send(produce(batch));
      })();
      // One reader follows the end: it gets views of what has just come.
      const following = readAll(reader, 0, BATCHES);
      for (let answers = 0; answers < BATCHES; answers += 1) {
        const answer = readResponse(produceApi, 9, await producer.receive()).responses[0]!.partitionResponses[0]!;
        equal(answer.errorCode, 0);
      }
      await sending;
      const read = [await following, await readAll(reader, 0, BATCHES)];
      for (const found of read) {
        if (config["compression.type"] === undefined) equalPayloads(found, sent);
        else equal(found.length, BATCHES);
      }
    });
  });
}

test("memory is not used again before its batch is written, though nobody waits for the answer", async () => {
  const disk = new FaultyDisk();
  const platform = { ...currentPlatform(), disk };
  await withServer(platform, async (server, connect) => {
    await server.broker.createTopic(TOPIC, { partitions: 1 });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const { promise: held, resolve: noteHeld } = Promise.withResolvers<void>();
    disk.before = async ({ operation, path }) => {
      if (operation !== "write" || !path.includes(`${TOPIC}-0/`) || !path.endsWith(".log")) return;
      noteHeld();
      await opened;
    };
    const producer = await connect();
    const sent = Array.from({ length: 12 }, (_, index) => batchOf(index));
    for (const batch of sent) await producer.send(produce(batch, 0));
    await held;
    open();
    equalPayloads(await readAll(producer, 0, sent.length), sent);
  });
});
