/**
 * `kafka-connections`: what many connections cost, and whether one that asks for much holds up the others. Our broker
 * beside Apache Kafka 4.3 in turn, under the same client of ours; the smoke size takes our broker alone, without a JVM.
 */
import type { Clock } from "../../src/platform/clock.ts";
import type { Figure } from "../figure.ts";
import { KafkaConnection } from "../kafka_connection.ts";
import { apiVersionsRequest, createTopicRequest, fetchRequest, holdGood, produceRequest } from "../kafka_frames.ts";
import { makeBatch } from "../payloads.ts";
import { type RunningKafka, startKafka } from "../peers/kafka.ts";
import { CACHE } from "../peers/load_tools.ts";
import { comparisonOf } from "../rounds.ts";
import { processorMs, residentBytes, startServerProcess } from "../server_process.ts";
import { type BenchContext, besideFigure, loneFigure, type Workload } from "../workload.ts";

const WORKLOAD = "kafka-connections";
const SMALL_TOPIC = "small";
const LARGE_TOPIC = "large";
/** Ours: acknowledged when the operating system has it, as Kafka does it. */
const OUR_CONFIG = { durability: "os" };
/** Each of the busy connections asks this often: together 2,000 requests a second. */
const BUSY_REQUEST_MS = 100;
const LARGE_BYTES = 900_000;

interface Sizes {
  readonly idle: number;
  readonly busy: number;
  readonly durationMs: number;
  readonly small: number;
}

const FULL: Sizes = { idle: 1_000, busy: 200, durationMs: 5_000, small: 500 };
const SMOKE: Sizes = { idle: 20, busy: 5, durationMs: 200, small: 10 };

export const kafkaConnections: Workload = {
  name: WORKLOAD,
  summary: "1,000 idle and 200 busy Kafka connections; small requests beside large ones; beside Apache Kafka 4.3",
  async run(context) {
    const sizes = context.isSmoke ? SMOKE : FULL;
    const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
    try {
      const ours = await measure(context, broker.addresses.binaryPort!, broker.processId, sizes, OUR_CONFIG);
      if (context.isSmoke) {
        return ours.map(({ figure, unit, value }) => loneFigure({ workload: WORKLOAD, figure, unit }, value));
      }
      await using kafka: RunningKafka = await startKafka(CACHE, {}, context.directory);
      const theirs = await measure(context, kafka.port, kafka.processId, sizes, {});
      return ours.map(({ figure, unit, value }, index): Figure =>
        besideFigure(
          { workload: WORKLOAD, figure, unit, beside: "Kafka as it comes" },
          comparisonOf([theirs[index]!.value], [value]),
        )
      );
    } finally {
      await broker.stop();
    }
  },
};

interface Measured {
  readonly figure: string;
  readonly unit: string;
  readonly value: number;
}

async function measure(
  context: BenchContext,
  port: number,
  processId: number,
  sizes: Sizes,
  config: Readonly<Record<string, string>>,
): Promise<Measured[]> {
  const { network, clock } = context.platform;
  const control = await KafkaConnection.open(network, port);
  for (const topic of [SMALL_TOPIC, LARGE_TOPIC]) {
    holdGood("createTopics", await control.ask(createTopicRequest(topic, 1, config)));
  }
  const small = produceRequest(SMALL_TOPIC, 0, makeBatch(1, 100).bytes);
  const askSmall = async (connection: KafkaConnection) => holdGood("produce", await connection.ask(small));
  // A new topic's leader may not know of it yet, and what is compiled late must not count.
  await untilGood(clock, () => askSmall(control));
  for (let index = 0; index < sizes.small; index++) await askSmall(control);
  try {
    return [
      ...await idleConnections(context, port, processId, sizes),
      ...await busyConnections(context, port, processId, sizes, askSmall),
      ...await smallBesideLarge(context, port, sizes, () => askSmall(control)),
    ];
  } finally {
    control.close();
  }
}

async function untilGood(clock: Clock, ask: () => Promise<void>): Promise<void> {
  const endMs = clock.monotonicMs() + 10_000;
  while (true) {
    try {
      return await ask();
    } catch (thrown) {
      if (clock.monotonicMs() > endMs) throw thrown;
      await pause(50);
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds));
}

