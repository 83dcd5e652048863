import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "../../src/bytes/concat.ts";
import { apiVersionsApi } from "../../src/protocols/kafka/wire/messages/api_versions.ts";
import { fetchApi } from "../../src/protocols/kafka/wire/messages/fetch.ts";
import { listOffsetsApi } from "../../src/protocols/kafka/wire/messages/list_offsets.ts";
import { metadataApi } from "../../src/protocols/kafka/wire/messages/metadata.ts";
import { produceApi } from "../../src/protocols/kafka/wire/messages/produce.ts";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { currentPlatform } from "../adapters/current.ts";
import { batchOf, readResponse } from "../protocols/kafka/kafka_fixture.ts";
import { requestFrame } from "../protocols/kafka/request_frame.ts";

const platform = currentPlatform({ memory: true });

/** Sends `frames` in one piece; the response frames until the broker closes or `count` of them came. */
async function exchange(address: string, frames: readonly Uint8Array[], count: number): Promise<Uint8Array[]> {
  const [host, port] = address.split(":");
  const connection = await platform.network.connect({ host: host!, port: Number(port) });
  try {
    await connection.write([concatBytes(frames)]);
    let received = new Uint8Array(0);
    const replies: Uint8Array[] = [];
    while (replies.length < count) {
      const chunk = await connection.read();
      if (chunk === null) break;
      received = new Uint8Array(concatBytes([received, chunk]));
      while (received.length >= 4) {
        const size = 4 + new DataView(received.buffer).getInt32(0);
        if (received.length < size) break;
        replies.push(received.slice(0, size));
        received = received.slice(size);
      }
    }
    return replies;
  } finally {
    connection.close();
  }
}

const correlationId = (frame: Uint8Array): number => new DataView(frame.buffer).getInt32(4);

const produceRequest = (value: string) => ({
  acks: -1,
  timeoutMs: 1_000,
  topicData: [{ name: "orders", partitionData: [{ index: 0, records: batchOf([value]) }] }],
});

test("startBroker's kafka address speaks Kafka: pipelined requests are answered in their order", async () => {
  await using broker = await startTestBroker(currentPlatform({ memory: true }));
  const topics = [{ name: "orders" }];
  const authorized = { includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false };
  const fetch = {
    maxWaitMs: 0,
    minBytes: 1,
    forgottenTopicsData: [],
    topics: [{ topic: "orders", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
  };
  const frames = [
    requestFrame(apiVersionsApi, 0, {}, { correlationId: 1 }),
    requestFrame(metadataApi, 9, { topics, ...authorized }, { correlationId: 2 }),
    requestFrame(produceApi, 9, produceRequest("a"), { correlationId: 3 }),
    requestFrame(produceApi, 9, { ...produceRequest("b"), acks: 0 }, { correlationId: 4 }),
    requestFrame(produceApi, 9, produceRequest("c"), { correlationId: 5 }),
    requestFrame(fetchApi, 12, fetch, { correlationId: 6 }),
  ];
  const replies = await exchange(broker.kafka, frames, 5);
  deepEqual(replies.map(correlationId), [1, 2, 3, 5, 6]);
  const metadata = readResponse(metadataApi, 9, replies[1]!);
  equal(metadata.brokers.map(({ port }) => `127.0.0.1:${port}`)[0], broker.kafka);
  const fetched = readResponse(fetchApi, 12, replies[4]!).responses[0]!.partitions[0]!;
  equal(fetched.highWatermark, 3);
});

test("the connection closes at what Kafka does not answer, behind the answers that came before", async () => {
  await using broker = await startTestBroker(currentPlatform({ memory: true }));
  const known = requestFrame(apiVersionsApi, 0, {}, { correlationId: 1 });
  const unknown = requestFrame({ ...apiVersionsApi, key: 999 }, 0, {}, { correlationId: 2 });
  deepEqual((await exchange(broker.kafka, [known, unknown, known], 3)).map(correlationId), [1]);
  const outdated = requestFrame(produceApi, 3, produceRequest("a"), { correlationId: 2 });
  new DataView(outdated.buffer).setInt16(6, 2);
  deepEqual((await exchange(broker.kafka, [known, outdated, known], 3)).map(correlationId), [1]);
});

test("far more requests than may be in work are served in their order, and each sees all that came before", async () => {
  await using broker = await startTestBroker(currentPlatform({ memory: true }));
  const topics = [{ name: "orders" }];
  const authorized = { includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false };
  await exchange(broker.kafka, [requestFrame(metadataApi, 9, { topics, ...authorized })], 1);
  const frames: Uint8Array[] = [];
  const expected: number[] = [];
  let produced = 0;
  for (let correlationId = 0; correlationId < 700; correlationId += 1) {
    if (correlationId % 7 === 6) {
      const asked = [{ name: "orders", partitions: [{ partitionIndex: 0, timestamp: -1 }] }];
      const latest = { replicaId: -1, isolationLevel: 0, topics: asked };
      frames.push(requestFrame(listOffsetsApi, 5, latest, { correlationId }));
      expected.push(produced);
    } else {
      frames.push(requestFrame(produceApi, 9, produceRequest(`value ${correlationId}`), { correlationId }));
      expected.push(produced++);
    }
  }
  const replies = await exchange(broker.kafka, frames, frames.length);
  deepEqual(replies.map(correlationId), frames.map((_, index) => index));
  const offsets = replies.map((reply, index) =>
    index % 7 === 6
      ? readResponse(listOffsetsApi, 5, reply).topics[0]!.partitions[0]!.offset
      : readResponse(produceApi, 9, reply).responses[0]!.partitionResponses[0]!.baseOffset
  );
  deepEqual(offsets, expected);
});
