/** Requests with an idempotency key through the broker: sent again, interrupted, at once, over restarts and crashes. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "../../src/base/errors.ts";
import { LIMITS } from "../../src/base/limits.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { KeyedOutcome, RoutedRecord } from "../../src/broker/broker_api.ts";
import { IDEMPOTENCY_TOPIC } from "../../src/broker/internal_topics.ts";
import type { ProduceOptions } from "../../src/broker/types.ts";
import { ManualClock } from "../manual_clock.ts";
import { SeededRandom } from "../seeded_random.ts";
import { FaultyDisk } from "../storage/faulty_disk.ts";
import { IN_DIRECTORIES, openBroker, produce, values } from "./broker_fixture.ts";

const ALL: ProduceOptions = { acks: "all" };

/** Records by value; `p:text` goes to partition p. */
function recordsOf(...texts: string[]): RoutedRecord[] {
  return texts.map((text) => {
    const partition = /^(\d):/.exec(text)?.[1];
    const record = { key: null, value: new TextEncoder().encode(text), headers: [] };
    return partition === undefined ? { record } : { record, partition: Number(partition) };
  });
}

/** `partition:first+count` of each piece. */
function piecesOf({ outcomes }: KeyedOutcome): string[] {
  return outcomes.map((outcome) =>
    outcome.ok ? `${outcome.ack.partition}:${outcome.ack.first}+${outcome.ack.count}` : `${outcome.partition}:failed`
  );
}

async function allValues(broker: Broker, partitions: number): Promise<string[]> {
  const found: string[] = [];
  for (let partition = 0; partition < partitions; partition++) found.push(...await values(broker, "orders", partition));
  return found;
}

test("a request sent again is answered as the first time and stored once", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "before");
  const first = await broker.produceOnce("orders", "k1", recordsOf("a", "b"), ALL);
  await produce(broker, "orders", "after");
  const second = await broker.produceOnce("orders", "k1", recordsOf("a", "b"), ALL);
  deepEqual([first.replayed, piecesOf(first)], [false, ["0:1+2"]]);
  deepEqual([second.replayed, piecesOf(second)], [true, ["0:1+2"]]);
  deepEqual(second.outcomes.map(({ indexes }) => indexes), [[0, 1]]);
  deepEqual(await values(broker, "orders"), ["before", "a", "b", "after"]);
});

test("the key of another request is refused, and a key of another topic is another key", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.produceOnce("orders", "k1", recordsOf("a"), ALL);
  for (const other of [recordsOf("b"), recordsOf("a", "a"), recordsOf("0:a"), recordsOf()]) {
    await rejects(broker.produceOnce("orders", "k1", other, ALL), { code: "idempotency_mismatch" });
  }
  await rejects(broker.produceOnce("orders", "k1", recordsOf("a"), { ...ALL, expectedOffset: 1 }), {
    code: "idempotency_mismatch",
  });
  equal((await broker.produceOnce("invoices", "k1", recordsOf("b"), ALL)).replayed, false);
  await broker.deleteTopic("orders");
  equal((await broker.produceOnce("orders", "k1", recordsOf("b"), ALL)).replayed, false);
});

test("keys that are kept and answers that come from them are counted, also after a restart", async () => {
  await using opened = await openBroker();
  const counted = ({ counters }: Broker) => [counters.idempotencyKeys, counters.idempotencyReplays];
  const { broker } = opened;
  for (const key of ["k1", "k2", "k1"]) await broker.produceOnce("orders", key, recordsOf("a"), ALL);
  deepEqual(counted(broker), [2, 1]);
  // A request that is refused leaves no key.
  await rejects(broker.produceOnce("orders", "k3", recordsOf("9:a"), ALL));
  deepEqual(counted(broker), [2, 1]);
  await broker.close();
  await using again = await openBroker({}, opened.disk);
  deepEqual(counted(again.broker), [2, 0]);
});

test("of two requests at once one is told that the other is in work", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const sent = [1, 2, 3].map(() => broker.produceOnce("orders", "k1", recordsOf("a"), ALL));
  const settled = await Promise.allSettled(sent);
  const codes = settled.map((each) => each.status === "fulfilled" ? "stored" : each.reason.code).sort();
  deepEqual(codes, ["request_in_flight", "request_in_flight", "stored"]);
  equal((await broker.produceOnce("orders", "k1", recordsOf("a"), ALL)).replayed, true);
  deepEqual(await values(broker, "orders"), ["a"]);
});

