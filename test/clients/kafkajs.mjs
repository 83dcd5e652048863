/** kafkajs against a broker: `node test/clients/kafkajs.mjs HOST:PORT`. */
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from "@platformatic/wasm-utils";
import kafkajs from "kafkajs";
import process from "node:process";
import zlib from "node:zlib";
import {
  bootstrapAddress,
  cannot,
  check,
  CODECS,
  equal,
  freshName,
  hold,
  numbered,
  recordsOfAllShapes,
  shapeOf,
  until,
} from "./checks.mjs";

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, Partitioners } = kafkajs;

const CODEC_TYPES = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };
/** Java's framing of snappy, which kafkajs's plug-ins write: magic, version 1, compatible with 1, then blocks. */
const XERIAL_HEADER = Buffer.from("82534e41505059000000000100000001", "hex");

function toXerial(bytes) {
  const block = snappyCompress(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(block.length);
  return Buffer.concat([XERIAL_HEADER, length, block]);
}

function fromXerial(bytes) {
  const blocks = [];
  for (let at = 16; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    blocks.push(snappyDecompress(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at))));
  }
  return Buffer.concat(blocks);
}

CompressionCodecs[CompressionTypes.Snappy] = () => ({
  compress: async ({ buffer }) => toXerial(buffer),
  decompress: async (buffer) => fromXerial(buffer),
});
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }) => lz4Compress(buffer),
  decompress: async (buffer) => lz4Decompress(buffer),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }) => zlib.zstdCompressSync(buffer),
  decompress: async (buffer) => zlib.zstdDecompressSync(buffer),
});

const kafka = new Kafka({
  clientId: "kafkajs-checks",
  brokers: [bootstrapAddress()],
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 50, retries: 8 },
});
const admin = kafka.admin();

async function createTopic(name, numPartitions = 1, configEntries = []) {
  const topic = freshName(`kafkajs-${name}`);
  hold(await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] }), "the topic is not created");
  return topic;
}

async function withProducer(options, use) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options });
  await producer.connect();
  try {
    return await use(producer);
  } finally {
    await producer.disconnect();
  }
}

function groupMember(groupId) {
  return kafka.consumer({
    groupId,
    sessionTimeout: 10_000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
  });
}

/** Starts a member of a group that hands each message to `take`. */
async function consume(groupId, topic, take, options = {}) {
  const consumer = groupMember(groupId);
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 200,
    ...options,
    eachMessage: async ({ partition, message }) => take(message, partition),
  });
  return consumer;
}

/** All `count` messages of a topic, read by a new group. */
async function readAll(topic, count) {
  const messages = [];
  const consumer = await consume(
    freshName("kafkajs-read"),
    topic,
    (message, partition) => messages.push({ ...message, partition }),
  );
  try {
    await until(() => messages.length >= count, () => `${messages.length} of ${count} records`);
  } finally {
    await consumer.disconnect();
  }
  equal(messages.length, count, "the number of records");
  return messages;
}

async function produceChecks() {
  await check("produce", "keys and values of all shapes, acks all", async () => {
    const topic = await createTopic("shapes");
    const records = recordsOfAllShapes();
    const [result] = await withProducer({}, (producer) => producer.send({ topic, acks: -1, messages: records }));
    equal([result.errorCode, result.baseOffset], [0, "0"], "error and base offset");
    const read = await readAll(topic, records.length);
    equal(read.map(shapeOf), records.map(shapeOf), "what is read");
    equal(read.map(({ offset }) => offset), records.map((_, index) => String(index)), "offsets");
  });
  for (const acks of [1, 0]) {
    await check("produce", `acks ${acks}`, async () => {
      const topic = await createTopic(`acks-${acks}`);
      await withProducer({}, async (producer) => {
        for (const value of numbered(20)) await producer.send({ topic, acks, messages: [{ value }] });
      });
      equal((await readAll(topic, 20)).map(({ value }) => String(value)), numbered(20));
    });
  }
  await check("produce", "a topic that the producer creates", async () => {
    const topic = freshName("kafkajs-created-by-producing");
    await withProducer(
      { allowAutoTopicCreation: true },
      (producer) => producer.send({ topic, messages: [{ value: "a" }] }),
    );
    equal((await readAll(topic, 1)).length, 1);
  });
  await check("headers", "several, of one name, empty and binary", async () => {
    const topic = await createTopic("headers");
    const headers = { plain: "text", "имя": Buffer.from([0, 255]), twice: ["one", "two"], empty: "" };
    await withProducer(
      {},
      (producer) => producer.send({ topic, messages: [{ value: "v", headers }, { value: "none" }] }),
    );
    const [first, second] = await readAll(topic, 2);
    const hex = (value) => Array.isArray(value) ? value.map(hex) : Buffer.from(value).toString("hex");
    const shape = (map) => Object.entries(map).map(([name, value]) => [name, hex(value)]);
    equal(shape(first.headers), shape(headers), "headers");
    equal(second.headers, {}, "no headers");
  });
}

