/**
 * The same requests, as bytes, to Apache Kafka and to this broker, at every version that both serve: good ones and bad
 * ones. The answers are read with Kafka's own definitions and must be equal, but for what `kafka/differences.ts` lists
 * with its reason; what is listed there and no longer differs fails as well.
 *
 *   npm run test:interop -- kafka_differential
 *
 * A new request is a step in one of `kafka/scripts/`, or a script of its own in `SCRIPTS`.
 */
import { join } from "node:path";
import { bunPlatform } from "../../adapters/bun/platform.ts";
import { type RunningKafka, startKafka } from "../../bench/peers/kafka.ts";
import { KafkaUnavailable } from "../../bench/peers/kafka_libraries.mjs";
import { startTestBroker } from "../../src/server/test_broker.ts";
import { makeTemporaryDirectory } from "../adapters/temporary_directory.ts";
import { type Difference, differencesBetween } from "./kafka/compare.ts";
import { EXPECTED_DIFFERENCES, isExpected } from "./kafka/differences.ts";
import {
  type ApiDefinition,
  isFlexible,
  loadApiDefinitions,
  type Message,
  versionRange,
} from "./kafka/message_definitions.ts";
import { RawConnection } from "./kafka/raw_connection.ts";
import { configsScript } from "./kafka/scripts/configs.ts";
import { dataScript } from "./kafka/scripts/data.ts";
import { groupsScript } from "./kafka/scripts/groups.ts";
import { partitionsScript } from "./kafka/scripts/partitions.ts";
import { topicsScript } from "./kafka/scripts/topics.ts";
import type { Script, Step } from "./kafka/step.ts";

const SCRIPTS: readonly Script[] = [dataScript, topicsScript, configsScript, partitionsScript, groupsScript];
/** How long Kafka's broker may take to learn what its controller has acknowledged. */
const LEARN_MS_MAX = 3_000;
const LEARN_STEP_MS = 50;
/** How long a step may wait for what earlier ones began. */
const SETTLE_MS_MAX = 60_000;
const API_VERSIONS = 18;

