/** @platformatic/kafka against a broker: `node test/clients/platformatic.mjs HOST:PORT`. */
import "./with_resolvers.mjs";
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  Producer,
} from "@platformatic/kafka";
import process from "node:process";
import zlib from "node:zlib";
import {
  bootstrapAddress,
  cannot,
  check,
  CODECS,
  CONSUMER_GROUP_HEARTBEAT,
  equal,
  freshName,
  hold,
  numbered,
  offers,
  recordsOfAllShapes,
  shapeOf,
  until,
} from "./checks.mjs";

const base = { clientId: "platformatic-checks", bootstrapBrokers: [bootstrapAddress()], retries: 8, retryDelay: 50 };
const admin = new Admin(base);

async function createTopic(name, partitions = 1, configs = []) {
  const topic = freshName(`platformatic-${name}`);
  const [created] = await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs });
  equal([created.name, created.partitions], [topic, partitions], "the created topic");
  // Kafka's brokers learn of a topic after the answer, and a send that is refused for one partition is repeated for all.
  const asked = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }));
  const isLed = () => admin.listOffsets({ topics: [{ name: topic, partitions: asked }] }).then(() => true, () => false);
  await until(isLed, "every partition has a leader");
  return topic;
}

async function withProducer(options, use) {
  const producer = new Producer({ ...base, ...options });
  try {
    return await use(producer);
  } finally {
    await producer.close(true);
  }
}

const bytes = (text) => Buffer.from(text, "utf8");

/** Messages with the numbered values, keyed so that they spread over the partitions. */
function numberedMessages(topic, count, from = 0) {
  return numbered(count, from).map((value) => ({ topic, key: bytes(value), value: bytes(value) }));
}

const CLASSIC = { sessionTimeout: 10_000, rebalanceTimeout: 10_000, heartbeatInterval: 200 };
const PROTOCOLS = { classic: CLASSIC, consumer: { groupProtocol: "consumer" } };

/** Starts a member of a group that hands each message to `take`. */
async function consume(groupId, topic, take, protocol = CLASSIC) {
  const consumer = new Consumer({ ...base, groupId, maxWaitTime: 100, autocommit: false, ...protocol });
  const stream = await consumer.consume({ topics: [topic], mode: "committed", fallbackMode: "earliest" });
  const last = new Map();
  stream.on("data", (message) => {
    last.set(message.partition, message);
    take(message);
  });
  // A close while a fetch is on its way ends the stream with an error that says just this.
  stream.on("error", () => {});
  return {
    async commitAll() {
      for (const message of last.values()) await message.commit();
    },
    async leave() {
      await stream.close();
      await consumer.close(true);
    },
  };
}

async function readAll(topic, count) {
  const messages = [];
  const member = await consume(freshName("platformatic-read"), topic, (message) => messages.push(message));
  try {
    await until(() => messages.length >= count, () => `${messages.length} of ${count} records`);
  } finally {
    await member.leave();
  }
  equal(messages.length, count, "the number of records");
  return messages;
}

async function produceChecks() {
  await check("produce", "keys and values of all shapes, acks all", async () => {
    const topic = await createTopic("shapes");
    // This client has no way to write an empty key or value: it takes them for none.
    const records = recordsOfAllShapes().filter(({ key }) => key === null || key.length > 0);
    const messages = records.map(({ key, value }) => ({
      topic,
      ...(key === null ? {} : { key }),
      ...(value === null ? {} : { value }),
    }));
    const { offsets } = await withProducer({}, (producer) => producer.send({ messages, acks: -1 }));
    equal(offsets.map(({ partition, offset }) => [partition, offset]), [[0, 0]], "partition and base offset");
    const read = await readAll(topic, records.length);
    equal(
      read.map(({ key }) => shapeOf({ key, value: null })[0] || null),
      records.map((record) => shapeOf(record)[0]),
      "keys",
    );
    equal(
      read.map(({ value }) => shapeOf({ key: null, value })[1] || null),
      records.map((record) => shapeOf(record)[1]),
      "values",
    );
  });
  for (const acks of [1, 0]) {
    await check("produce", `acks ${acks}`, async () => {
      const topic = await createTopic(`acks-${acks}`);
      await withProducer({}, async (producer) => {
        for (const message of numberedMessages(topic, 20)) await producer.send({ messages: [message], acks });
      });
      equal((await readAll(topic, 20)).map(({ value }) => String(value)), numbered(20));
    });
  }
  await check("produce", "a topic that the producer creates", async () => {
    const topic = freshName("platformatic-created-by-producing");
    await withProducer(
      { autocreateTopics: true },
      (producer) => producer.send({ messages: numberedMessages(topic, 1) }),
    );
    equal((await readAll(topic, 1)).length, 1);
  });
  await check("headers", "several, empty and binary", async () => {
    const topic = await createTopic("headers");
    const headers = new Map([["plain", "text"], ["имя", "значение"], ["binary", "\u0000\u00ff"], ["empty", ""]]
      .map(([name, value]) => [bytes(name), bytes(value)]));
    await withProducer(
      {},
      (producer) =>
        producer.send({ messages: [{ topic, value: bytes("v"), headers }, { topic, value: bytes("none") }] }),
    );
    const [first, second] = await readAll(topic, 2);
    const shape = (map) => [...map].map(([name, value]) => [String(name), String(value ?? "")]);
    equal(shape(first.headers), shape(headers), "headers");
    equal(shape(second.headers), [], "no headers");
  });
}

