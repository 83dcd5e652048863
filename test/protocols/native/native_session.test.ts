import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { decodeCbor, isCborFault } from "../../../src/cbor/decode_cbor.ts";
import { type CborInput, encodeCbor } from "../../../src/cbor/encode_cbor.ts";
import { NativeSession } from "../../../src/protocols/native/native_session.ts";
import { encodeFrame, readFrame } from "../../../src/protocols/native/wire/frame.ts";
import { MESSAGE_TYPES, type MessageName } from "../../../src/protocols/native/wire/message_types.ts";
import { buildRecordBatch } from "../../../src/records/build_batch.ts";
import { compressBatch } from "../../../src/records/compressed_batch.ts";
import { RecordBatch } from "../../../src/records/record_batch.ts";
import type { RecordInput } from "../../../src/records/record.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { FakeBroker } from "../fake_broker.ts";

const platform = currentPlatform({ memory: true });
const bytes = (text: string) => new TextEncoder().encode(text);
const record = (value: string | null, more: Partial<RecordInput> = {}): RecordInput => ({
  key: null,
  value: value === null ? null : bytes(value),
  headers: [],
  ...more,
});

function openSession(broker = new FakeBroker({ nowMs: () => 1_000 })) {
  const session = new NativeSession({
    broker,
    clock: platform.clock,
    compression: platform.compression,
    brokerName: "sentinel/test",
    nodeId: 1,
  });
  let correlationId = 0;
  const send = async (type: number, payload: Uint8Array) => {
    correlationId += 1;
    const slices = await session.handle(
      encodeFrame(type, correlationId, payload).length === 1
        ? encodeFrame(type, correlationId, payload)[0]!.subarray(4)
        : bytesOf(encodeFrame(type, correlationId, payload)).subarray(4),
    );
    const reply = readFrame(bytesOf(slices).subarray(4));
    const decoded = decodeCbor(reply.payload, { depthMax: 64 });
    if (isCborFault(decoded)) throw new Error(decoded.fault);
    return { ...reply, value: decoded.value as Record<string, unknown> };
  };
  const ask = async (name: MessageName, value: CborInput) => await send(MESSAGE_TYPES[name], encodeCbor(value));
  return { broker, session, send, ask };
}

function bytesOf(slices: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(slices.flatMap((slice) => [...slice]));
}

test("NativeSession answers hello with version, names and limits", async () => {
  const { ask } = openSession();
  const reply = await ask("hello", { versions: [1, 2], client: "test/1" });
  equal(reply.type, 0x5381);
  deepEqual(reply.value, {
    version: 1,
    broker: "sentinel/test",
    nodeId: 1,
    clusterId: "AAAAAAAAQACAAAAAAAAAAQ",
    limits: { frameBytesMax: LIMITS.frameBytesMax, recordsMax: LIMITS.produceRecordsMax },
  });
});

test("NativeSession refuses versions that it does not speak and keeps the connection", async () => {
  const { ask } = openSession();
  const reply = await ask("hello", { versions: [2, 3], client: "test/1" });
  equal(reply.type, 0x53ff);
  equal(reply.value["code"], "unsupported_version");
  equal((await ask("ping", {})).type, 0x5388);
});

test("NativeSession refuses a token by name, since nothing would check it", async () => {
  const { ask } = openSession();
  const { value } = await ask("hello", { versions: [1], client: "test/1", token: "secret" });
  deepEqual([value["code"], value["message"]], ["unauthenticated", "credentials are not supported yet"]);
});

test("NativeSession copies the correlation id into replies and error replies", async () => {
  const { ask, send } = openSession();
  equal((await ask("ping", {})).correlationId, 1);
  equal((await send(0x5377, encodeCbor({}))).correlationId, 2);
  equal((await send(0x5302, new Uint8Array([0xff]))).correlationId, 3);
});

test("NativeSession answers an unknown type with an error reply", async () => {
  const { send } = openSession();
  const reply = await send(0x5399, encodeCbor({}));
  equal(reply.type, 0x53ff);
  deepEqual(reply.value, {
    code: "unsupported_version",
    message: "message type 0x5399 is not known",
    kafkaError: 35,
    retryable: false,
  });
});