async function codecChecks() {
  for (const codec of CODECS) {
    if (codec === "zstd" && typeof zlib.zstdCompressSync !== "function") {
      cannot("codecs", codec, `no zstd in the zlib of ${process.versions.node}`);
      continue;
    }
    await check("codecs", codec, async () => {
      const topic = await createTopic(codec);
      const messages = numbered(500).map((value) => ({ key: value, value: value.repeat(20) }));
      await withProducer({}, (producer) => producer.send({ topic, compression: CODEC_TYPES[codec], messages }));
      const read = await readAll(topic, 500);
      equal(read.map(({ value }) => String(value)), messages.map(({ value }) => value));
    });
  }
}

async function timeChecks() {
  await check("offsets by time", "the first offset at or after a time; none after the last", async () => {
    const topic = await createTopic("times");
    const startMs = Date.now() - 100_000;
    await withProducer({}, async (producer) => {
      for (let index = 0; index < 10; index++) {
        const messages = [{ value: `${index}`, timestamp: String(startMs + index * 1_000) }];
        await producer.send({ topic, messages });
      }
    });
    const at = async (ms) => (await admin.fetchTopicOffsetsByTimestamp(topic, ms))[0].offset;
    equal([await at(startMs - 1), await at(startMs), await at(startMs + 3_500), await at(startMs + 9_000)], [
      "0",
      "0",
      "4",
      "9",
    ]);
    // Kafka answers −1 and kafkajs puts the end in its place.
    equal(await at(startMs + 9_001), "10", "after the last");
    const [{ low, high }] = await admin.fetchTopicOffsets(topic);
    equal([low, high], ["0", "10"], "start and end");
  });
}

async function idempotentChecks() {
  await check("idempotent", "300 sends, each record once and in order", async () => {
    const topic = await createTopic("idempotent", 2);
    await withProducer({ idempotent: true, maxInFlightRequests: 1 }, async (producer) => {
      for (let index = 0; index < 150; index++) {
        const value = `record ${index}`;
        await producer.send({ topic, messages: [{ value, partition: 0 }, { value, partition: 1 }] });
      }
    });
    const read = await readAll(topic, 300);
    for (const wanted of [0, 1]) {
      const values = read.filter(({ partition }) => partition === wanted).map(({ value }) => String(value));
      equal(values, numbered(150), `partition ${wanted}`);
    }
  });
}

async function groupChecks() {
  await check("group", "commits are kept: the next member goes on after them", async () => {
    const topic = await createTopic("group", 3);
    const groupId = freshName("kafkajs-group");
    const send = (from) =>
      withProducer(
        {},
        (producer) => producer.send({ topic, messages: numbered(30, from).map((value) => ({ value, key: value })) }),
      );
    await send(0);
    const first = [];
    const one = await consume(groupId, topic, ({ value }) => first.push(String(value)));
    await until(() => first.length >= 30, () => `${first.length} of 30`);
    await one.disconnect();
    await send(30);
    const second = [];
    const other = await consume(groupId, topic, ({ value }) => second.push(String(value)));
    await until(() => second.length >= 30, () => `${second.length} of 30`);
    await other.disconnect();
    equal(second.sort(), numbered(30, 30).sort(), "what the second member is given");
    const committed = await admin.fetchOffsets({ groupId, topics: [topic] });
    equal(
      committed[0].partitions.reduce((sum, { offset }) => sum + Number(offset), 0),
      60,
      "the sum of committed offsets",
    );
  });
  await check("group", "list, describe, seek a group, delete", async () => {
    const topic = await createTopic("group-admin");
    const groupId = freshName("kafkajs-group-admin");
    await withProducer({}, (producer) => producer.send({ topic, messages: numbered(5).map((value) => ({ value })) }));
    const seen = [];
    const member = await consume(groupId, topic, ({ value }) => seen.push(String(value)));
    await until(() => seen.length === 5, "5 records");
    hold((await admin.listGroups()).groups.some((group) => group.groupId === groupId), "the group is not listed");
    const described = (await admin.describeGroups([groupId])).groups[0];
    equal([described.state, described.members.length, described.protocolType], ["Stable", 1, "consumer"], "the group");
    await member.disconnect();
    equal((await admin.describeGroups([groupId])).groups[0].state, "Empty", "the state without members");
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: "2" }] });
    const again = [];
    const next = await consume(groupId, topic, ({ value }) => again.push(String(value)));
    await until(() => again.length >= 3, "3 records");
    await next.disconnect();
    equal(again, numbered(3, 2), "what is read after the seek");
    await admin.deleteGroups([groupId]);
    hold(!(await admin.listGroups()).groups.some((group) => group.groupId === groupId), "the group is still listed");
  });
}

