/**
 * `kafka-peer`: the broker beside Apache Kafka 4.3 in one run, under the same clients with the same settings
 * (confluent-kafka-python and Kafka's ProducerPerformance, acks=all). Two pairs of equals: what is on the disk when it is
 * acknowledged (durability `fsync` beside `flush.messages=1`), and what the operating system has (durability `os` beside
 * Kafka as it comes). And `default`: each as it comes, ours synced, Kafka's not; the goal is to be as fast. All three are
 * taken from the same measurements, in turn. Needs Java, Maven, Python with pip. The smoke size needs none of them: our
 * broker alone, by frames.
 */
import type { Figure, Target } from "../figure.ts";
import { KafkaConnection } from "../kafka_connection.ts";
import { createTopicRequest, holdGood, produceRequest } from "../kafka_frames.ts";
import { runLoad } from "../load.ts";
import { makeBatch } from "../payloads.ts";
import { startKafka } from "../peers/kafka.ts";
import {
  CACHE,
  confluent,
  dropFromPageCache,
  installConfluent,
  producerPerformance,
  touchMemory,
} from "../peers/load_tools.ts";
import { compareInRounds, comparisonOf, measureInTurn } from "../rounds.ts";
import { processorMs, residentBytes, startServerProcess } from "../server_process.ts";
import { type BenchContext, besideFigure, loneFigure, type Workload } from "../workload.ts";

const WORKLOAD = "kafka-peer";
const ROUNDS = 3;
const PRODUCE_SECONDS = 3;
const LATENCY = { rate: 10_000, seconds: 6 };
/** More than one measurement writes. */
const TOUCHED_BYTES = 2_500_000_000;
/** Enough that a fetch of it takes seconds, and more than any cache of ours. */
const FETCHED_BYTES = 400_000_000;

interface Peer {
  readonly port: number;
  readonly processId: number;
  readonly dataPath: string;
  /** Topic settings by what an acknowledgement means. */
  readonly config: Readonly<Record<Level, Readonly<Record<string, string>>>>;
}

type Level = "fsync" | "os";

const LEVELS: readonly Level[] = ["fsync", "os"];

/** Whose figures stand beside each other. */
interface Pairing {
  readonly name: string;
  readonly theirs: Level;
  readonly ours: Level;
  readonly beside: string;
  /** Of the ratio of records a second. */
  readonly target?: Target;
}

const PAIRINGS: readonly Pairing[] = [
  { name: "fsync", theirs: "fsync", ours: "fsync", beside: "Kafka, flush.messages=1" },
  { name: "os", theirs: "os", ours: "os", beside: "Kafka as it comes" },
  {
    name: "default",
    theirs: "os",
    ours: "fsync",
    beside: "Kafka as it comes, unsynced",
    target: { of: "ratio", atLeast: 1 },
  },
];

/** What was measured of each broker at each level; the numbers of a list are of rounds in which all four took turns. */
interface Measured<Found> {
  readonly theirs: Readonly<Record<Level, Found>>;
  readonly ours: Readonly<Record<Level, Found>>;
}

export const kafkaPeer: Workload = {
  name: WORKLOAD,
  summary:
    "produce, fetch, latency, memory beside Apache Kafka 4.3; minutes, needs Java and Python; smoke: frames alone",
  run: (context) => context.isSmoke ? runSmoke(context) : runBeside(context),
};

async function runBeside(context: BenchContext): Promise<Figure[]> {
  installConfluent();
  const startMs = context.platform.clock.monotonicMs();
  const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
  const ourStartMs = context.platform.clock.monotonicMs() - startMs;
  // We remove a deleted topic's files at once, Kafka after a minute: its rounds would run in the memory that ours free,
  // and ours in memory that nobody has touched yet.
  await using kafka = await startKafka(CACHE, { "log.segment.delete.delay.ms": "500" }, context.directory);
  const ours: Peer = {
    port: broker.addresses.binaryPort!,
    processId: broker.processId,
    dataPath: `${context.directory}/data`,
    config: { fsync: { durability: "fsync" }, os: { durability: "os" } },
  };
  const theirs: Peer = { ...kafka, config: { fsync: { "flush.messages": "1" }, os: {} } };
  try {
    const figures = [once("start_ms", "ms", kafka.startMs, ourStartMs), await memory("idle_mb", theirs, ours)];
    for (const partitions of [1, 12]) {
      for (const bytes of [100, 1_000]) {
        context.progress(`produce ${partitions} partitions ${bytes} B`);
        const load = { partitions, bytes };
        figures.push(
          ...await produce(theirs, ours, load),
          ...await produceFromJava(kafka.libraries, theirs, ours, load),
        );
      }
    }
    context.progress("latency");
    figures.push(...await latency(theirs, ours));
    context.progress("fetch");
    figures.push(...await fetch(theirs, ours), await memory("after_load_mb", theirs, ours));
    return figures;
  } finally {
    await broker.stop();
  }
}