test("NativeSession answers every bad payload with an error reply that names what is wrong", async () => {
  const { ask, send } = openSession();
  const produce = { topic: "t", records: [] };
  const fetch = { topic: "t", partition: 0, offset: 0 };
  const cases: [MessageName, CborInput, RegExp][] = [
    ["ping", [], /not a CBOR map/],
    ["ping", null, /not a CBOR map/],
    ["ping", new Uint8Array(3), /not a CBOR map/],
    ["produce", {}, /topic is required; exactly|topic is required/],
    ["produce", { ...produce, topic: "" }, /topic is required/],
    ["produce", { ...produce, topic: 7 }, /topic is not text/],
    ["produce", { ...produce, partition: -1 }, /partition -1 is below 0/],
    ["produce", { ...produce, partition: "0" }, /partition is not an integer/],
    ["produce", { ...produce, partition: 1.5 }, /partition is not an integer/],
    ["produce", { ...produce, acks: 1 }, /acks is not "all", "leader" or "none"/],
    ["produce", { topic: "t" }, /exactly one of records and batch is required/],
    ["produce", { ...produce, batch: new Uint8Array(61) }, /exactly one of records and batch is required/],
    ["produce", { topic: "t", records: {} }, /records is not a list/],
    ["produce", { topic: "t", batch: "text" }, /batch is not a byte string/],
    ["fetch", { ...fetch, offset: -1 }, /offset is not "earliest", "latest" or an offset/],
    ["fetch", { ...fetch, offset: "first" }, /offset is not "earliest", "latest" or an offset/],
    ["fetch", { topic: "t", offset: 0 }, /partition is required/],
    ["metadata", { topics: "t" }, /topics is not a list of names/],
    ["metadata", { topics: ["t", 4] }, /topics\.1 is not text/],
    ["offsets", { topic: "t", partition: 0, at: "now" }, /at is not "earliest", "latest" or milliseconds/],
    ["createTopic", { topic: "t", partitions: 0 }, /partitions 0 is below 1/],
    ["createTopic", { topic: "t", config: { a: 1 } }, /config\.a is not text/],
    ["deleteTopic", {}, /topic is required/],
    ["alterTopic", { topic: "t", config: [] }, /config is not a map of settings/],
    ["describeTopic", { topic: null }, /topic is not text/],
    ["hello", { versions: [1] }, /client is required/],
    ["hello", { versions: 1, client: "c" }, /versions is not a list/],
  ];
  for (const [name, value, expected] of cases) {
    const reply = await ask(name, value);
    equal(reply.type, 0x53ff, `${name} ${JSON.stringify(value)}`);
    equal(reply.value["code"], "invalid_request");
    match(String(reply.value["message"]), expected);
  }
  for (const broken of [[], [0xff], [0xa1], [0xa0, 0xa0], [0xa1, 0x61, 0x61], [0xc1, 0xa0]]) {
    const reply = await send(0x5308, new Uint8Array(broken));
    equal(reply.value["code"], "invalid_request", `payload ${broken}`);
  }
  equal((await ask("ping", {})).type, 0x5388);
});

test("NativeSession ignores keys that it does not know", async () => {
  const { ask } = openSession();
  equal((await ask("ping", { future: [1, { a: 2 }] })).type, 0x5388);
});

test("NativeSession takes fetch values at their limits and refuses those above by name", async () => {
  const { broker, ask } = openSession();
  broker.append("t", 0, buildRecordBatch([record("a")], { nowMs: 1 }));
  const limits: [string, number, number][] = [
    ["waitMs", 0, LIMITS.fetchWaitMsMax],
    ["maxBytes", 1, LIMITS.fetchBytesMax],
    ["maxRecords", 1, LIMITS.fetchRecordsMax],
    ["minBytes", 0, LIMITS.fetchBytesMax],
  ];
  for (const [name, min, max] of limits) {
    const fetch = (value: number) => ask("fetch", { topic: "t", partition: 0, offset: 0, [name]: value });
    for (const good of [min, max - 1, max]) equal((await fetch(good)).type, 0x5383, `${name} ${good}`);
    for (const bad of [min - 1, max + 1]) {
      const { value } = await fetch(bad);
      equal(value["code"], "invalid_request");
      const bound = bad < min ? `below ${min}` : `above the limit of ${max}`;
      equal(value["message"], `${name} ${bad} is ${bound}`);
    }
  }
});

