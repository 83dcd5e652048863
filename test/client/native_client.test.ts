import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { test } from "node:test";
import { connectNative } from "../../src/client/native_client.ts";
import { NativeSession } from "../../src/protocols/native/native_session.ts";
import { encodeFrame, readFrame } from "../../src/protocols/native/wire/frame.ts";
import { encodeCbor } from "../../src/cbor/encode_cbor.ts";
import { FrameDecoder, isFrameFault } from "../../src/protocols/native/wire/frame_decoder.ts";
import type { Connection } from "../../src/platform/network.ts";
import { BinaryListener } from "../../src/server/binary_listener.ts";
import { currentPlatform } from "../adapters/current.ts";
import { FakeBroker } from "../protocols/fake_broker.ts";

const platform = currentPlatform({ memory: true });
const { network, clock, compression } = platform;
const bytes = (text: string) => new TextEncoder().encode(text);
const record = (value: string) => ({ key: null, value: bytes(value), headers: [] });

/** A client and a fake broker behind a real socket. */
async function open(broker = new FakeBroker()) {
  const listener = await BinaryListener.open({
    network,
    clock,
    address: { host: "127.0.0.1", port: 0 },
    openNativeSession: () => new NativeSession({ broker, clock, compression, brokerName: "sentinel/test", nodeId: 1 }),
    openKafkaSession: () => {
      throw new Error("A native client sent a frame of Kafka's");
    },
    log: () => {},
  });
  const client = await connectNative(network, clock, listener.address, { clientName: "test/1" });
  const close = async () => {
    client.close();
    await listener.stop(1_000);
  };
  return { broker, listener, client, close };
}

test("NativeClient produces and fetches over a socket", async () => {
  const { client, close } = await open();
  const reply = await client.produce({ topic: "t" }, [record("a"), record("b")]);
  deepEqual(reply, { acks: [{ partition: 0, first: 0, count: 2 }], durability: "memory" });
  await client.produceRecords({ topic: "t", partition: 0 }, [{ ...record("c"), key: bytes("k"), timestamp: 7 }]);
  const { records, next, highWatermark } = await client.fetch({ topic: "t", partition: 0, offset: "earliest" });
  deepEqual(records.map((one) => new TextDecoder().decode(one.value!)), ["a", "b", "c"]);
  deepEqual([next, highWatermark, records[2]!.timestamp], [3, 3, 7]);
  await close();
});

test("NativeClient gives each of many requests under way its own reply", async () => {
  const { client, close } = await open();
  const calls = Array.from({ length: 200 }, (_, index) => client.createTopic(`t${index}`, { partitions: index + 1 }));
  deepEqual((await Promise.all(calls)).map((reply) => reply.partitions), calls.map((_, index) => index + 1));
  await close();
});

test("NativeClient sends and receives records that are larger than a chunk of the socket", async () => {
  const { client, close } = await open();
  const value = new Uint8Array(3_000_000).map((_, index) => index % 253);
  await client.produce({ topic: "t" }, [{ key: null, value, headers: [] }]);
  const { records } = await client.fetch({ topic: "t", partition: 0, offset: 0 });
  deepEqual(records[0]!.value!.length, value.length);
  equal(records[0]!.value!.every((byte, index) => byte === index % 253), true);
  await close();
});

test("NativeClient fails with the broker's code, and the connection goes on", async () => {
  const { client, close } = await open(new FakeBroker({ autoCreate: false }));
  await rejects(client.produce({ topic: "nope" }, [record("a")]), { code: "unknown_topic" });
  await rejects(client.fetch({ topic: "nope", partition: 0, offset: 0 }), { message: "topic nope does not exist" });
  await client.ping();
  await close();
});

test("NativeClient asks for everything that native frames have", async () => {
  const { client, close } = await open();
  deepEqual(await client.createTopic("t", { partitions: 2, config: { "retention.ms": "5" } }), {
    name: "t",
    partitions: 2,
  });
  await client.alterTopic("t", { partitions: 3 });
  const description = await client.describeTopic("t");
  deepEqual([description.config, description.partitions.length], [{ "retention.ms": "5" }, 3]);
  deepEqual((await client.metadata(["nope"])).topics, [{ name: "nope", partitions: [], error: "unknown_topic" }]);
  deepEqual(await client.offsets("t", 0, "latest"), { offset: 0, timestamp: -1 });
  await client.deleteTopic("t");
  deepEqual((await client.metadata()).topics, []);
  await close();
});