test("a request over several partitions keeps which record went where, also when partitions are added", async () => {
  await using opened = await openBroker({ partitionsDefault: 3 });
  const { broker } = opened;
  const records = recordsOf("2:a", "0:b", "2:c", "1:d", "1:e");
  const first = await broker.produceOnce("orders", "k1", records, ALL);
  await broker.alterTopic("orders", { partitions: 7 });
  const second = await broker.produceOnce("orders", "k1", records, ALL);
  deepEqual(piecesOf(first), ["0:0+1", "1:0+2", "2:0+2"]);
  deepEqual(second.outcomes, first.outcomes);
  deepEqual(first.outcomes.map(({ indexes }) => indexes), [[1], [3, 4], [0, 2]]);
});

test("what is not valid leaves no key, no topic and no internal topic", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  const tooLarge = recordsOf("x".repeat(LIMITS.batchBytesDefaultMax));
  await rejects(broker.produceOnce("orders", "k1", tooLarge, ALL), { code: "too_large" });
  for (const key of ["", "a b", "ä", "x".repeat(256), "\n"]) {
    await rejects(broker.produceOnce("orders", key, recordsOf("a"), ALL), { code: "invalid_parameter" });
  }
  await rejects(broker.produceOnce("orders", "k1", recordsOf("a"), { acks: "none" }), { code: "invalid_parameter" });
  deepEqual([broker.describeTopic("orders"), broker.describeTopic(IDEMPOTENCY_TOPIC)], [null, null]);
  await broker.createTopic("orders");
  await rejects(broker.produceOnce("orders", "k1", tooLarge, ALL), { code: "too_large" });
  equal((await broker.produceOnce("orders", "k1", recordsOf("a"), ALL)).replayed, false);
});

test("If-Match and a key: the first answer counts, and a mismatch leaves the key free", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await produce(broker, "orders", "a");
  const at = (expectedOffset: number) =>
    broker.produceOnce("orders", "k1", recordsOf("0:b"), { ...ALL, expectedOffset });
  await rejects(at(0), { code: "offset_mismatch" });
  deepEqual([(await at(1)).replayed, (await at(1)).replayed], [false, true]);
  deepEqual(await values(broker, "orders"), ["a", "0:b"]);
});

test("the internal topic is the broker's own", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  await broker.produceOnce("orders", "k1", recordsOf("a"), ALL);
  const refusals = [
    broker.produceRecords(IDEMPOTENCY_TOPIC, recordsOf("a"), ALL),
    broker.produceOnce(IDEMPOTENCY_TOPIC, "k", recordsOf("a"), ALL),
    broker.deleteTopic(IDEMPOTENCY_TOPIC),
    broker.alterTopic(IDEMPOTENCY_TOPIC, { partitions: 2 }),
    broker.createTopic(IDEMPOTENCY_TOPIC),
    broker.deleteRecordsBefore(IDEMPOTENCY_TOPIC, 0, 1),
  ];
  for (const refusal of refusals) await rejects(refusal, { code: "invalid_topic" });
  deepEqual(broker.topicNames(), ["orders"]);
});

test("keys are known after a restart, for a day, and then free again", async () => {
  const disk = new FaultyDisk();
  const clock = new ManualClock();
  for (let start = 0; start < 3; start++) {
    await using opened = await openBroker({}, disk, clock);
    const { replayed } = await opened.broker.produceOnce("orders", "k1", recordsOf("a"), ALL);
    equal(replayed, start > 0);
    clock.advance(LIMITS.idempotencyKeepMs / 3);
  }
  await using opened = await openBroker({}, disk, clock);
  equal((await opened.broker.produceOnce("orders", "k1", recordsOf("a"), ALL)).replayed, false);
  deepEqual(await values(opened.broker, "orders"), ["a", "a"]);
});

test("a partition that fails leaves the others' records stored; the same request stores the rest", async () => {
  await using opened = await openBroker({ ...IN_DIRECTORIES, partitionsDefault: 2 });
  const { broker, disk } = opened;
  await broker.createTopic("orders");
  const { before } = disk;
  disk.before = ({ operation, path }) => {
    if (operation === "write" && path.includes("/orders-1/") && path.endsWith(".log")) {
      throw new PlatformError("no_space", operation, path);
    }
  };
  const records = recordsOf("0:a", "1:b", "0:c");
  const first = await broker.produceOnce("orders", "k1", records, ALL);
  deepEqual(piecesOf(first), ["0:0+2", "1:failed"]);
  await rejects(broker.produceOnce("orders", "k1", recordsOf("0:a"), ALL), { code: "idempotency_mismatch" });
  disk.before = before;
  const second = await broker.produceOnce("orders", "k1", records, ALL);
  deepEqual([second.replayed, piecesOf(second)], [false, ["0:0+2", "1:0+1"]]);
  const third = await broker.produceOnce("orders", "k1", records, ALL);
  deepEqual([third.replayed, piecesOf(third)], [true, ["0:0+2", "1:0+1"]]);
  deepEqual(await allValues(broker, 2), ["0:a", "0:c", "1:b"]);
});

