/** CreateTopics, DeleteTopics and CreatePartitions, as frames over a broker in memory. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../../../src/base/limits.ts";
import { createPartitionsApi } from "../../../../src/protocols/kafka/wire/messages/create_partitions.ts";
import { createTopicsApi } from "../../../../src/protocols/kafka/wire/messages/create_topics.ts";
import type { CreateTopicsRequest } from "../../../../src/protocols/kafka/wire/messages/create_topics.ts";
import { deleteTopicsApi } from "../../../../src/protocols/kafka/wire/messages/delete_topics.ts";
import { type AdminSession, openAdminSession } from "./admin_session.ts";

type AskedTopic = CreateTopicsRequest["topics"][number];
const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAABQ";

const topic = (name: string, more: Partial<AskedTopic> = {}): AskedTopic => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more,
});
const assigned = (name: string, ...partitions: readonly (readonly [number, readonly number[]])[]): AskedTopic =>
  topic(name, {
    numPartitions: -1,
    replicationFactor: -1,
    assignments: partitions.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
  });
const configured = (name: string, ...configs: readonly (readonly [string, string | null])[]): AskedTopic =>
  topic(name, { configs: configs.map(([key, value]) => ({ name: key, value })) });

/** Name, number and text of each answer, by name. */
async function create(
  session: AdminSession,
  topics: readonly AskedTopic[],
  options: { readonly timeoutMs?: number; readonly validateOnly?: boolean; readonly version?: number } = {},
): Promise<Record<string, readonly [number, string | null]>> {
  const { timeoutMs = 1_000, validateOnly = false, version = 7 } = options;
  const answer = await session.ask(createTopicsApi, version, { topics, timeoutMs, validateOnly });
  return Object.fromEntries(answer.topics.map((made) => [made.name, [made.errorCode, made.errorMessage] as const]));
}

test("CreateTopics makes topics in every version, with what the version can tell", async () => {
  await using session = await openAdminSession({ partitionsDefault: 3 });
  for (let version = 2; version <= 7; version++) {
    const name = `version-${version}`;
    const request = { topics: [topic(name, { numPartitions: -1, replicationFactor: -1 })], timeoutMs: 1_000 };
    const { topics, throttleTimeMs } = await session.ask(createTopicsApi, version, request);
    const made = session.broker.describeTopic(name)!;
    equal(made.partitions.length, 3);
    const [answer] = topics;
    deepEqual([throttleTimeMs, topics.length, answer!.name, answer!.errorCode, answer!.errorMessage], [
      0,
      1,
      name,
      0,
      null,
    ]);
    equal(answer!.topicId, version < 7 ? NO_ID : made.topicId);
    deepEqual([answer!.numPartitions, answer!.replicationFactor], version < 5 ? [-1, -1] : [3, 1]);
    equal(answer!.configs!.length, version < 5 ? 0 : session.broker.describeTopicConfig(name)!.length);
  }
});

test("CreateTopics tells each topic's settings and where they come from", async () => {
  await using session = await openAdminSession();
  const request = { topics: [configured("orders", ["retention.ms", "5"], ["retention.ms", "7"])], timeoutMs: 1_000 };
  const { topics: [made] } = await session.ask(createTopicsApi, 7, request);
  const entry = (name: string) => made!.configs!.find((config) => config.name === name);
  deepEqual(entry("retention.ms"), {
    name: "retention.ms",
    value: "7",
    readOnly: false,
    configSource: 1,
    isSensitive: false,
  });
  deepEqual([entry("segment.ms")!.configSource, entry("preallocate")!.readOnly], [5, true]);
  deepEqual(session.broker.describeTopic("orders")!.config, { "retention.ms": "7" });
});