async function codecChecks() {
  for (const compression of CODECS) {
    if (compression === "zstd" && typeof zlib.zstdCompressSync !== "function") {
      cannot("codecs", compression, `no zstd in the zlib of ${process.versions.node}`);
      continue;
    }
    await check("codecs", compression, async () => {
      const topic = await createTopic(compression);
      const values = numbered(500).map((value) => value.repeat(20));
      const messages = values.map((value) => ({ topic, value: bytes(value) }));
      await withProducer({}, (producer) => producer.send({ messages, compression }));
      equal((await readAll(topic, 500)).map(({ value }) => String(value)), values);
    });
  }
}

async function timeChecks() {
  await check("offsets by time", "the first offset at or after a time; none after the last", async () => {
    const topic = await createTopic("times");
    const startMs = Date.now() - 100_000;
    await withProducer({}, async (producer) => {
      for (let index = 0; index < 10; index++) {
        const timestamp = BigInt(startMs + index * 1_000);
        await producer.send({ messages: [{ topic, value: bytes(`${index}`), timestamp }] });
      }
    });
    const at = async (ms) => {
      const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: BigInt(ms) }] }];
      return (await admin.listOffsets({ topics }))[0].partitions[0].offset;
    };
    equal([await at(startMs - 1), await at(startMs), await at(startMs + 3_500), await at(startMs + 9_000)], [
      0,
      0,
      4,
      9,
    ]);
    equal(
      [await at(startMs + 9_001), await at(-2), await at(-1), await at(-3)],
      [-1, 0, 10, 9],
      "after the last, start, end, newest",
    );
  });
}

async function idempotentChecks() {
  await check("idempotent", "300 records, each once and in order", async () => {
    const topic = await createTopic("idempotent", 2);
    await withProducer({ idempotent: true }, async (producer) => {
      for (let index = 0; index < 150; index++) {
        const value = bytes(`record ${index}`);
        await producer.send({ messages: [{ topic, partition: 0, value }, { topic, partition: 1, value }], acks: -1 });
      }
      hold(producer.producerId >= 0n, `the producer's id is ${producer.producerId}`);
    });
    const read = await readAll(topic, 300);
    for (const wanted of [0, 1]) {
      const values = read.filter(({ partition }) => partition === wanted).map(({ value }) => String(value));
      equal(values, numbered(150), `partition ${wanted}`);
    }
  });
}

/** The sum over the partitions of what a group has committed. */
async function committedSum(groupId, topic) {
  const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: [groupId] });
  const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
  return partitions.reduce((sum, { committedOffset }) => sum + Number(committedOffset), 0);
}

async function groupChecks() {
  for (const [name, protocol] of Object.entries(PROTOCOLS)) {
    if (name === "consumer" && !offers(CONSUMER_GROUP_HEARTBEAT)) {
      cannot("group", "consumer protocol", "the broker does not offer it");
      continue;
    }
    await check("group", `${name} protocol: commits are kept, the next member goes on after them`, async () => {
      const topic = await createTopic("group", 3);
      const groupId = freshName("platformatic-group");
      for (const from of [0, 30]) {
        await withProducer({}, (producer) => producer.send({ messages: numberedMessages(topic, 30, from) }));
        const seen = [];
        const member = await consume(groupId, topic, ({ value }) => seen.push(String(value)), protocol);
        await until(() => seen.length >= 30, () => `${seen.length} of 30`);
        await member.commitAll();
        equal(await committedSum(groupId, topic), from + 30, "the sum of committed offsets");
        await member.leave();
        equal(seen.sort(), numbered(30, from).sort(), "what the member is given");
      }
    });
  }
  await check("group", "list, describe, seek a group, delete", async () => {
    const topic = await createTopic("group-admin");
    const groupId = freshName("platformatic-group-admin");
    await withProducer({}, (producer) => producer.send({ messages: numberedMessages(topic, 5) }));
    const seen = [];
    const member = await consume(groupId, topic, ({ value }) => seen.push(String(value)));
    await until(() => seen.length === 5, "5 records");
    hold((await admin.listGroups()).has(groupId), "the group is not listed");
    const described = (await admin.describeGroups({ groups: [groupId] })).get(groupId);
    equal([described.state, described.members.size, described.protocolType], ["Stable", 1, "consumer"], "the group");
    await member.commitAll();
    equal(await committedSum(groupId, topic), 5, "the committed offset");
    await member.leave();
    await admin.alterConsumerGroupOffsets({
      groupId,
      topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 2n }] }],
    });
    const again = [];
    const next = await consume(groupId, topic, ({ value }) => again.push(String(value)));
    await until(() => again.length >= 3, "3 records");
    await next.leave();
    equal(again, numbered(3, 2), "what is read after the seek");
    await admin.deleteGroups({ groups: [groupId] });
    hold(!(await admin.listGroups()).has(groupId), "the group is still listed");
  });
}