async function connect({ platform }: BenchContext, port: number, count: number): Promise<KafkaConnection[]> {
  const connections: KafkaConnection[] = [];
  const request = apiVersionsRequest();
  for (let index = 0; index < count; index++) {
    const connection = await KafkaConnection.open(platform.network, port);
    await connection.ask(request);
    connections.push(connection);
  }
  return connections;
}

async function idleConnections(
  context: BenchContext,
  port: number,
  processId: number,
  { idle, durationMs }: Sizes,
): Promise<Measured[]> {
  context.progress(`${idle} idle connections`);
  const before = await residentBytes(processId);
  const connections = await connect(context, port, idle);
  const beforeMs = await processorMs(processId);
  await pause(durationMs);
  const share = (await processorMs(processId) - beforeMs) / durationMs * 100;
  const kilobytes = (await residentBytes(processId) - before) / 1e3 / idle;
  for (const connection of connections) connection.close();
  return [
    { figure: "idle_connection_kb", unit: "kB", value: kilobytes },
    { figure: "idle_connections_cpu_percent", unit: "%", value: share },
  ];
}

async function busyConnections(
  context: BenchContext,
  port: number,
  processId: number,
  { busy, durationMs }: Sizes,
  ask: (connection: KafkaConnection) => Promise<void>,
): Promise<Measured[]> {
  context.progress(`${busy} busy connections`);
  const { clock } = context.platform;
  const connections = await connect(context, port, busy);
  const times: number[] = [];
  const beforeMs = await processorMs(processId);
  const startMs = clock.monotonicMs();
  await Promise.all(connections.map(async (connection, index) => {
    await pause(BUSY_REQUEST_MS * index / busy);
    while (clock.monotonicMs() - startMs < durationMs) {
      const askedMs = clock.monotonicMs();
      await ask(connection);
      times.push(clock.monotonicMs() - askedMs);
      await pause(Math.max(0, BUSY_REQUEST_MS - (clock.monotonicMs() - askedMs)));
    }
  }));
  const spentMs = await processorMs(processId) - beforeMs;
  const resident = await residentBytes(processId);
  for (const connection of connections) connection.close();
  return [
    { figure: "busy_p50_ms", unit: "ms", value: shareOf(times, 0.5) },
    { figure: "busy_p99_ms", unit: "ms", value: shareOf(times, 0.99) },
    { figure: "busy_cpu_us_per_request", unit: "us", value: spentMs * 1_000 / times.length },
    { figure: "busy_resident_mb", unit: "MB", value: resident / 1e6 },
  ];
}

function shareOf(times: readonly number[], share: number): number {
  const sorted = [...times].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** The time of a small produce on one connection, while others produce 0.9 MB and fetch 8 MB at a time in another topic. */
async function smallBesideLarge(
  context: BenchContext,
  port: number,
  { small }: Sizes,
  askSmall: () => Promise<void>,
): Promise<Measured[]> {
  context.progress("small beside large");
  const { clock, network } = context.platform;
  const time = async () => {
    const times: number[] = [];
    for (let index = 0; index < small; index++) {
      const askedMs = clock.monotonicMs();
      await askSmall();
      times.push(clock.monotonicMs() - askedMs);
    }
    return times;
  };
  const alone = await time();
  const writer = await KafkaConnection.open(network, port);
  const reader = await KafkaConnection.open(network, port);
  const produce = produceRequest(LARGE_TOPIC, 0, makeBatch(Math.floor(LARGE_BYTES / 1_010), 1_000).bytes);
  const fetch = fetchRequest(LARGE_TOPIC, 0, 0, 8_000_000);
  let isOver = false;
  const large = [
    async () => holdGood("produce", await writer.ask(produce)),
    async () => holdGood("fetch", await reader.ask(fetch)),
  ].map(async (exchange) => {
    while (!isOver) await exchange();
  });
  const beside = await time();
  isOver = true;
  await Promise.all(large);
  writer.close();
  reader.close();
  return [
    { figure: "small_alone_p99_ms", unit: "ms", value: shareOf(alone, 0.99) },
    { figure: "small_beside_large_p50_ms", unit: "ms", value: shareOf(beside, 0.5) },
    { figure: "small_beside_large_p99_ms", unit: "ms", value: shareOf(beside, 0.99) },
  ];
}