test("NativeSession produces at most produceRecordsMax records in a request", async () => {
  const { ask } = openSession();
  const produce = (count: number) => ask("produce", { topic: "t", records: new Array(count).fill({ value: null }) });
  equal((await produce(LIMITS.produceRecordsMax - 1)).type, 0x5382);
  equal((await produce(LIMITS.produceRecordsMax)).type, 0x5382);
  const reply = await produce(LIMITS.produceRecordsMax + 1);
  equal(reply.value["message"], "10001 records are above the limit of 10000");
});

test("seed-K1: key, value, headers and timestamp come back as they were sent", async () => {
  const { ask } = openSession();
  const sent = {
    key: bytes("k"),
    value: new Uint8Array([0, 255]),
    headers: [["h", bytes("1")], ["h", null]],
    timestamp: 123_456_789_012,
  };
  const produced = await ask("produce", { topic: "t", records: [sent, { value: null }] });
  deepEqual(produced.value, { acks: [{ partition: 0, first: 0, count: 2 }], durability: "memory" });
  const { value } = await ask("fetch", { topic: "t", partition: 0, offset: "earliest" });
  deepEqual(value, {
    records: [{ offset: 0, ...sent }, { offset: 1, timestamp: 1_000, value: null, headers: [] }],
    next: 2,
    highWatermark: 2,
    logStart: 0,
  });
});

test("seed-P1: produce without a partition lets the broker choose, and a negative one is refused", async () => {
  const { ask, broker } = openSession(new FakeBroker({ partitions: 3 }));
  equal((await ask("produce", { topic: "t", records: [{ value: "a" }] })).type, 0x5382);
  equal((await ask("produce", { topic: "t", partition: -1, records: [{ value: "a" }] })).type, 0x53ff);
  equal((await ask("fetch", { topic: "t", partition: -1, offset: 0 })).type, 0x53ff);
  equal(broker.counters.recordsProduced, 1);
});

test("NativeSession names each bad record with a pointer, and stores nothing", async () => {
  const { ask, broker } = openSession();
  const records = [{ value: "a" }, { key: "k" }, { value: 7 }, 4];
  const { value } = await ask("produce", { topic: "t", records });
  equal(value["code"], "invalid_record");
  const pointers = (value["errors"] as { pointer: string }[]).map((fault) => fault.pointer);
  deepEqual(pointers, ["/records/1", "/records/2/value", "/records/3"]);
  equal(broker.topics.size, 0);
});

test("seed-W6: acks none is answered at once with nothing, acks all waits", async () => {
  const { ask, broker } = openSession();
  let open = () => {};
  broker.produceGate = new Promise<void>((resolve) => open = resolve);
  const produce = { topic: "t", records: [{ value: "a" }] };
  deepEqual((await ask("produce", { ...produce, acks: "none" })).value, {});
  equal(broker.counters.recordsProduced, 0);
  let isAnswered = false;
  const waiting = ask("produce", { ...produce, acks: "all" }).then((reply) => {
    isAnswered = true;
    return reply;
  });
  await ask("ping", {});
  equal(isAnswered, false);
  open();
  equal((await waiting).type, 0x5382);
  deepEqual(broker.produceCalls.map((call) => call.acks), ["none", "all"]);
});

test("NativeSession produces a batch as it is, and refuses bytes that are none", async () => {
  const { ask } = openSession();
  const batch = buildRecordBatch([record("a"), record("b")], { nowMs: 5 });
  const produced = await ask("produce", { topic: "t", batch: batch.bytes });
  deepEqual(produced.value["acks"], [{ partition: 0, first: 0, count: 2 }]);
  const twice = new Uint8Array([...batch.bytes, ...batch.bytes]);
  for (const bad of [new Uint8Array(0), batch.bytes.subarray(0, 70), twice, new Uint8Array(100)]) {
    equal((await ask("produce", { topic: "t", batch: bad })).value["code"], "corrupt_batch");
  }
});