test("CreateTopics says in Kafka's words what is wrong with each topic, and makes the others", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("there");
  await session.broker.createTopic("co.l");
  const both = "A manual partition assignment was specified, but";
  const includes = "The manual partition assignment includes";
  const wrong: readonly (readonly [AskedTopic, number, string | RegExp])[] = [
    [topic("there"), 36, "Topic 'there' already exists."],
    [topic("co_l"), 17, "Topic 'co_l' collides with existing topic: co.l"],
    [topic(""), 17, "Topic name is invalid: the empty string is not allowed"],
    [topic("."), 17, "Topic name is invalid: '.' is not allowed"],
    [
      topic("a b"),
      17,
      "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    [
      topic("x".repeat(250)),
      17,
      /^Topic name is invalid: the length of 'x+' is longer than the max allowed length 249$/,
    ],
    [topic("__cluster_metadata"), 42, "Creation of internal topic __cluster_metadata is prohibited."],
    [topic("p0", { numPartitions: 0 }), 37, "Number of partitions was set to an invalid non-positive value."],
    [topic("p-2", { numPartitions: -2 }), 37, "Number of partitions was set to an invalid non-positive value."],
    [
      topic("r0", { replicationFactor: 0 }),
      38,
      "Replication factor must be larger than 0, or -1 to use the default value.",
    ],
    [
      topic("r-2", { replicationFactor: -2 }),
      38,
      "Replication factor must be larger than 0, or -1 to use the default value.",
    ],
    [topic("r2", { replicationFactor: 2 }), 38, /^Unable to replicate the partition 2 time\(s\)/],
    [
      topic("as1", { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
      42,
      `${both} replication factor was not set to -1.`,
    ],
    [
      { ...assigned("as2", [0, [1]]), numPartitions: 5 },
      42,
      `${both} numPartitions was not set to -1.`,
    ],
    [assigned("as3", [1, [1]]), 39, "partitions should be a consecutive 0-based integer sequence"],
    [assigned("as4", [0, [1]], [2, [1]]), 39, "partitions should be a consecutive 0-based integer sequence"],
    [assigned("as5", [-1, [1]]), 39, "partitions should be a consecutive 0-based integer sequence"],
    [assigned("as6", [0, [7]]), 39, `${includes} broker 7, but no such broker is registered.`],
    [assigned("as7", [0, []]), 39, `${includes} an empty replica list.`],
    [assigned("as8", [0, [1, 1]]), 39, `${includes} the broker 1 more than once.`],
    [assigned("as9", [0, [1]], [0, [1]]), 39, "Found multiple manual partition assignments for partition 0"],
    [assigned("as10", [0, [2, 1]]), 39, `${includes} broker 2, but no such broker is registered.`],
    [
      configured("c1", ["retention.ms", "x"]),
      40,
      "Invalid value x for configuration retention.ms: Not a number of type LONG",
    ],
    [configured("c2", ["no.such", "x"]), 40, "Unknown topic config name: no.such"],
    [configured("c4", ["retention.ms", "x"], ["no.such", "x"]), 40, "Unknown topic config name: no.such"],
    [configured("c3", ["a", null], ["b", null]), 40, "Null value not supported for topic configs: a,b"],
    // What Kafka looks at first is told first: name, settings, replicas, partitions.
    [{ ...configured("a/b", ["no.such", null]), numPartitions: 0 }, 17, /^Topic name is invalid/],
    [{ ...configured("o1", ["no.such", "x"]), numPartitions: 0, replicationFactor: 0 }, 40, /^Unknown topic config/],
    [topic("o2", { numPartitions: 0, replicationFactor: 0 }), 38, /^Replication factor/],
    [topic("o3", { numPartitions: 0, replicationFactor: 2 }), 37, /^Number of partitions/],
  ];
  for (const validateOnly of [true, false]) {
    const asked = [
      ...wrong.map(([asking]) => asking),
      topic(`good-${validateOnly}`),
      assigned("two", [1, [1]], [0, [1]]),
    ];
    const answers = await create(session, asked, { validateOnly });
    for (const [{ name }, errorCode, text] of wrong) {
      equal(answers[name]![0], errorCode, name);
      if (typeof text === "string") equal(answers[name]![1], text);
      else match(answers[name]![1]!, text);
    }
    deepEqual([answers[`good-${validateOnly}`], answers["two"]], [[0, null], [0, null]]);
  }
  deepEqual(session.broker.topicNames(), ["co.l", "good-false", "there", "two"]);
  equal(session.broker.partitionCount("two"), 2);
  deepEqual(session.internal, []);
});

test("CreateTopics answers a failed topic with no id, no counts and no settings", async () => {
  await using session = await openAdminSession();
  const { topics } = await session.ask(createTopicsApi, 7, { topics: [topic("a b")], timeoutMs: 1_000 });
  const { topicId, numPartitions, replicationFactor, configs } = topics[0]!;
  deepEqual({ topicId, numPartitions, replicationFactor, configs }, {
    topicId: NO_ID,
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  });
});

test("CreateTopics refuses a name that is asked for twice, once, and makes the others", async () => {
  await using session = await openAdminSession();
  const { topics } = await session.ask(createTopicsApi, 7, {
    topics: [topic("twice"), topic("once"), topic("twice"), topic("twice")],
    timeoutMs: 1_000,
  });
  deepEqual(topics.map(({ name, errorCode, errorMessage }) => [name, errorCode, errorMessage]), [
    ["once", 0, null],
    ["twice", 42, "Duplicate topic name."],
  ]);
  deepEqual(session.broker.topicNames(), ["once"]);
});

test("CreateTopics takes partitions at the bound of one request, and refuses all of it above", async () => {
  await using session = await openAdminSession({ partitionsDefault: 2 });
  const max = LIMITS.createdPartitionsMax;
  const ask = (...counts: readonly number[]) =>
    create(session, counts.map((numPartitions, at) => topic(`t${at}`, { numPartitions })), { validateOnly: true });
  deepEqual(await ask(max - 1), { t0: [0, null] });
  deepEqual(await ask(max), { t0: [0, null] });
  deepEqual(await ask(max - 2, -1), { t0: [0, null], t1: [0, null] });
  const refused = [44, "Excessively large number of partitions per request."] as const;
  deepEqual(await ask(max + 1), { t0: refused });
  deepEqual(await ask(max - 1, -1), { t0: refused, t1: refused });
  deepEqual(await ask(max, 1, 0), { t0: refused, t1: refused, t2: refused });
});

test("CreateTopics that is only to be checked makes nothing", async () => {
  await using session = await openAdminSession();
  const { topics: [plan] } = await session.ask(createTopicsApi, 7, {
    topics: [topic("orders", { numPartitions: 3 })],
    timeoutMs: 1_000,
    validateOnly: true,
  });
  deepEqual([plan!.errorCode, plan!.numPartitions, plan!.replicationFactor], [0, 3, 1]);
  ok(plan!.topicId !== NO_ID && plan!.configs!.length > 0);
  deepEqual(session.broker.topicNames(), []);
});

test("administrative requests without time are not begun, and answered with a time-out that has no text", async () => {
  await using session = await openAdminSession();
  for (const timeoutMs of [0, -1]) {
    deepEqual(await create(session, [topic(`t${timeoutMs}`)], { timeoutMs }), { [`t${timeoutMs}`]: [7, null] });
  }
  deepEqual(await create(session, [topic("last")]), { last: [0, null] });
  deepEqual(session.broker.topicNames(), ["last"]);
  const { results } = await session.ask(createPartitionsApi, 3, {
    topics: [{ name: "last", count: 2, assignments: null }],
    timeoutMs: 0,
    validateOnly: true,
  });
  deepEqual(results, [{ name: "last", errorCode: 7, errorMessage: null }]);
  const { responses } = await session.ask(deleteTopicsApi, 5, { topics: [], topicNames: ["last"], timeoutMs: 0 });
  deepEqual([responses[0]!.errorCode, responses[0]!.errorMessage], [7, null]);
  deepEqual(session.broker.topicNames(), ["last"]);
});

test("CreateTopics is answered when its time is over, and the topic is made all the same", async () => {
  await using session = await openAdminSession();
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  session.disk.before = () => {
    reached.resolve();
    return held.promise;
  };
  const answer = create(session, [topic("slow")], { timeoutMs: 50 });
  await reached.promise;
  let isAnswered = false;
  void answer.then(() => isAnswered = true);
  session.clock.advance(49);
  await new Promise((resolve) => setImmediate(resolve));
  equal(isAnswered, false);
  session.clock.advance(1);
  deepEqual(await answer, { slow: [7, null] });
  held.resolve();
  deepEqual(await create(session, [topic("next")]), { next: [0, null] });
  deepEqual(session.broker.topicNames(), ["next", "slow"]);
});

test("DeleteTopics deletes by name in every version, and by id from version 6", async () => {
  await using session = await openAdminSession();
  for (let version = 1; version <= 6; version++) {
    await session.broker.createTopic("orders");
    const { topicId } = session.broker.describeTopic("orders")!;
    const { responses } = await session.ask(
      deleteTopicsApi,
      version,
      version < 6
        ? { topics: [], topicNames: ["orders"], timeoutMs: 1_000 }
        : { topics: [{ name: "orders", topicId: NO_ID }], timeoutMs: 1_000 },
    );
    deepEqual(responses, [
      { name: "orders", topicId: version < 6 ? NO_ID : topicId, errorCode: 0, errorMessage: null },
    ]);
    deepEqual(session.broker.topicNames(), []);
  }
  const { topicId } = await session.broker.createTopic("orders");
  const { responses } = await session.ask(deleteTopicsApi, 6, { topics: [{ name: null, topicId }], timeoutMs: 1_000 });
  deepEqual(responses, [{ name: "orders", topicId, errorCode: 0, errorMessage: null }]);
  deepEqual(session.broker.topicNames(), []);
});

test("DeleteTopics says what is wrong with each topic, and deletes the others", async () => {
  await using session = await openAdminSession();
  const { topicId } = await session.broker.createTopic("orders");
  await session.broker.createTopic("both");
  await session.broker.createTopic("gone");
  const { responses } = await session.ask(deleteTopicsApi, 6, {
    topics: [
      { name: "none", topicId: NO_ID },
      { name: null, topicId: OTHER_ID },
      { name: null, topicId: NO_ID },
      { name: "both", topicId: OTHER_ID.replace("Q", "g") },
      { name: "gone", topicId: NO_ID },
    ],
    timeoutMs: 1_000,
  });
  deepEqual(responses.map(({ name, errorCode, errorMessage }) => [name, errorCode, errorMessage]), [
    ["none", 3, "This server does not host this topic-partition."],
    [null, 100, "This server does not host this topic ID."],
    [null, 42, "Neither topic name nor id were specified."],
    ["both", 42, "You may not specify both topic name and topic id."],
    ["gone", 0, null],
  ]);
  const twice = await session.ask(deleteTopicsApi, 6, {
    topics: [
      { name: "none", topicId: NO_ID },
      { name: "none", topicId: NO_ID },
      { name: null, topicId: OTHER_ID },
      { name: null, topicId: OTHER_ID },
      { name: "orders", topicId: NO_ID },
      { name: null, topicId },
    ],
    timeoutMs: 1_000,
  });
  deepEqual(twice.responses.map((answer) => [answer.name, answer.topicId, answer.errorCode, answer.errorMessage]), [
    ["orders", NO_ID, 42, "The provided topic name maps to an ID that was already supplied."],
    [null, topicId, 42, "The provided topic name maps to an ID that was already supplied."],
    ["none", NO_ID, 42, "Duplicate topic name."],
    [null, OTHER_ID, 42, "Duplicate topic id."],
  ]);
  const each = await session.ask(deleteTopicsApi, 6, {
    topics: [{ name: "both", topicId: OTHER_ID }, { name: null, topicId: OTHER_ID }],
    timeoutMs: 1_000,
  });
  deepEqual(each.responses.map(({ name, errorCode }) => [name, errorCode]), [["both", 42], [null, 100]]);
  deepEqual(session.broker.topicNames(), ["both", "orders"]);
});

test("CreatePartitions adds partitions in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  for (let version = 0; version <= 3; version++) {
    const topics = [{ name: "orders", count: version + 2, assignments: version === 1 ? [{ brokerIds: [1] }] : null }];
    const answer = await session.ask(createPartitionsApi, version, { topics, timeoutMs: 1_000, validateOnly: false });
    deepEqual(answer.results, [{ name: "orders", errorCode: 0, errorMessage: null }]);
    equal(session.broker.partitionCount("orders"), version + 2);
  }
});