/** A pair that was measured once, without rounds. */
function once(figure: string, unit: string, theirs: number, ours: number, beside = "Kafka"): Figure {
  return besideFigure({ workload: WORKLOAD, figure, unit, beside }, comparisonOf([theirs], [ours]));
}

async function memory(figure: string, theirs: Peer, ours: Peer): Promise<Figure> {
  const megabytes = async ({ processId }: Peer) => await residentBytes(processId) / 1e6;
  return once(figure, "MB", await megabytes(theirs), await megabytes(ours));
}

let topicsMade = 0;

/** Uses a new topic and deletes it. */
async function withTopic<Result>(
  peer: Peer,
  level: Level,
  partitions: number,
  use: (topic: string) => Promise<Result>,
): Promise<Result> {
  topicsMade += 1;
  const topic = `bench-${topicsMade}`;
  await confluent(peer.port, { do: "create", topic, partitions, config: peer.config[level] });
  try {
    return await use(topic);
  } finally {
    await confluent(peer.port, { do: "delete", topic });
  }
}

/** Both brokers at both levels in turn. */
async function measureAll<Found>(
  rounds: number,
  theirs: Peer,
  ours: Peer,
  measure: (peer: Peer, level: Level) => Promise<Found>,
): Promise<Measured<Found[]>> {
  const places = LEVELS.flatMap((level) => [theirs, ours].map((peer) => () => measure(peer, level)));
  const [theirsFsync, oursFsync, theirsOs, oursOs] = await measureInTurn(rounds, places);
  return { theirs: { fsync: theirsFsync!, os: theirsOs! }, ours: { fsync: oursFsync!, os: oursOs! } };
}

interface ProduceLoad {
  readonly partitions: number;
  readonly bytes: number;
}

interface Produced {
  readonly perSecond: number;
  readonly secondsPerMillion: number;
}

async function produce(theirs: Peer, ours: Peer, { partitions, bytes }: ProduceLoad): Promise<Figure[]> {
  const measured = await measureAll(
    ROUNDS,
    theirs,
    ours,
    (peer, level) =>
      withTopic(peer, level, partitions, async (topic): Promise<Produced> => {
        await touchMemory(TOUCHED_BYTES);
        const beforeMs = await processorMs(peer.processId);
        const found = await confluent(peer.port, { do: "produce", topic, bytes, seconds: PRODUCE_SECONDS });
        const spentMs = await processorMs(peer.processId) - beforeMs;
        return {
          perSecond: found["records"]! / found["seconds"]!,
          secondsPerMillion: spentMs / 1_000 / (found["records"]! / 1e6),
        };
      }),
  );
  return PAIRINGS.flatMap((pairing) => {
    const compare = (of: (produced: Produced) => number) =>
      comparisonOf(measured.theirs[pairing.theirs].map(of), measured.ours[pairing.ours].map(of));
    const named = (figure: string, unit: string) => nameOf(pairing, `${partitions}p_${bytes}b_${figure}`, unit);
    const rate = named("records_per_s", "1/s");
    return [
      besideFigure(
        pairing.target === undefined ? rate : { ...rate, target: pairing.target },
        compare(({ perSecond }) => perSecond),
      ),
      besideFigure(named("mb_per_s", "MB/s"), compare(({ perSecond }) => perSecond * bytes / 1e6)),
      besideFigure(named("cpu_s_per_million", "s"), compare(({ secondsPerMillion }) => secondsPerMillion)),
    ];
  });
}

