import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import { buildRecordBatch } from "../../src/records/build_batch.ts";
import { readRecords } from "../../src/records/read_records.ts";
import type { StoredRecord } from "../../src/records/record.ts";
import { FakeBroker } from "../protocols/fake_broker.ts";
import { cli, openBroker } from "./cli_run.ts";

const RULE = "-".repeat(60);
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (value: Uint8Array | null) => value === null ? null : new TextDecoder().decode(value);

function stored(broker: FakeBroker, topic: string, partition = 0): StoredRecord[] {
  return broker.topics.get(topic)!.partitions[partition]!.batches.flatMap((batch) =>
    readRecords(batch) as StoredRecord[]
  );
}

function fill(broker: FakeBroker, topic: string, values: readonly string[], partition = 0): void {
  const records = values.map((value) => ({ key: null, value: bytes(value), headers: [] }));
  broker.append(topic, partition, buildRecordBatch(records, { nowMs: 1_000 }));
}

test("sentinel without arguments prints usage and ends with 2, help ends with 0", async () => {
  const bare = await cli([]);
  equal(bare.code, 2);
  match(bare.out, /^Sentinel CLI - Distributed Log Streaming\n\nUsage:\n {2}sentinel <command> \[options\]\n/);
  match(bare.out, /\n {2}produce {5}Send messages to a topic\n {2}consume {5}Read messages from a topic\n/);
  match(bare.out, /\n {2}topics {6}List or manage topics\n/);
  match(bare.out, /\n {2}help {8}Show this help\n/);
  match(bare.out, /\n {2}sentinel produce -topic events -message "Hello, World!"\n/);
  for (const word of ["help", "-h", "--help", "-help"]) deepEqual(await cli([word]), { ...bare, code: 0 });
});

test("sentinel refuses unknown commands, and names those that are not built", async () => {
  const unknown = await cli(["frobnicate"]);
  deepEqual([unknown.code, unknown.errors], [2, "Unknown command: frobnicate\n"]);
  match(unknown.out, /Usage:/);
  for (const command of ["users", "acls", "tokens", "cluster"]) {
    deepEqual(await cli([command]), { code: 2, out: "", errors: `${command} is not built yet\n` });
  }
  const token = await cli(["consume", "-topic", "t", "-token", "x"]);
  equal(token.code, 2);
  match(token.errors, /^-token is not built yet\nUsage of consume:\n/);
});

test("sentinel --version names version and runtime, and the version is package.json's", async () => {
  const { version } = (await import("../../package.json", { with: { type: "json" } })).default;
  const { code, out } = await cli(["--version"]);
  equal(code, 0);
  ok(out.startsWith(`sentinel ${version} (`), out);
});

test("produce and consume need a topic", async () => {
  for (const command of ["produce", "consume"]) {
    deepEqual(await cli([command]), { code: 2, out: "", errors: "Error: -topic is required\n" });
  }
});