test("CreatePartitions says in Kafka's words what is wrong, and changes nothing then", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders", { partitions: 2 });
  const includes = "The manual partition assignment includes";
  const wrong: readonly (readonly [number, readonly (readonly number[])[] | null, number, string])[] = [
    [2, null, 37, "Topic already has 2 partition(s)."],
    [1, null, 37, "The topic orders currently has 2 partition(s); 1 would not be an increase."],
    [-1, null, 37, "The topic orders currently has 2 partition(s); -1 would not be an increase."],
    [4, [[1]], 39, "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."],
    [3, [], 39, "Attempted to add 1 additional partition(s), but only 0 assignment(s) were specified."],
    [3, [[9]], 39, `${includes} broker 9, but no such broker is registered.`],
    [3, [[]], 39, `${includes} an empty replica list.`],
    [3, [[1, 1]], 39, `${includes} the broker 1 more than once.`],
    [
      LIMITS.topicPartitionsMax + 1,
      null,
      37,
      `${LIMITS.topicPartitionsMax + 1} partitions were asked for; a topic can have 1 to ${LIMITS.topicPartitionsMax}`,
    ],
  ];
  for (const validateOnly of [true, false]) {
    for (const [count, ids, errorCode, errorMessage] of wrong) {
      const assignments = ids?.map((brokerIds) => ({ brokerIds })) ?? null;
      const topics = [{ name: "orders", count, assignments }];
      const { results } = await session.ask(createPartitionsApi, 3, { topics, timeoutMs: 1_000, validateOnly });
      deepEqual(results, [{ name: "orders", errorCode, errorMessage }]);
    }
  }
  const { results } = await session.ask(createPartitionsApi, 3, {
    topics: [
      { name: "none", count: 2, assignments: null },
      { name: "orders", count: 5, assignments: null },
      { name: "orders", count: 6, assignments: null },
    ],
    timeoutMs: 1_000,
    validateOnly: false,
  });
  deepEqual(results, [
    { name: "orders", errorCode: 42, errorMessage: "Duplicate topic name." },
    { name: "none", errorCode: 3, errorMessage: null },
  ]);
  const checked = { topics: [{ name: "orders", count: 3, assignments: null }], timeoutMs: 1_000, validateOnly: true };
  deepEqual((await session.ask(createPartitionsApi, 3, checked)).results[0]!.errorCode, 0);
  equal(session.broker.partitionCount("orders"), 2);
});