async function rebalanceChecks() {
  await check("rebalance", "members come and go while a producer writes: no record is missed", async () => {
    const topic = await createTopic("rebalance", 6);
    const groupId = freshName("platformatic-rebalance");
    const count = 600;
    const seen = new Set();
    const take = ({ value }) => seen.add(String(value));
    const members = [await consume(groupId, topic, take)];
    let sent = 0;
    const writing = withProducer({}, async (producer) => {
      for (; sent < count; sent += 5) {
        await producer.send({ messages: numberedMessages(topic, 5, sent) });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    await until(() => seen.size > 50, "the first member reads");
    members.push(await consume(groupId, topic, take));
    await until(() => sent > 250, "half is sent");
    await members[0].commitAll();
    await members[0].leave();
    members.push(await consume(groupId, topic, take));
    await writing;
    await until(() => seen.size === count, () => `${seen.size} of ${count} records`);
    const described = (await admin.describeGroups({ groups: [groupId] })).get(groupId);
    equal(described.members.size, 2, "members");
    for (const member of members.slice(1)) await member.leave();
  });
}

async function adminChecks() {
  await check("admin", "topics: create, refuse a second, list, grow, delete", async () => {
    const topic = await createTopic("admin", 2, [{ name: "retention.ms", value: "123456" }]);
    const refused = await admin.createTopics({ topics: [topic] }).then(() => null, (error) => error);
    hold(/already exists/.test(JSON.stringify(refused?.errors?.map(String)) + deepMessages(refused)), "created again");
    await until(async () => (await admin.listTopics()).includes(topic), "the topic is listed");
    await admin.createPartitions({ topics: [{ name: topic, count: 5, assignments: null }] });
    const leaders = async () => {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      return topics.get(topic).partitions.filter(({ leader }) => leader >= 0).length;
    };
    await until(async () => await leaders() === 5, "five partitions have a leader");
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), "the topic is gone");
  });
  await check("admin", "settings: describe and alter", async () => {
    const topic = await createTopic("config", 1, [{ name: "retention.ms", value: "123456" }]);
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
    const read = async () => {
      const [{ configs }] = await admin.describeConfigs({ resources: [resource] });
      return Object.fromEntries(configs.map(({ name, value }) => [name, value]));
    };
    await until(
      async () => (await read().catch(() => ({})))["retention.ms"] === "123456",
      "the topic's own value is there",
    );
    await admin.incrementalAlterConfigs({
      resources: [{
        ...resource,
        configs: [{ name: "retention.ms", configOperation: IncrementalAlterConfigOperationTypes.SET, value: "654321" }],
      }],
    });
    await until(async () => (await read())["retention.ms"] === "654321", "the new value is there");
    equal((await read())["cleanup.policy"], "delete");
  });
  await check("admin", "delete records, log directories", async () => {
    const topic = await createTopic("trim");
    await withProducer({}, (producer) => producer.send({ messages: numberedMessages(topic, 10) }));
    const [{ partitions }] = await admin.deleteRecords({
      topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }],
    });
    equal(partitions.map(({ lowWatermark }) => lowWatermark), [4], "the start");
    const [{ results }] = await admin.describeLogDirs({ topics: [{ name: topic, partitions: [0] }] });
    hold(results[0].topics[0].partitions[0].partitionSize > 0n, "a partition without a size");
  });
}

function deepMessages(error) {
  return [String(error?.message), ...(error?.errors ?? []).map(deepMessages)].join(" ");
}

await produceChecks();
await codecChecks();
await timeChecks();
await idempotentChecks();
await groupChecks();
await rebalanceChecks();
await adminChecks();
await admin.close();
process.exit(0);
