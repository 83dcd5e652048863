/** An HTTP app over the fake broker, called without sockets; time passes only when a test says so. */
import assert from "node:assert/strict";
import { SentinelError } from "../../src/base/errors.ts";
import type { ProduceOutcome, RoutedRecord } from "../../src/broker/broker_api.ts";
import type {
  CreateTopicOptions,
  FetchRequest,
  PendingFetch,
  ProduceOptions,
  TopicDescription,
} from "../../src/broker/types.ts";
import { decodeCbor } from "../../src/cbor/decode_cbor.ts";
import { createHttpApp, type HttpApp } from "../../src/http/app.ts";
import type { HttpAppOptions } from "../../src/http/http_options.ts";
import type { Cancel, Clock } from "../../src/platform/clock.ts";
import { currentPlatform } from "../adapters/current.ts";
import { FakeBroker, type FakeBrokerOptions } from "../protocols/fake_broker.ts";
import { requestContext } from "./request_context.ts";

/** A clock that stands still until `advance`. */
export class ManualClock implements Clock {
  #nowMs = 1_000;
  #calls: { atMs: number; run: () => void }[] = [];

  nowMs(): number {
    return 1_760_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    const call = { atMs: this.#nowMs + delayMs, run };
    this.#calls.push(call);
    return () => {
      this.#calls = this.#calls.filter((other) => other !== call);
    };
  }

  get pendingCalls(): number {
    return this.#calls.length;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#calls.filter((call) => call.atMs <= this.#nowMs);
    this.#calls = this.#calls.filter((call) => call.atMs > this.#nowMs);
    for (const call of due) call.run();
  }
}

/** The fake broker with an id for each incarnation of a topic, and with what a test wants to see or to go wrong. */
export class TestBroker extends FakeBroker {
  readonly fetches: FetchRequest[] = [];
  /** Partitions whose produce or fetch fails. */
  readonly faults: Map<number, SentinelError> = new Map();
  readonly #ids: Map<object, string> = new Map();

  override describeTopic(name: string): TopicDescription | null {
    const topic = this.topics.get(name);
    const description = super.describeTopic(name);
    if (topic === undefined || description === null) return null;
    const id = this.#ids.get(topic) ?? `topic-${this.#ids.size}`;
    this.#ids.set(topic, id);
    return { ...description, topicId: id };
  }

  override async createTopic(name: string, options: CreateTopicOptions = {}): Promise<TopicDescription> {
    if (options.partitions === 0) throw new SentinelError("invalid_partitions", "0 partitions");
    return await super.createTopic(name, options);
  }

  override fetch(request: FetchRequest): PendingFetch {
    this.fetches.push(request);
    const pending = super.fetch(request);
    if (this.faults.size === 0) return pending;
    // A broken partition is an answer: nothing is waited for.
    if (request.partitions.some(({ partition }) => this.faults.has(partition))) pending.cancel();
    const spoil = async () =>
      (await pending.result).map((part) => {
        const error = this.faults.get(part.partition);
        return error === undefined ? part : { ...part, batches: [], error };
      });
    return { result: spoil(), cancel: () => pending.cancel() };
  }

  override async produceRecords(
    topic: string,
    records: readonly RoutedRecord[],
    options: ProduceOptions,
  ): Promise<ProduceOutcome[]> {
    const count = this.partitionCount(topic);
    if (options.expectedOffset !== undefined) {
      const partition = records[0]!.partition!;
      const tail = this.topics.get(topic)?.partitions[partition]?.highWatermark ?? 0;
      if (tail !== options.expectedOffset) {
        throw new SentinelError("offset_mismatch", `the next offset is ${tail}`, { facts: { tail } });
      }
    }
    if (this.faults.size === 0 || count === null) return await super.produceRecords(topic, records, options);
    const outcomes = await super.produceRecords(topic, records, options);
    return outcomes.map((outcome) => {
      const error = outcome.ok ? this.faults.get(outcome.ack.partition) : undefined;
      if (error === undefined || !outcome.ok) return outcome;
      return { ok: false, partition: outcome.ack.partition, error, indexes: outcome.indexes };
    });
  }
}

export interface TestApp {
  readonly app: HttpApp;
  readonly broker: TestBroker;
  readonly clock: ManualClock;
  /** What `onInternalError` was told. */
  readonly internalErrors: unknown[];
  /** How many requests said that they stay open. */
  readonly keptOpen: () => number;
  call(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  json(path: string, init?: RequestInit): Promise<Json>;
}

// deno-lint-ignore no-explicit-any
export type Json = any;

const HOST = "http://localhost:8080";

export function testApp(options: Partial<HttpAppOptions> & { readonly fake?: FakeBrokerOptions } = {}): TestApp {
  const { fake, ...rest } = options;
  const broker = new TestBroker({ nowMs: () => 1_760_000_000_000, ...fake });
  const clock = new ManualClock();
  const internalErrors: unknown[] = [];
  let keptOpen = 0;
  const platform = currentPlatform({ memory: true });
  const app = createHttpApp({
    broker,
    clock,
    random: platform.random,
    compression: platform.compression,
    onInternalError: (_id, thrown) => void internalErrors.push(thrown),
    ...rest,
  });
  const call = (path: string, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(path.startsWith("http") ? path : HOST + path, init);
    return app.handle(request, requestContext(request, () => void (keptOpen += 1)));
  };
  return {
    app,
    broker,
    clock,
    internalErrors,
    keptOpen: () => keptOpen,
    call,
    post: (path, body, init = {}) =>
      call(path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
        headers: { "content-type": "application/json", ...init.headers as Record<string, string> },
      }),
    json: async (path, init) => await (await call(path, init)).json(),
  };
}

/** The problem in an answer, which must be one of this status and code. */
export async function expectProblem(
  answer: Response | Promise<Response>,
  status: number,
  code: string,
): Promise<Record<string, Json>> {
  const response = await answer;
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = JSON.parse(text) as Record<string, Json>;
  assert.equal(problem["code"], code, text);
  assert.equal(problem["status"], status);
  assert.equal(problem["instance"], response.headers.get("x-request-id"));
  for (const member of ["type", "title", "detail"]) assert.equal(typeof problem[member], "string");
  return problem;
}

export async function cborOf(response: Response): Promise<Json> {
  const decoded = decodeCbor(new Uint8Array(await response.arrayBuffer()), { depthMax: 64 });
  assert.ok("value" in decoded, JSON.stringify(decoded));
  return decoded.value;
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