test("NativeSession fetches from the middle of a batch and says where to go on", async () => {
  const { ask, broker } = openSession();
  broker.append("t", 0, buildRecordBatch([record("0"), record("1"), record("2")], { nowMs: 1 }));
  broker.append("t", 0, buildRecordBatch([record("3"), record("4")], { nowMs: 1 }));
  const read = async (offset: number, maxRecords: number) => {
    const { value } = await ask("fetch", { topic: "t", partition: 0, offset, maxRecords });
    return [(value["records"] as { offset: number }[]).map((one) => one.offset), value["next"]];
  };
  deepEqual(await read(1, 100), [[1, 2, 3, 4], 5]);
  deepEqual(await read(1, 1), [[1], 2]);
  deepEqual(await read(1, 2), [[1, 2], 3]);
  deepEqual(await read(1, 3), [[1, 2, 3], 4]);
  deepEqual(await read(5, 3), [[], 5]);
});

test("NativeSession cuts an answer at maxBytes by record, but always gives the first", async () => {
  const { ask, broker } = openSession();
  const large = "x".repeat(1_000);
  broker.append("t", 0, buildRecordBatch([record(large), record(large), record(large)], { nowMs: 1 }));
  const count = async (maxBytes: number) =>
    ((await ask("fetch", { topic: "t", partition: 0, offset: 0, maxBytes })).value["records"] as unknown[]).length;
  equal(await count(1), 1);
  equal(await count(2_500), 2);
  equal(await count(10_000), 3);
});

test("NativeSession lets the fetches of one connection ask for no more together than it may hold", async () => {
  const { ask, broker, session } = openSession();
  await ask("createTopic", { topic: "t" });
  const asked: number[] = [];
  const fetch = broker.fetch.bind(broker);
  broker.fetch = (request) => {
    asked.push(request.maxBytes);
    return fetch(request);
  };
  const one = (maxBytes: number, waitMs: number) =>
    ask("fetch", { topic: "t", partition: 0, offset: 0, maxBytes, waitMs, minBytes: maxBytes });
  const waiting = Array.from({ length: 64 }, () => one(LIMITS.fetchBytesMax, 30_000));
  await ask("ping", {});
  equal(asked.length, 64);
  const together = asked.reduce((sum, bytes) => sum + bytes, 0);
  ok(together <= LIMITS.connectionBytesMax + 64 * 64 * 1024, `${together} bytes`);
  session.endWaits();
  await Promise.all(waiting);
  await one(LIMITS.connectionBytesMax, 0);
  equal(asked.at(-1), LIMITS.connectionBytesMax);
});

test("NativeSession never shows a control batch, and goes on behind it", async () => {
  const { ask, broker } = openSession();
  const control = buildRecordBatch([record("marker")], { nowMs: 1 });
  const view = new DataView(control.bytes.buffer);
  view.setInt16(21, 1 << 5);
  broker.append("t", 0, new RecordBatch(control.bytes));
  deepEqual((await ask("fetch", { topic: "t", partition: 0, offset: 0 })).value, {
    records: [],
    next: 1,
    highWatermark: 1,
    logStart: 0,
  });
});

test("NativeSession opens compressed batches", async () => {
  const { ask, broker } = openSession();
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
    const plain = buildRecordBatch([record(`${codec}-0`), record(`${codec}-1`)], { nowMs: 1 });
    broker.append("t", 0, await compressBatch(plain, codec, platform.compression));
  }
  const { value } = await ask("fetch", { topic: "t", partition: 0, offset: 1 });
  const values = (value["records"] as { value: Uint8Array }[]).map((one) => new TextDecoder().decode(one.value));
  deepEqual(values, ["gzip-1", "snappy-0", "snappy-1", "lz4-0", "lz4-1", "zstd-0", "zstd-1"]);
  equal(value["next"], 8);
});

