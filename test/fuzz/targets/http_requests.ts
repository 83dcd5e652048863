/** HTTP requests through the app's own handler over a broker in memory: an answer of ours, and never a 500. */
import assert from "node:assert/strict";
import { setImmediate as macrotask, setTimeout as pause } from "node:timers/promises";
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { encodeCbor } from "../../../src/cbor/encode_cbor.ts";
import type { CborInput } from "../../../src/cbor/encode_cbor.ts";
import { createHttpApp } from "../../../src/http/app.ts";
import { decodeUtf8Leniently } from "../../../src/bytes/utf8.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { BROKER_OPTIONS } from "../../broker/broker_fixture.ts";
import { ManualClock } from "../../manual_clock.ts";
import type { SeededRandom } from "../../seeded_random.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { hostileJson, nearly, nearlyConfig, nearlyRecord, nearlyTopic, TEXTS } from "../grammar.ts";
import { mutate, randomBytes } from "../mutation.ts";
import { requestContext } from "../../http/request_context.ts";

const ACCEPTS = [
  "application/json",
  "application/cbor",
  "text/event-stream",
  "application/x-ndjson",
  "*/*;q=0.1, x",
  "",
  "text/html",
] as const;
const TYPES = [
  "application/json",
  "application/cbor",
  "application/json; charset=utf-8",
  "text/plain",
  "",
  "a/b;;",
] as const;
const QUERY_VALUES: Readonly<Record<string, readonly string[]>> = {
  acks: ["all", "leader", "none", "1"],
  partition: ["0", "1", "2", "10000", "-1", "00", "9999"],
  key: ["k", "%00", "%ff", "%F0%9F%98%80"],
  from: ["earliest", "latest", "0", "1", "99999", "@0", "@1760000000000", "9007199254740992", "-1", "1e3"],
  cursor: ["p.AAAAAAAAAAAAAAAAAAAAAQ.0.0", "a.x.0.0~0", "", "p.a.b.c"],
  limit: ["1", "1000", "1001", "0"],
  maxBytes: ["1", "1000", "52428800", "52428801", "0"],
  wait: ["0", "0", "1", "25", "26"],
  keyEncoding: ["text", "base64url", "base64"],
  isolation: ["committed", "uncommitted", "x"],
  clamp: ["true", "false", "1"],
  to: ["0", "1", "9007199254740991", "x"],
  topicId: ["AAAAAAAAAAAAAAAAAAAAAQ", ""],
  pageToken: ["b3JkZXJz", "%", "=", "AA"],
  __proto__: ["1"],
};
const QUERY_NAMES = Object.keys(QUERY_VALUES);
/** A topic of 10,000 partitions must not take the memory of the whole run: it is refused for want of room. */
const DISK_BYTES = 64 * 1024 * 1024;
/** Macrotasks that a request gets for nothing; after them each takes a millisecond, for the work of the thread pool. */
const QUICK_TURNS = 50;
const TURNS_BEFORE_TIME_MOVES = 20;
const ANSWER_MS_MAX = 20_000;

function pathTopic(random: SeededRandom): string {
  if (random.below(6) > 0) return random.pick(["orders", "t", "u"]);
  return random.below(3) === 0 ? random.pick(["..%2f..", "%2e%2e", "a%00b", "%ff", "a%2Fb", "%"]) : encodeURIComponent(
    nearlyTopic(random).toWellFormed(),
  );
}

function pathKey(random: SeededRandom): string {
  if (random.below(3) > 0) return random.pick(["k", "u1", "%00", "a%2Fb", "AAE", "", "a".repeat(4_097)]);
  return random.below(2) === 0 ? random.pick(["%ff", "%", "%C0%80", "..", "+", "a%zz"]) : encodeURIComponent(
    random.pick(TEXTS).toWellFormed(),
  );
}