test("produce -help lists its flags and ends with 0", async () => {
  const { code, out } = await cli(["produce", "-help"]);
  equal(code, 0);
  match(out, /^Usage of produce:\n/);
  match(out, /-broker HOST:PORT +the broker's address \(default localhost:9092\)/);
});

test("seed-P1: the quick start works: produce without -partition, then consume", async () => {
  const { run, close } = await openBroker(new FakeBroker({ partitions: 3 }));
  deepEqual(await run(["produce", "-topic", "events", "-message", "Hello, World!"]), {
    code: 0,
    out: "✓ Produced 1 record(s) to events (offset: 0)\n",
    errors: "",
  });
  const read = await run(["consume", "-topic", "events", "-from-beginning"]);
  equal(
    read.out,
    `Consuming from events (3 partitions, earliest)...\n${RULE}\n` +
      `offset=0 | key=(null) | value=Hello, World!\n${RULE}\nConsumed 1 message(s)\n`,
  );
  equal(read.code, 0);
  equal((await run(["consume", "-topic", "events", "-partition", "-1"])).code, 2);
  await close();
});

test("produce -count sends numbered records in one request", async () => {
  const { run, broker, close } = await openBroker();
  const { out } = await run(["produce", "-topic", "orders", "-message", "order", "-count", "100", "-partition", "0"]);
  equal(out, "✓ Produced 100 record(s) to orders (offset: 0)\n");
  equal(broker.produceCalls.length, 1);
  deepEqual(
    stored(broker, "orders").map((record) => textOf(record.value)),
    Array.from({ length: 100 }, (_, n) => `order-${n}`),
  );
  equal(
    (await run(["produce", "-topic", "orders", "-message", "x"])).out,
    "✓ Produced 1 record(s) to orders (offset: 100)\n",
  );
  await close();
});

test("seed-K1: produce sends key and headers, consume prints the key", async () => {
  const { run, broker, close } = await openBroker();
  await run(["produce", "-topic", "t", "-message", "v", "-key", "k", "-header", "a=1", "-header", "a=b=c"]);
  const [record] = stored(broker, "t");
  deepEqual(record!.headers.map((header) => [header.key, textOf(header.value)]), [["a", "1"], ["a", "b=c"]]);
  match((await run(["consume", "-topic", "t"])).out, /\noffset=0 \| key=k \| value=v\n/);
  await close();
});

test("seed-C1: wrong counts are refused, errors end with 1", async () => {
  const { run, close } = await openBroker(new FakeBroker({ autoCreate: false }));
  for (const count of ["-1", "0"]) {
    const { code, errors } = await run(["produce", "-topic", "t", "-message", "m", "-count", count]);
    equal(code, 2);
    match(errors, new RegExp(`^-count: ${count} is below 1\n`));
  }
  deepEqual(await run(["produce", "-topic", "x", "-message", "m"]), {
    code: 1,
    out: "",
    errors: "Failed to produce: unknown_topic: topic x does not exist\n",
  });
  deepEqual(await run(["consume", "-topic", "nope"]), {
    code: 1,
    out: `Consuming from nope (partition 0, offset 0)...\n${RULE}\n${RULE}\nConsumed 0 message(s)\n`,
    errors: "Error receiving: unknown_topic: topic nope does not exist\n",
  });
  const described = await run(["topics", "-describe", "nope"]);
  deepEqual(described, {
    code: 1,
    out: "",
    errors: "Failed to describe topic: unknown_topic: topic nope does not exist\n",
  });
  await close();
});

test("client commands end with 1 when nobody listens", async () => {
  const { address, close } = await openBroker();
  await close();
  const cases = [
    [["produce", "-topic", "t", "-message", "m"], "Failed to produce: connection_refused: "],
    [["consume", "-topic", "t"], "Failed to consume: connection_refused: "],
    [["topics", "-list"], "Failed to fetch metadata: connection_refused: "],
  ] as const;
  for (const [args, expected] of cases) {
    const { code, errors } = await cli([...args, "-broker", address]);
    equal(code, 1);
    ok(errors.startsWith(expected), errors);
  }
});

test("produce splits stdin at LF, keeps CR and a last line without LF, wherever chunks end", async () => {
  const { run, broker, close } = await openBroker();
  const result = await run(["produce", "-topic", "t"], { stdin: ["on", "e\r\n\ntw", "", "o\nlast"] });
  equal(result.out, "✓ Produced 4 record(s) to t (offset: 0)\n");
  deepEqual(stored(broker, "t").map((record) => textOf(record.value)), ["one\r", "", "two", "last"]);
  equal((await run(["produce", "-topic", "t"], { stdin: [] })).out, "✓ Produced 0 record(s) to t\n");
  await close();
});

test("produce keeps the order of 100,000 lines and cuts them into requests", async () => {
  const { run, broker, close } = await openBroker();
  const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index} ${"x".repeat(index % 50)}`);
  const whole = bytes(lines.join("\n") + "\n");
  const chunks = Array.from(
    { length: Math.ceil(whole.length / 65_536) },
    (_, at) => whole.subarray(at * 65_536, (at + 1) * 65_536),
  );
  equal(
    (await run(["produce", "-topic", "t"], { stdin: chunks })).out,
    "✓ Produced 100000 record(s) to t (offset: 0)\n",
  );
  const values = stored(broker, "t").map((record) => textOf(record.value));
  ok(values.length === lines.length && values.every((value, index) => value === lines[index]));
  ok(broker.topics.get("t")!.partitions[0]!.batches.every((batch) => batch.sizeBytes <= 512 * 1024));
  ok(broker.produceCalls.length < 50, `${broker.produceCalls.length} requests`);
  await close();
});

test("produce does not wait for a slow source to fill a request", async () => {
  const { start, broker, close } = await openBroker();
  let more: (line: string | null) => void = () => {};
  async function* source() {
    yield bytes("first\n");
    while (true) {
      const line = await new Promise<string | null>((resolve) => more = resolve);
      if (line === null) return;
      yield bytes(line);
    }
  }
  const { code } = start(["produce", "-topic", "t"], { stdin: source() });
  while (broker.counters.recordsProduced < 1) await new Promise((resolve) => setTimeout(resolve, 1));
  more("second\n");
  while (broker.counters.recordsProduced < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  more(null);
  equal(await code, 0);
  await close();
});

test("produce cuts batches at the topic's own max.message.bytes", async () => {
  const { run, broker, close } = await openBroker();
  await broker.createTopic("t", { config: { "max.message.bytes": "1000" } });
  await run(["produce", "-topic", "t"], { stdin: [`${"x".repeat(100)}\n`.repeat(50)] });
  const batches = broker.topics.get("t")!.partitions[0]!.batches;
  equal(stored(broker, "t").length, 50);
  ok(
    batches.length > 1 && batches.every((batch) => batch.sizeBytes <= 1_000),
    batches.map((batch) => batch.sizeBytes).join(),
  );
  await close();
});

test("produce --json takes records as the HTTP API has them, and names a bad line", async () => {
  const { run, broker, close } = await openBroker(new FakeBroker({ partitions: 2 }));
  const lines = [
    '{"key":"k","value":{"a":1},"headers":[["h","x"]],"timestamp":7,"partition":1}',
    '{"valueB64":"AP8=","partition":1}',
  ];
  equal((await run(["produce", "-topic", "t", "-json"], { stdin: [lines.join("\n")] })).code, 0);
  const [first, second] = stored(broker, "t", 1);
  deepEqual([textOf(first!.key), textOf(first!.value), first!.timestamp], ["k", '{"a":1}', 7]);
  deepEqual([...second!.value!], [0, 255]);
  const cases: [string, RegExp][] = [
    ["{", /line 2: it is not JSON/],
    ['{"key":1}', /line 2: /],
    ["[".repeat(100_000), /line 2: it nests deeper than 64/],
  ];
  for (const [bad, expected] of cases) {
    const { code, errors } = await run(["produce", "-topic", "t", "-json"], { stdin: [`{"value":"a"}\n${bad}\n`] });
    equal(code, 1);
    match(errors, /^Failed to produce: invalid_record: /);
    match(errors, expected);
  }
  await close();
});

test("produce sends nothing after a failure and says how much was acknowledged", async () => {
  const { run, broker, close } = await openBroker();
  const { code, errors } = await run(["produce", "-topic", "t", "-partition", "7"], { stdin: ["a\nb\n"] });
  deepEqual([code, errors], [1, "Failed to produce: unknown_partition: partition 7 does not exist\n"]);
  equal(broker.counters.recordsProduced, 0);
  await close();
});

test("seed-W6: produce -acks is what the broker is asked for", async () => {
  const { run, broker, close } = await openBroker();
  for (const acks of ["all", "leader", "none"]) await run(["produce", "-topic", "t", "-message", "m", "-acks", acks]);
  deepEqual(broker.produceCalls.map((call) => call.acks), ["all", "leader", "none"]);
  await close();
});

test("consume prints the seed's lines and stops at 100 messages", async () => {
  const { run, broker, close } = await openBroker();
  fill(broker, "orders", Array.from({ length: 150 }, (_, index) => `order:${index}`));
  const { out } = await run(["consume", "-topic", "orders"]);
  const lines = out.split("\n");
  deepEqual(lines.slice(0, 3), [
    "Consuming from orders (partition 0, offset 0)...",
    RULE,
    "offset=0 | key=(null) | value=order:0",
  ]);
  deepEqual(lines.slice(-4), ["offset=99 | key=(null) | value=order:99", RULE, "Consumed 100 message(s)", ""]);
  match((await run(["consume", "-topic", "orders", "-max-messages", "120"])).out, /Consumed 120 message\(s\)/);
  match((await run(["consume", "-topic", "orders", "-offset", "149"])).out, /Consumed 1 message\(s\)/);
  match((await run(["consume", "-topic", "orders", "-offset", "149", "-from-beginning"])).out, /offset=0 /);
  equal((await run(["consume", "-topic", "orders", "-raw"])).out.split("\n").length, 151);
  await close();
});

test("seed-W5: consume -offset latest reads from the end", async () => {
  const { run, broker, close } = await openBroker();
  fill(broker, "t", ["a", "b"]);
  deepEqual(
    (await run(["consume", "-topic", "t", "-offset", "latest"])).out,
    `Consuming from t (partition 0, offset 2)...\n${RULE}\n${RULE}\nConsumed 0 message(s)\n`,
  );
  await close();
});

test("consume -offset @MS begins at a time", async () => {
  const { run, broker, close } = await openBroker();
  for (const timestamp of [100, 200]) {
    const record = { key: null, value: bytes(`at ${timestamp}`), headers: [], timestamp };
    broker.append("t", 0, buildRecordBatch([record], { nowMs: 1 }));
  }
  equal((await run(["consume", "-topic", "t", "-offset", "@150", "-raw"])).out, "at 200\n");
  equal((await run(["consume", "-topic", "t", "-offset", "@201", "-raw"])).out, "");
  await close();
});

test("consume refuses offsets that are none, and fails at one outside the partition", async () => {
  const { run, broker, close } = await openBroker();
  fill(broker, "t", ["a"]);
  for (const offset of ["-1", "first", "1e3", "", "@", "99999999999999999"]) {
    equal((await run(["consume", "-topic", "t", "-offset", offset])).code, 2, offset);
  }
  const { code, errors } = await run(["consume", "-topic", "t", "-offset", "5"]);
  equal(code, 1);
  match(errors, /^Error receiving: offset_out_of_range: /);
  match((await run(["consume", "-topic", "t", "-partition", "3"])).errors, /^Error receiving: unknown_partition: /);
  await close();
});

test("consume --json prints records as the HTTP API has them, --raw the bytes alone", async () => {
  const { run, start, broker, close } = await openBroker();
  const record = { key: bytes("k"), value: new Uint8Array([0, 255]), headers: [{ key: "h", value: bytes("x") }] };
  broker.append("t", 0, buildRecordBatch([record, { key: null, value: null, headers: [] }], { nowMs: 5 }));
  const { out } = await run(["consume", "-topic", "t", "-json"]);
  deepEqual(out.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { partition: 0, offset: 0, timestamp: 5, key: "k", valueB64: "AP8=", headers: [["h", "x"]] },
    { partition: 0, offset: 1, timestamp: 5, value: null, headers: [] },
  ]);
  const raw = start(["consume", "-topic", "t", "-raw"]);
  equal(await raw.code, 0);
  deepEqual([...raw.terminal.outBytes], [0, 255, 10, 10]);
  await close();
});

test("consume reads all partitions, one after another", async () => {
  const { run, broker, close } = await openBroker(new FakeBroker({ partitions: 3 }));
  await broker.createTopic("orders", { partitions: 3 });
  for (const partition of [2, 0, 1]) fill(broker, "orders", [`p${partition}-0`, `p${partition}-1`], partition);
  const { out } = await run(["consume", "-topic", "orders", "-raw"]);
  deepEqual(out.trimEnd().split("\n"), ["p0-0", "p0-1", "p1-0", "p1-1", "p2-0", "p2-1"]);
  match((await run(["consume", "-topic", "orders"])).out, /^Consuming from orders \(3 partitions, earliest\)\.\.\.\n/);
  equal((await run(["consume", "-topic", "orders", "-raw", "-partition", "1"])).out, "p1-0\np1-1\n");
  await close();
});

test("seed-W2: consume ends at the end that the log had when it began", async () => {
  const { run, broker, close } = await openBroker();
  fill(broker, "t", ["a", "b"]);
  const fetch = broker.fetch.bind(broker);
  broker.fetch = (request) => {
    fill(broker, "t", ["late"]);
    return fetch(request);
  };
  equal((await run(["consume", "-topic", "t", "-raw"])).out, "a\nb\n");
  await close();
});

test("consume --follow shows what comes, on every partition, until it is stopped", async () => {
  const { start, broker, close } = await openBroker();
  await broker.createTopic("t", { partitions: 2 });
  fill(broker, "t", ["old"], 0);
  const { terminal, code } = start(["consume", "-topic", "t", "-follow"]);
  await terminal.untilOut("value=old\n");
  fill(broker, "t", ["new-1"], 1);
  await terminal.untilOut("value=new-1\n");
  fill(broker, "t", ["new-0"], 0);
  await terminal.untilOut("value=new-0\n");
  terminal.interrupt();
  equal(await code, 0);
  match(terminal.out, new RegExp(`${RULE}\nConsumed 3 message\\(s\\)\n$`));
  equal(terminal.errors, "");
  await close();
});

test("consume --follow ends when it has enough, though another partition waits", async () => {
  const { start, broker, close } = await openBroker();
  await broker.createTopic("t", { partitions: 2 });
  const { terminal, code } = start(["consume", "-topic", "t", "-follow", "-max-messages", "1"]);
  await terminal.untilOut(RULE);
  fill(broker, "t", ["a", "b"], 1);
  equal(await code, 0);
  match(terminal.out, /Consumed 1 message\(s\)\n$/);
  equal(terminal.errors, "");
  await close();
});

test("consume ends when the reader of its pipe is gone", async () => {
  const { start, broker, close } = await openBroker();
  fill(broker, "t", new Array(50_000).fill("x".repeat(50)));
  const { terminal, code } = start(["consume", "-topic", "t", "-raw", "-follow"]);
  terminal.isReaderGone = true;
  equal(await code, 0);
  await close();
});

test("topics prints brokers, lists, describes, creates, alters and deletes", async () => {
  const { run, close } = await openBroker();
  equal((await run(["topics"])).out, "Brokers:\n  1: localhost:9092\n");
  equal(
    (await run(["topics", "create", "orders", "--partitions", "2", "--config", "retention.ms=5"])).out,
    "✓ Created topic orders (2 partitions)\n",
  );
  equal(
    (await run(["topics", "create", "orders"])).errors,
    "Failed to create topic: topic_exists: topic orders exists\n",
  );
  for (const args of [["topics", "-list"], ["topics", "list"]]) {
    equal((await run(args)).out, "Topics:\n  orders (2 partitions)\n");
  }
  for (const args of [["topics", "-describe", "orders"], ["topics", "describe", "orders"]]) {
    const { out } = await run(args);
    ok(
      out.startsWith(
        "Topics:\n  orders (2 partitions)\n    partition=0 leader=1 replicas=[1] isr=[1]\n    partition=1 leader=1 replicas=[1] isr=[1]\n",
      ),
      out,
    );
    match(out, /\n {4}retention\.ms=5\n/);
  }
  equal((await run(["topics", "alter", "orders", "--partitions", "3", "--config", "retention.ms="])).code, 0);
  const altered = (await run(["topics", "describe", "orders"])).out;
  match(altered, /orders \(3 partitions\)/);
  equal(altered.includes("retention.ms"), false);
  equal((await run(["topics", "delete", "orders"])).out, "✓ Deleted topic orders\n");
  equal((await run(["topics", "list"])).out, "Topics:\n");
  for (
    const wrong of [["topics", "describe"], ["topics", "frob"], ["topics", "create"], ["topics", "create", "a", "b"]]
  ) {
    equal((await run(wrong)).code, 2, wrong.join(" "));
  }
  equal((await run(["topics", "create", "a", "--partitions", "0"])).code, 2);
  await close();
});

test("the server's variables do not alter a topic", async () => {
  const { run, broker, close } = await openBroker();
  await broker.createTopic("t", { partitions: 1 });
  const environment = { SENTINEL_PARTITIONS: "3", SENTINEL_CONFIG: "broker.json" };
  equal((await run(["topics", "alter", "t", "-config", "retention.ms=5"], { environment })).code, 0);
  equal(broker.partitionCount("t"), 1);
  await close();
});

test("bench measures produce, consume and end-to-end", async () => {
  const { run, broker, close } = await openBroker();
  const produced = await run(["bench", "produce", "-records", "2500", "-record-bytes", "10"]);
  match(
    produced.out,
    /^produced 2500 records in [\d.]+ s: \d+ records\/s, [\d.]+ MB\/s, latency ms p50 [\d.]+, p99 [\d.]+, max [\d.]+\n$/,
  );
  equal(stored(broker, "bench").length, 2_500);
  match((await run(["bench", "consume"])).out, /^consumed 2500 records in /);
  match((await run(["bench", "consume", "-records", "10"])).out, /^consumed 10 records in /);
  match((await run(["bench", "end-to-end", "-records", "20"])).out, /^passed on 20 records in /);
  equal((await run(["bench", "frob"])).code, 2);
  equal((await run(["bench"])).code, 2);
  await close();
});

test("get prints the newest record of a key, as a line, as JSON or raw", async () => {
  const { run, broker, close } = await openBroker();
  broker.lookUp = ({ key }) => ({
    topicId: "id",
    partition: 1,
    highWatermark: 9,
    record: { offset: 7, timestamp: 5, key, value: Uint8Array.of(0xff, 0x41), headers: [] },
  });
  deepEqual(await run(["get", "-topic", "t", "-key", "k", "-raw"]), { code: 0, out: "\ufffdA\n", errors: "" });
  match((await run(["get", "-topic", "t", "-key", "k"])).out, /^offset=7 \| key=k \| value=.A\n$/);
  deepEqual(JSON.parse((await run(["get", "t", "k", "--json", "--partition", "1"])).out), {
    partition: 1,
    offset: 7,
    timestamp: 5,
    key: "k",
    valueB64: "/0E=",
    headers: [],
  });
  await run(["get", "t", "-key", "", "-raw"]);
  await run(["get", "-topic", "t", "AP-_", "-key-encoding", "base64url", "-raw"]);
  deepEqual(broker.lookups.map(({ topic, key, partition }) => [topic, [...key], partition]), [
    ["t", [107], undefined],
    ["t", [107], undefined],
    ["t", [107], 1],
    ["t", [], undefined],
    ["t", [0, 255, 191], undefined],
  ]);
  await close();
});

test("get of a key that is not there ends with 1 and says up to where that is true", async () => {
  const { run, broker, close } = await openBroker();
  broker.lookUp = () => ({ topicId: "id", partition: 1, highWatermark: 9, record: null });
  deepEqual(await run(["get", "-topic", "t", "-key", "k"]), {
    code: 1,
    out: "",
    errors: "key_not_found: there is no record with this key in t-1 up to offset 9\n",
  });
  broker.lookUp = () => {
    throw new SentinelError("topic_not_compacted", "The topic t has no compact in its cleanup.policy");
  };
  const refused = await run(["get", "t", "k"]);
  deepEqual([refused.code, refused.errors], [
    1,
    "Failed to get: topic_not_compacted: The topic t has no compact in its cleanup.policy\n",
  ]);
  await close();
});

test("get refuses what it cannot mean", async () => {
  const wrong: [readonly string[], RegExp][] = [
    [["get"], /^Error: -topic is required\n$/],
    [["get", "t"], /^Error: -key is required\n$/],
    [["get", "t", "k", "more"], /^Error: unexpected argument more\n$/],
    [["get", "t", "k", "-json", "-raw"], /^Error: -json and -raw exclude each other\n$/],
    [["get", "t", "+A", "-key-encoding", "base64url"], /^Error: -key \+A is not base64url\n$/],
    [["get", "t", "k", "-key-encoding", "hex"], /^-key-encoding: hex is not one of text, base64url\n/],
    [["get", "t", "k", "-partition", "-1"], /^-partition: -1 is below 0\n/],
  ];
  for (const [args, message] of wrong) {
    const { code, errors } = await cli(args);
    equal(code, 2, args.join(" "));
    match(errors, message);
  }
});