test("NativeSession answers a damaged compressed batch with corrupt_batch", async () => {
  const { ask, broker } = openSession();
  const batch = await compressBatch(buildRecordBatch([record("a")], { nowMs: 1 }), "gzip", platform.compression);
  batch.bytes.fill(0x55, 65);
  broker.append("t", 0, batch);
  equal((await ask("fetch", { topic: "t", partition: 0, offset: 0 })).value["code"], "corrupt_batch");
});

test("seed-W5: fetch at latest reads from the end, and waits for what comes", async () => {
  const { ask, broker } = openSession();
  broker.append("t", 0, buildRecordBatch([record("old")], { nowMs: 1 }));
  const waiting = ask("fetch", { topic: "t", partition: 0, offset: "latest", waitMs: 30_000 });
  await ask("ping", {});
  equal(broker.waits, 1);
  broker.append("t", 0, buildRecordBatch([record("new")], { nowMs: 1 }));
  const { value } = await waiting;
  deepEqual((value["records"] as { offset: number }[]).map((one) => one.offset), [1]);
});

test("NativeSession ends the waits of a connection that ends, also of fetches that come later", async () => {
  const { ask, broker, session } = openSession();
  await ask("createTopic", { topic: "t" });
  const waiting = ask("fetch", { topic: "t", partition: 0, offset: 0, waitMs: 30_000 });
  session.endWaits();
  deepEqual((await waiting).value["records"], []);
  deepEqual((await ask("fetch", { topic: "t", partition: 0, offset: 0, waitMs: 30_000 })).value["records"], []);
  equal(broker.waits, 0);
});

test("NativeSession answers a fetch's own faults by code", async () => {
  const { ask, broker } = openSession();
  broker.append("t", 0, buildRecordBatch([record("a")], { nowMs: 1 }));
  const code = async (more: Record<string, CborInput>) =>
    (await ask("fetch", { topic: "t", partition: 0, offset: 0, ...more })).value["code"];
  equal(await code({ topic: "nope" }), "unknown_topic");
  equal(await code({ partition: 9 }), "unknown_partition");
  equal(await code({ offset: 2 }), "offset_out_of_range");
});

test("NativeSession creates, describes, alters and deletes topics", async () => {
  const { ask } = openSession();
  deepEqual((await ask("createTopic", { topic: "t", partitions: 2, config: { "retention.ms": "5" } })).value, {
    name: "t",
    partitions: 2,
  });
  equal((await ask("createTopic", { topic: "t" })).value["code"], "topic_exists");
  deepEqual((await ask("alterTopic", { topic: "t", partitions: 3, config: { "retention.ms": null } })).value, {});
  const { value } = await ask("describeTopic", { topic: "t" });
  deepEqual([value["name"], value["config"], (value["partitions"] as unknown[]).length], ["t", {}, 3]);
  deepEqual((value["partitions"] as unknown[])[0], {
    partition: 0,
    leader: 1,
    epoch: 0,
    replicas: [1],
    isr: [1],
    start: 0,
    end: 0,
    highWatermark: 0,
    bytes: 0,
  });
  deepEqual((await ask("deleteTopic", { topic: "t" })).value, {});
  equal((await ask("describeTopic", { topic: "t" })).value["code"], "unknown_topic");
});

test("NativeSession answers metadata sorted, with an error for each unknown topic", async () => {
  const { ask } = openSession();
  for (const topic of ["b", "a"]) await ask("createTopic", { topic });
  const all = (await ask("metadata", {})).value;
  deepEqual((all["topics"] as { name: string }[]).map((topic) => topic.name), ["a", "b"]);
  deepEqual(all["brokers"], [{ id: 1, host: "127.0.0.1", port: 9092, http: "http://127.0.0.1:8080" }]);
  const some = (await ask("metadata", { topics: ["b", "nope", "b"] })).value["topics"];
  deepEqual(some, [
    { name: "b", partitions: [{ partition: 0, leader: 1, epoch: 0, replicas: [1], isr: [1] }] },
    { name: "nope", partitions: [], error: "unknown_topic" },
  ]);
});