async function rebalanceChecks() {
  await check("rebalance", "members come and go while a producer writes: no record is missed", async () => {
    const topic = await createTopic("rebalance", 6);
    const groupId = freshName("kafkajs-rebalance");
    const count = 600;
    const seen = new Set();
    const take = ({ value }) => seen.add(String(value));
    const members = [await consume(groupId, topic, take)];
    let sent = 0;
    const writing = withProducer({}, async (producer) => {
      for (; sent < count; sent += 5) {
        await producer.send({ topic, messages: numbered(5, sent).map((value) => ({ value, key: value })) });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    const join = async () => members.push(await consume(groupId, topic, take));
    await until(() => seen.size > 50, "the first member reads");
    await join();
    await until(() => sent > 250, "half is sent");
    await members[0].disconnect();
    await join();
    await writing;
    await until(() => seen.size === count, () => `${seen.size} of ${count} records`);
    const { state, members: described } = (await admin.describeGroups([groupId])).groups[0];
    hold(state !== "Dead" && described.length === 2, `the group is ${state} with ${described.length} members`);
    await Promise.all(members.slice(1).map((member) => member.disconnect()));
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
    equal(partitions.reduce((sum, { offset }) => sum + Number(offset), 0), count, "the sum of committed offsets");
  });
}

async function adminChecks() {
  await check("admin", "topics: create, refuse a second, list, describe, grow, delete", async () => {
    const topic = await createTopic("admin", 2, [{ name: "retention.ms", value: "123456" }]);
    equal(await admin.createTopics({ topics: [{ topic }] }), false, "created again");
    await until(async () => (await admin.listTopics()).includes(topic), "the topic is listed");
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    const leaders = async () => {
      const { topics: [{ partitions }] } = await admin.fetchTopicMetadata({ topics: [topic] });
      return partitions.filter(({ leader }) => leader >= 0).length;
    };
    await until(async () => await leaders() === 5, "five partitions have a leader");
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), "the topic is gone");
  });
  await check("admin", "settings: describe and alter", async () => {
    const topic = await createTopic("config", 1, [{ name: "retention.ms", value: "123456" }]);
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
    const read = async () => {
      const { resources: [{ configEntries }] } = await admin.describeConfigs({
        resources: [resource],
        includeSynonyms: false,
      });
      return Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue]));
    };
    await until(
      async () => (await read().catch(() => ({})))["retention.ms"] === "123456",
      "the topic's own value is there",
    );
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "654321" }] }],
    });
    await until(async () => (await read())["retention.ms"] === "654321", "the new value is there");
    equal((await read())["cleanup.policy"], "delete");
  });
  await check("admin", "delete records, describe the cluster", async () => {
    const topic = await createTopic("trim");
    await withProducer({}, (producer) => producer.send({ topic, messages: numbered(10).map((value) => ({ value })) }));
    // kafkajs knows a topic's leaders only once it has been asked for its offsets.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "4" }] });
    const [{ low, high }] = await admin.fetchTopicOffsets(topic);
    equal([low, high], ["4", "10"], "start and end");
    const { brokers, controller, clusterId } = await admin.describeCluster();
    hold(
      brokers.some(({ nodeId }) => nodeId === controller) && clusterId.length > 0,
      "no controller among the brokers",
    );
  });
}

await admin.connect();
await produceChecks();
await codecChecks();
await timeChecks();
await idempotentChecks();
await groupChecks();
await rebalanceChecks();
await adminChecks();
await admin.disconnect();
// A consumer that a failed check left behind must not keep the program.
process.exit(0);