test("a fetch that waits ends when its connection ends", async () => {
  const { broker, client, listener } = await open();
  await client.createTopic("t");
  const waiting = client.fetch({ topic: "t", partition: 0, offset: 0, waitMs: 30_000 });
  const failed = rejects(waiting, { code: "closed" });
  await client.ping();
  equal(broker.waits, 1);
  client.close();
  await failed;
  await listener.stop(1_000);
  equal(broker.waits, 0);
});

/** A broker that answers hello, and each later request with what the test says. */
async function openStub(answer: (type: number, correlationId: number) => Uint8Array[], requestTimeoutMs = 10_000) {
  const hello = { version: 1, broker: "b", nodeId: 1, clusterId: "c", limits: { frameBytesMax: 1, recordsMax: 1 } };
  const serve = async (connection: Connection) => {
    const decoder = new FrameDecoder({ bodyBytesMax: 1_000_000 });
    for (let chunk = await connection.read(); chunk !== null; chunk = await connection.read()) {
      decoder.push(chunk);
      for (let body = decoder.next(); body !== null && !isFrameFault(body); body = decoder.next()) {
        const { type, correlationId } = readFrame(body);
        const slices = type === 0x5301
          ? encodeFrame(0x5381, correlationId, encodeCbor(hello))
          : answer(type, correlationId);
        await connection.write(slices);
      }
    }
  };
  const listener = await network.listen(
    { host: "127.0.0.1", port: 0 },
    (connection) => void serve(connection).catch(() => {}),
  );
  const client = await connectNative(network, clock, listener.address, { requestTimeoutMs });
  return { client, close: async () => (client.close(), await listener.close()) };
}

test("NativeClient fails with timed_out when no reply comes, and ignores it when it comes late", async () => {
  let late: Uint8Array[] = [];
  const { client, close } = await openStub((type, id) => {
    if (late.length > 0) return [...late, ...encodeFrame(type + 0x80, id, encodeCbor({}))];
    late = encodeFrame(type + 0x80, id, encodeCbor({}));
    return [];
  }, 50);
  await rejects(client.ping(), { code: "timed_out" });
  await client.ping();
  await close();
});

test("NativeClient refuses replies that are not what was asked for", async () => {
  const { client, close } = await openStub((type, id) =>
    type === 0x5308
      ? encodeFrame(0x5399, id, encodeCbor({}))
      : type === 0x5305
      ? encodeFrame(0x5385, id, encodeCbor({ offset: "7", timestamp: 1 }))
      : type === 0x5303
      ? encodeFrame(0x5383, id, encodeCbor({ records: [{ offset: 1 }], next: 1, highWatermark: 1, logStart: 0 }))
      : encodeFrame(
        0x53ff,
        id,
        encodeCbor({ code: "from_the_future", message: "m", kafkaError: null, retryable: true }),
      )
  );
  await rejects(client.ping(), { code: "unsupported_version" });
  await rejects(client.offsets("t", 0, 1), { message: "offset is not an integer" });
  await rejects(client.fetch({ topic: "t", partition: 0, offset: 0 }), { code: "invalid_request" });
  await rejects(client.deleteTopic("t"), { code: "internal", message: "from_the_future: m" });
  await close();
});

test("NativeClient fails every request, and every later one, when the broker closes the connection", async () => {
  const { client, close } = await openStub((type) => {
    if (type === 0x5308) return [new Uint8Array([0, 0, 0, 1])]; // A frame that cannot be.
    return [];
  });
  const metadata = client.metadata();
  const failed = rejects(metadata, { code: "connection_reset" });
  await rejects(client.ping(), (error: Error) => (match(error.message, /below 6/), true));
  await failed;
  await rejects(client.ping(), { code: "connection_reset" });
  await close();
});

test("connectNative() fails when nobody listens", async () => {
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, () => {});
  await listener.close();
  await rejects(connectNative(network, clock, listener.address), { code: "connection_refused" });
});