test("NativeSession answers offsets at the ends, at a time, and after the last record", async () => {
  const { ask, broker } = openSession();
  broker.append("t", 0, buildRecordBatch([record("a", { timestamp: 100 })], { nowMs: 1 }));
  broker.append("t", 0, buildRecordBatch([record("b", { timestamp: 200 })], { nowMs: 1 }));
  const at = async (time: string | number) => (await ask("offsets", { topic: "t", partition: 0, at: time })).value;
  deepEqual(await at("earliest"), { offset: 0, timestamp: -1 });
  deepEqual(await at("latest"), { offset: 2, timestamp: -1 });
  deepEqual(await at(150), { offset: 1, timestamp: 200 });
  deepEqual(await at(201), { offset: 2, timestamp: -1 });
});

test("NativeSession survives 5,000 mutated requests: each gets one reply", async () => {
  const { send, ask } = openSession();
  const seeds = [
    [0x5302, encodeCbor({ topic: "t", records: [{ key: "k", value: "v", headers: [["h", "x"]] }] })],
    [0x5302, encodeCbor({ topic: "t", batch: buildRecordBatch([record("a")], { nowMs: 1 }).bytes })],
    [0x5303, encodeCbor({ topic: "t", partition: 0, offset: "earliest", maxRecords: 5 })],
    [0x5301, encodeCbor({ versions: [1], client: "c" })],
  ] as const;
  let state = 12345;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  let errors = 0;
  for (let round = 0; round < 5_000; round++) {
    const [type, payload] = seeds[random(seeds.length)]!;
    const mutated = payload.slice(0, random(4) === 0 ? random(payload.length) : payload.length);
    for (let flips = random(4); flips >= 0 && mutated.length > 0; flips--) {
      mutated[random(mutated.length)] = random(256);
    }
    const reply = await send(type, mutated);
    if (reply.type === 0x53ff) {
      errors += 1;
      ok(reply.value["code"] !== "internal", `payload ${mutated}`);
    }
  }
  ok(errors > 1_000);
  equal((await ask("ping", {})).type, 0x5388);
});

test("get by key: a record, none, and what is refused", async () => {
  const { broker, ask } = openSession();
  broker.lookUp = ({ key }) => ({
    topicId: "id",
    partition: 2,
    highWatermark: 9,
    record: key.length === 0 ? null : { offset: 7, timestamp: 5, key, value: bytes("v"), headers: [] },
  });
  const reply = await ask("getByKey", { topic: "tables", key: bytes("k"), partition: 2, waitMs: 30_000 });
  equal(reply.type, 0x53a0);
  deepEqual(reply.value, {
    partition: 2,
    highWatermark: 9,
    record: { offset: 7, timestamp: 5, key: bytes("k"), value: bytes("v"), headers: [] },
  });
  deepEqual((await ask("getByKey", { topic: "tables", key: new Uint8Array(0) })).value["record"], null);
  const { onWait: _, ...asked } = broker.lookups[0]!;
  deepEqual(asked, { topic: "tables", key: bytes("k"), partition: 2, waitMs: 30_000 });
  equal(broker.lookups[1]!.waitMs, LIMITS.keyLookupWaitMsDefault);
  for (const wrong of [{ key: "text" }, { waitMs: 30_001 }, { waitMs: -1 }, { partition: -1 }, { topic: "" }]) {
    const refused = await ask("getByKey", { topic: "tables", key: bytes("k"), ...wrong });
    deepEqual([refused.type, refused.value["code"]], [0x53ff, "invalid_request"]);
  }
  equal(broker.lookups.length, 2);
});

test("get by key: the wait ends with the connection", async () => {
  const { broker, ask, session } = openSession();
  let waits = 0;
  broker.lookUp = ({ onWait }) =>
    new Promise((_, reject) => {
      waits += 1;
      onWait!(() => reject(new SentinelError("key_index_behind", "ended", { facts: { appliedOffset: 3 } })));
    });
  const first = ask("getByKey", { topic: "tables", key: bytes("k") });
  equal(waits, 1);
  session.endWaits();
  const { code, retryable, facts } = (await first).value;
  deepEqual([code, retryable, facts], ["key_index_behind", true, { appliedOffset: 3 }]);
  equal((await ask("getByKey", { topic: "tables", key: bytes("k") })).value["code"], "key_index_behind");
});