/** One of the two brokers: its connection, and what earlier answers said. */
class Peer {
  readonly memory = new Map<string, string>();
  readonly #host: string;
  readonly #port: number;
  #connection: RawConnection | null = null;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** The answer to a step, or what became of the connection. */
  async ask(api: ApiDefinition, version: number, step: Step): Promise<Message | string> {
    if (this.#connection === null || !this.#connection.isOpen) {
      this.#connection = await RawConnection.open(this.#host, this.#port);
    }
    const context = { version, recall: (name: string) => this.#recall(name) };
    const body = typeof step.request === "function" ? step.request(context) : step.request;
    try {
      const answer = await this.#connection.call(api, version, body);
      if (typeof answer === "string") this.close();
      return answer;
    } catch (thrown) {
      this.close();
      return `cannot be read: ${thrown instanceof Error ? thrown.message : thrown}`;
    }
  }

  /** What becomes of the connection after a request that may be none: it is closed, or there is an answer. */
  async askRaw(apiKey: number, version: number, flexible: boolean, body: Uint8Array): Promise<string> {
    const connection = await RawConnection.open(this.#host, this.#port);
    const answer = await connection.callRaw(apiKey, version, flexible, body);
    connection.close();
    return typeof answer === "string" ? answer : "an answer";
  }

  keep(step: Step, answer: Message | string, version: number): void {
    if (step.keep === undefined || typeof answer === "string") return;
    for (const [name, value] of Object.entries(step.keep(answer, version))) this.memory.set(name, value);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  #recall(name: string): string {
    const value = this.memory.get(name);
    if (value === undefined) throw new Error(`no step has kept ${name}`);
    return value;
  }
}

/** The answer to a step, when it is what the step waits for. */
async function settled(peer: Peer, api: ApiDefinition, version: number, step: Step): Promise<Message | string> {
  const deadline = Date.now() + SETTLE_MS_MAX;
  while (true) {
    const answer = await peer.ask(api, version, step);
    if (step.isSettled === undefined) return answer;
    if (typeof answer !== "string" && step.isSettled(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`"${step.name}" has not come true: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, LEARN_STEP_MS));
  }
}

class Comparison {
  readonly #apis: ReadonlyMap<number, ApiDefinition>;
  readonly #kafka: Peer;
  readonly #ours: Peer;
  readonly #used = new Set<number>();
  readonly #notServed = new Set<string>();
  #served = new Map<number, readonly [number, number]>();
  /** When a request was last sent that changes something. */
  #changedMs = 0;
  passed = 0;
  failed = 0;

  constructor(apis: ReadonlyMap<number, ApiDefinition>, kafka: Peer, ours: Peer) {
    this.#apis = apis;
    this.#kafka = kafka;
    this.#ours = ours;
  }

  /** Learns which versions of which APIs both serve. */
  async learnVersions(): Promise<void> {
    const [kafka, ours] = await Promise.all([this.#versionsOf(this.#kafka), this.#versionsOf(this.#ours)]);
    for (const [key, [min, max]] of ours) {
      const theirs = kafka.get(key);
      const definition = this.#apis.get(key);
      if (theirs === undefined || definition === undefined) continue;
      // Kafka says that it serves Produce from 0 on, and does not.
      const [declared] = versionRange(definition.request);
      this.#served.set(key, [Math.max(min, theirs[0], declared), Math.min(max, theirs[1])]);
    }
  }

  async #versionsOf(peer: Peer): Promise<Map<number, readonly [number, number]>> {
    const api = this.#apis.get(API_VERSIONS)!;
    const answer = await peer.ask(api, 0, { name: "versions", api: API_VERSIONS, request: {} });
    if (typeof answer === "string") throw new Error(`ApiVersions: ${answer}`);
    const rows = answer["ApiKeys"] as readonly { ApiKey: number; MinVersion: number; MaxVersion: number }[];
    return new Map(rows.map((row) => [row.ApiKey, [row.MinVersion, row.MaxVersion] as const]));
  }

  async run(script: Script): Promise<void> {
    for (const step of script.steps) {
      const range = this.#served.get(step.api);
      if (range === undefined) this.#notServed.add(this.#apis.get(step.api)!.request.name.replace("Request", ""));
      else await this.#runStep(step, range);
    }
  }

  async #runStep(step: Step, [min, max]: readonly [number, number]): Promise<void> {
    const api = this.#apis.get(step.api)!;
    for (let version = min; version <= max; version += 1) {
      if (step.versions?.(version) === false) continue;
      const ours = await settled(this.#ours, api, version, step);
      let kafka = await settled(this.#kafka, api, version, step);
      let unexpected = this.#unexpected(step, kafka, ours);
      if (step.isRead !== true) this.#changedMs = Date.now();
      while (unexpected.length > 0 && step.isRead === true && Date.now() < this.#changedMs + LEARN_MS_MAX) {
        await new Promise((resolve) => setTimeout(resolve, LEARN_STEP_MS));
        kafka = await this.#kafka.ask(api, version, step);
        unexpected = this.#unexpected(step, kafka, ours);
      }
      this.#kafka.keep(step, kafka, version);
      this.#ours.keep(step, ours, version);
      this.#markUsed(step, kafka, ours);
      this.#count(`${step.name} (${api.request.name.replace("Request", "")} v${version})`, unexpected);
    }
  }

  /** Versions that nobody serves, keys that nobody knows, bodies that end too early: whether the connection is closed. */
  async runBadFrames(): Promise<void> {
    const nothing = new Uint8Array();
    for (const [key, [min, max]] of this.#served) {
      const { request } = this.#apis.get(key)!;
      const name = request.name.replace("Request", "");
      await this.#rawAsk(`${name} v${max + 1}, which there is not`, key, max + 1, true, nothing);
      if (min > 0) await this.#rawAsk(`${name} v${min - 1}, which there is not`, key, min - 1, false, nothing);
      for (let version = min; version <= max; version += 1) {
        const flexible = isFlexible(request, version);
        await this.#rawAsk(`${name} v${version} without a body`, key, version, flexible, nothing);
        await this.#rawAsk(`${name} v${version} of bytes 0x7f`, key, version, flexible, new Uint8Array(40).fill(0x7f));
        await this.#rawAsk(`${name} v${version} of bytes 0xff`, key, version, flexible, new Uint8Array(40).fill(0xff));
      }
    }
    // Larger ones are native frames on our port.
    for (const key of [93, 200, 20_000]) await this.#rawAsk(`an API ${key}`, key, 0, false, nothing);
  }

  async #rawAsk(name: string, key: number, version: number, flexible: boolean, body: Uint8Array): Promise<void> {
    const [kafka, ours] = await Promise.all(
      [this.#kafka, this.#ours].map((peer) => peer.askRaw(key, version, flexible, body)),
    );
    this.#count(name, kafka === ours ? [] : [{ path: "", kafka: kafka!, ours: ours! }]);
  }

  #unexpected(step: Step, kafka: Message | string, ours: Message | string): Difference[] {
    return differencesBetween(kafka, ours).filter((difference) =>
      !EXPECTED_DIFFERENCES.some((row) => isExpected(row, step.name, difference))
    );
  }

  #markUsed(step: Step, kafka: Message | string, ours: Message | string): void {
    for (const difference of differencesBetween(kafka, ours)) {
      EXPECTED_DIFFERENCES.forEach((row, at) => {
        if (isExpected(row, step.name, difference)) this.#used.add(at);
      });
    }
  }

  #count(name: string, unexpected: readonly Difference[]): void {
    if (unexpected.length === 0) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    console.log(`FAILED  ${name}`);
    for (const { path, kafka, ours } of unexpected) {
      console.log(`        ${path}\n          Kafka: ${kafka.slice(0, 300)}\n          ours:  ${ours.slice(0, 300)}`);
    }
  }

  /** Rows of the table that nothing has needed. */
  end(): void {
    EXPECTED_DIFFERENCES.forEach((row, at) => {
      if (this.#used.has(at)) return;
      this.failed += 1;
      console.log(`FAILED  the table lists what does not differ: ${row.step} ${row.path} (${row.reason})`);
    });
    if (this.#notServed.size > 0) console.log(`not compared, since not served: ${[...this.#notServed].join(", ")}`);
    console.log(`${EXPECTED_DIFFERENCES.length} expected differences`);
  }
}

async function compareWith(kafka: RunningKafka, cache: string): Promise<number> {
  await using directory = await makeTemporaryDirectory();
  await using broker = await startTestBroker(bunPlatform(), {
    memory: false,
    dataPath: join(directory.path, "data"),
  });
  const [host, port] = broker.kafka.split(":") as [string, string];
  const peers = [new Peer(kafka.host, kafka.port), new Peer(host, Number(port))] as const;
  const comparison = new Comparison(loadApiDefinitions(kafka.libraries, cache), ...peers);
  await comparison.learnVersions();
  for (const script of SCRIPTS) await comparison.run(script);
  await comparison.runBadFrames();
  comparison.end();
  for (const peer of peers) peer.close();
  console.log(`${comparison.passed} passed, ${comparison.failed} failed`);
  return comparison.failed === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const cache = process.env["SENTINEL_INTEROP_CACHE"] ?? ".interop";
  try {
    await using kafka = await startKafka(cache);
    return await compareWith(kafka, cache);
  } catch (thrown) {
    if (!(thrown instanceof KafkaUnavailable)) throw thrown;
    console.log(`cannot run: ${thrown.message}`);
    return 0;
  }
}

process.exit(await main());