test("a request of which nothing is stored leaves its key free", async () => {
  await using opened = await openBroker(IN_DIRECTORIES);
  const { broker, disk } = opened;
  await broker.createTopic("orders");
  const { before } = disk;
  for (const part of ["/orders-0/", `/${IDEMPOTENCY_TOPIC}-0/`]) {
    disk.before = ({ operation, path }) => {
      if (operation === "write" && path.includes(part) && path.endsWith(".log")) {
        throw new PlatformError("no_space", operation, path);
      }
    };
    const refused = await broker.produceOnce("orders", "k1", recordsOf("a"), ALL).then(piecesOf, ({ code }) => code);
    deepEqual(refused, part === "/orders-0/" ? ["0:failed"] : "storage_error");
    disk.before = before;
  }
  equal((await broker.produceOnce("orders", "k1", recordsOf("b"), ALL)).replayed, false);
  deepEqual(await values(broker, "orders"), ["b"]);
});

test("producer ids serve one request after another", async () => {
  await using opened = await openBroker();
  const { broker } = opened;
  for (let request = 0; request < 10; request++) {
    await broker.produceOnce("orders", `k${request}`, recordsOf(`a${request}`), ALL);
  }
  equal(broker.describeProducers("orders", 0).length, 1);
  await Promise.all(["x", "y", "z"].map((key) => broker.produceOnce("orders", key, recordsOf(key), ALL)));
  equal(broker.describeProducers("orders", 0).length, 3);
});

/** The requests of the crash test: several batches, two partitions, several records. */
const REQUESTS: readonly { readonly key: string; readonly records: RoutedRecord[] }[] = [
  { key: "one", records: recordsOf("0:a", "1:b", "0:c") },
  { key: "two", records: recordsOf(...["d", "e", "f", "g"].map((text) => `0:${text.repeat(150)}`)) },
  { key: "three", records: recordsOf("1:h", "0:i") },
];
const SENT = REQUESTS.flatMap(({ records }) => records.map(({ record }) => new TextDecoder().decode(record.value!)));

/** Sends what was not answered yet; the answers by key. */
async function sendAll(broker: Broker, answers: Map<string, string[]>): Promise<void> {
  for (const { key, records } of REQUESTS) {
    const answer = piecesOf(await broker.produceOnce("orders", key, records, ALL));
    const before = answers.get(key);
    if (before !== undefined) deepEqual(answer, before, `the answer of ${key} changed`);
    answers.set(key, answer);
  }
}

const isFirst = (text: string): boolean => text.startsWith("0:");

const CRASH_MODES = ["kill", "lost", "some"] as const;
const CONFIG = { config: { "max.message.bytes": "400", "segment.bytes": "600" }, partitions: 2 };

test("after a crash at any step, and one more, each record is stored once and answers stay what they were", async () => {
  const random = new SeededRandom(5);
  let effects = 0;
  for (let crashAfter = 0, isOver = false; !isOver; crashAfter += 2) {
    let disk = new FaultyDisk();
    const answers = new Map<string, string[]>();
    {
      await using opened = await openBroker({}, disk);
      await opened.broker.createTopic("orders", CONFIG);
    }
    // The second crash comes somewhere in what the first one left to be done.
    for (const limit of [crashAfter, random.below(60)]) {
      const image = await crashWhile(disk, answers, limit, random);
      if (limit === crashAfter) isOver = image === null;
      if (image !== null) disk = image;
    }
    await using opened = await openBroker({}, disk);
    await sendAll(opened.broker, answers);
    await sendAll(opened.broker, answers);
    // Each request has its answer before the next one is sent: the order is kept too.
    deepEqual(await allValues(opened.broker, 2), [...SENT.filter(isFirst), ...SENT.filter((text) => !isFirst(text))]);
    effects = crashAfter;
  }
  ok(effects > 60, `only ${effects} effects`);
});

/** Sends until so many effects are done; what a crash then leaves of the disk, or null when everything was done before. */
async function crashWhile(
  disk: FaultyDisk,
  answers: Map<string, string[]>,
  limit: number,
  random: SeededRandom,
): Promise<FaultyDisk | null> {
  let count = 0;
  let image: FaultyDisk | null = null;
  const told = new Map(answers);
  disk.after = () => {
    if (count++ !== limit) return;
    image = disk.crash(random.pick(CRASH_MODES), random);
    // What is told from now on nobody hears.
    told.clear();
    for (const [key, answer] of answers) told.set(key, answer);
  };
  const opened = await openBroker({}, disk);
  await sendAll(opened.broker, answers);
  await opened.broker.close();
  if (image !== null) {
    answers.clear();
    for (const [key, answer] of told) answers.set(key, answer);
  }
  return image;
}