function nameOf({ name, beside }: Pairing, figure: string, unit: string) {
  return { workload: WORKLOAD, figure: `${name}_${figure}`, unit, beside };
}

async function produceFromJava(libraries: string, theirs: Peer, ours: Peer, load: ProduceLoad): Promise<Figure[]> {
  const { partitions, bytes } = load;
  const records = Math.round(Math.min(1_000_000, 200_000_000 / bytes));
  const measured = await measureAll(
    1,
    theirs,
    ours,
    (peer, level) =>
      withTopic(
        peer,
        level,
        partitions,
        (topic) => producerPerformance(libraries, peer.port, { topic, records, bytes }),
      ),
  );
  return PAIRINGS.map((pairing) =>
    besideFigure(
      nameOf(pairing, `${partitions}p_${bytes}b_java_records_per_s`, "1/s"),
      comparisonOf(measured.theirs[pairing.theirs], measured.ours[pairing.ours]),
    )
  );
}

/** From send to poll at a fixed rate of records of 100 B. */
async function latency(theirs: Peer, ours: Peer): Promise<Figure[]> {
  const measured = await measureAll(
    1,
    theirs,
    ours,
    (peer, level) => withTopic(peer, level, 1, (topic) => confluent(peer.port, { do: "latency", topic, ...LATENCY })),
  );
  return PAIRINGS.flatMap((pairing) =>
    ["p50", "p99"].map((share) => {
      const of = (times: Readonly<Record<string, number>>) => times[share]!;
      return besideFigure(
        nameOf(pairing, `end_to_end_${share}_ms`, "ms"),
        comparisonOf(measured.theirs[pairing.theirs].map(of), measured.ours[pairing.ours].map(of)),
      );
    })
  );
}

/** All of a topic of 1 KB records, from the disk and from the page cache. */
function fetch(theirs: Peer, ours: Peer): Promise<Figure[]> {
  return withFilledTopic(theirs, (theirTopic) =>
    withFilledTopic(ours, async (ourTopic) => {
      const figures: Figure[] = [];
      for (const kind of ["cold", "warm"]) {
        const read = async (peer: Peer, topic: string) => {
          if (kind === "cold") {
            await dropFromPageCache(peer.dataPath);
            await touchMemory(TOUCHED_BYTES);
          }
          const records = FETCHED_BYTES / 1_000;
          const found = await confluent(peer.port, { do: "consume", topic, partitions: 1, records });
          return found["bytes"]! / 1e6 / found["seconds"]!;
        };
        const rate = await compareInRounds(ROUNDS, () => read(theirs, theirTopic), () => read(ours, ourTopic));
        const figure = `fetch_${kind}_mb_per_s`;
        figures.push(besideFigure({ workload: WORKLOAD, figure, unit: "MB/s", beside: "Kafka" }, rate));
      }
      return figures;
    }));
}

/** Lets `use` have a topic of at least `FETCHED_BYTES`. */
function withFilledTopic<Result>(peer: Peer, use: (topic: string) => Promise<Result>): Promise<Result> {
  return withTopic(peer, "os", 1, async (topic) => {
    let records = 0;
    while (records < FETCHED_BYTES / 1_000) {
      const load = { do: "produce", topic, bytes: 1_000, seconds: PRODUCE_SECONDS };
      records += (await confluent(peer.port, load))["records"]!;
    }
    return await use(topic);
  });
}

/** Our broker alone: that it takes Kafka's frames under load. */
async function runSmoke(context: BenchContext): Promise<Figure[]> {
  const { network, clock } = context.platform;
  const broker = await startServerProcess("broker", { dataPath: `${context.directory}/data` });
  const connection = await KafkaConnection.open(network, broker.addresses.binaryPort!);
  try {
    holdGood("createTopics", await connection.ask(createTopicRequest("smoke", 1, { durability: "os" })));
    const records = 100;
    const frame = produceRequest("smoke", 0, makeBatch(records, 100).bytes);
    const exchange = async () => holdGood("produce", await connection.ask(frame));
    const { perSecond } = await runLoad(clock, [{ exchange, close: () => {} }], 100);
    return [loneFigure({ workload: WORKLOAD, figure: "frames_records_per_s", unit: "1/s" }, perSecond * records)];
  } finally {
    connection.close();
    await broker.stop();
  }
}