function query(random: SeededRandom): string {
  const pairs = Array.from({ length: random.below(4) }, () => {
    const name = random.pick(QUERY_NAMES);
    const known = QUERY_VALUES[name] ?? ["1"];
    const value = random.below(6) === 0 ? encodeURIComponent(random.pick(TEXTS).toWellFormed()) : random.pick(known);
    return `${name}=${value}`;
  });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

interface Shape {
  readonly method: string;
  readonly path: (random: SeededRandom) => string;
  readonly body?: (random: SeededRandom) => CborInput;
}

const recordsBody = (random: SeededRandom): CborInput => {
  const records = Array.from({ length: 1 + random.below(4) }, () => nearlyRecord(random, "json"));
  return random.pick<CborInput>([{ records }, { records }, records, records[0]!, { records, more: 1 }]);
};
const topicBody = (random: SeededRandom): CborInput =>
  nearly(random, {
    partitions: (inner) => inner.pick([1, 2, 0, 10_001, -1, 1.5, 2_147_483_648]),
    replicas: (inner) => inner.pick([1, 1, 2, 0]),
    config: nearlyConfig,
  });
const SHAPES: readonly Shape[] = [
  { method: "POST", path: (random) => `/v1/topics/${pathTopic(random)}/records`, body: recordsBody },
  { method: "POST", path: (random) => `/v1/topics/${pathTopic(random)}/records`, body: recordsBody },
  { method: "POST", path: (random) => `/v1/topics/${pathTopic(random)}/raw`, body: recordsBody },
  {
    method: "GET",
    path: (random) => `/v1/topics/${pathTopic(random)}/partitions/${random.pick(["0", "1", "7", "x"])}/records`,
  },
  { method: "GET", path: (random) => `/v1/topics/${pathTopic(random)}/records` },
  { method: "GET", path: (random) => `/v1/topics/${pathTopic(random)}/keys/${pathKey(random)}` },
  { method: "GET", path: () => "/v1/topics" },
  { method: "PUT", path: (random) => `/v1/topics/${pathTopic(random)}`, body: topicBody },
  { method: "PATCH", path: (random) => `/v1/topics/${pathTopic(random)}`, body: topicBody },
  { method: "DELETE", path: (random) => `/v1/topics/${random.pick(["u", "v", "..%2f"])}` },
  {
    method: "GET",
    path: (random) => random.pick(["/v1/limits", "/v1/cluster", "/livez", "/metrics", "/openapi.json", "/x"]),
  },
  { method: "HEAD", path: (random) => `/v1/topics/${pathTopic(random)}/records` },
  { method: "OPTIONS", path: (random) => `/v1/topics/${pathTopic(random)}/records` },
];

function headers(random: SeededRandom, isCbor: boolean): string[] {
  const lines = [`accept: ${random.pick(ACCEPTS)}`];
  const type = random.below(10) === 0 ? random.pick(TYPES) : isCbor ? TYPES[1] : TYPES[0];
  if (random.below(20) > 0) lines.push(`content-type: ${type}`);
  if (random.below(10) === 0) lines.push(`if-match: ${random.pick(['"0"', '"5"', "*", '"x"', '"99999999999999999"'])}`);
  if (random.below(12) === 0) lines.push(`content-encoding: ${random.pick(["gzip", "br", "identity", "zstd", "x"])}`);
  if (random.below(12) === 0) lines.push(`if-none-match: ${random.pick(["*", '"a"', "x"])}`);
  if (random.below(16) === 0) lines.push(`host: ${random.pick(["evil.example", "localhost", "[::1]", "127.0.0.1:1"])}`);
  if (random.below(16) === 0) lines.push(`origin: ${random.pick(["null", "https://evil.example", "x"])}`);
  if (random.below(16) === 0) lines.push(`idempotency-key: ${random.pick(["k", "a".repeat(300)])}`);
  if (random.below(16) === 0) lines.push(`last-event-id: ${random.pick(["p.a.0.0", "x", "a.x.0.0~0"])}`);
  if (random.below(16) === 0) lines.push(`log-header-trace: ${random.pick(["abc", "\u00ff"])}`);
  return lines;
}

const encoder = new TextEncoder();

function joined(head: string, body: Uint8Array): Uint8Array {
  const first = encoder.encode(head);
  const bytes = new Uint8Array(first.length + body.length);
  bytes.set(first);
  bytes.set(body, first.length);
  return bytes;
}

function makeRequest(random: SeededRandom): Uint8Array {
  const shape = random.pick(SHAPES);
  const isCbor = random.below(3) === 0;
  let head = `${shape.method} ${shape.path(random)}${query(random)}`;
  if (random.below(12) === 0) head = decodeUtf8Leniently(mutate(random, encoder.encode(head))).replaceAll("\n", "");
  const lines = [head, ...headers(random, isCbor)].join("\n");
  let body: Uint8Array = new Uint8Array(0);
  if (shape.body !== undefined && random.below(30) > 0) {
    const value = shape.body(random);
    body = isCbor ? encodeCbor(value) : hostileJson(random, value);
    if (random.below(4) === 0) body = mutate(random, body);
    else if (random.below(40) === 0) body = randomBytes(random, random.below(60));
  }
  return joined(`${lines}\n\n`, body);
}

/** The request that the bytes say, or null where the runtime's own `Request` makes none of them. */
function requestOf(input: Uint8Array): Request | null {
  const end = input.findIndex((byte, at) => byte === 0x0a && input[at + 1] === 0x0a);
  const head = decodeUtf8Leniently(input.subarray(0, end < 0 ? input.length : end)).split("\n");
  const [method = "", path = ""] = head[0]!.split(" ", 2);
  const body = end < 0 ? new Uint8Array(0) : input.slice(end + 2);
  try {
    const pairs = head.slice(1).map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const hasBody = method !== "GET" && method !== "HEAD" && body.length > 0;
    return new Request(`http://localhost:8080${path.startsWith("/") ? "" : "/"}${path}`, {
      method,
      headers: pairs,
      ...(hasBody ? { body } : {}),
    });
  } catch {
    return null;
  }
}

/** Waits for an answer; where nothing but time can bring it, time passes. */
async function settled<Result>(work: Promise<Result>, clock: ManualClock): Promise<Result> {
  let isDone = false;
  const mark = (): void => {
    isDone = true;
  };
  work.then(mark, mark);
  for (let turn = 0; turn < 40 && !isDone; turn++) await Promise.resolve();
  const startMs = performance.now();
  for (let turn = 1; !isDone; turn++) {
    if (turn <= QUICK_TURNS) await macrotask();
    else await pause(1);
    if (turn % TURNS_BEFORE_TIME_MOVES === 0) clock.advance(5_000);
    if (performance.now() - startMs > ANSWER_MS_MAX) throw new Error("There is no answer");
  }
  return await work;
}

async function expectSound(response: Response, method: string): Promise<void> {
  assert.notEqual(response.headers.get("x-request-id"), null);
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream") || type.startsWith("application/x-ndjson")) {
    return await response.body?.cancel();
  }
  const text = await response.text();
  assert.notEqual(response.status, 500, text);
  if (type !== "application/problem+json" || method === "HEAD") return;
  const problem = JSON.parse(text) as { readonly status: number; readonly code: string };
  assert.equal(problem.status, response.status);
  assert.notEqual(problem.code, "internal");
}

/** `METHOD path`, a header a line, an empty line, the body. */
export const httpRequests: FuzzTarget = {
  name: "http_requests",
  weight: 12,
  inputsPerSubject: 500,
  async open() {
    const clock = new ManualClock(1_760_000_000_000);
    const platform = { ...currentPlatform({ memory: true }), disk: memoryDisk({ capacityBytes: DISK_BYTES }), clock };
    const { broker } = await Broker.open(platform, BROKER_OPTIONS);
    await broker.createTopic("orders", { partitions: 2 });
    const bugs: unknown[] = [];
    const app = createHttpApp({
      broker,
      clock,
      random: platform.random,
      compression: platform.compression,
      onInternalError: (_id, thrown) => void bugs.push(thrown),
    });
    return {
      make: makeRequest,
      async check(input) {
        const request = requestOf(input);
        if (request === null) return;
        const answered = app.handle(request, requestContext(request));
        const response = await settled(Promise.resolve(answered), clock);
        if (bugs.length > 0) throw bugs[0];
        await settled(expectSound(response, request.method), clock);
        if (bugs.length > 0) throw bugs[0];
      },
      close: () => broker.close(),
    };
  },
};
