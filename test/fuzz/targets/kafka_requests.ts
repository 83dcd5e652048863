/**
 * Kafka requests of every API and version into sessions over a real broker that keeps everything in memory. One broker
 * serves many requests of many connections, so that groups, topics and producers are there when a request names them.
 */
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { SimulatedRandom } from "../../../adapters/simulation/random.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { concatBytes } from "../../../src/bytes/concat.ts";
import { FetchSessions } from "../../../src/protocols/kafka/fetch_sessions.ts";
import { HandlerRegistry } from "../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../../src/protocols/kafka/kafka_session.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { BROKER_OPTIONS } from "../../broker/broker_fixture.ts";
import { ManualClock } from "../../manual_clock.ts";
import { countIn, type Coverage } from "../coverage.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { checkReply } from "./kafka_decoding.ts";
import { damaged, rowOf, SERVED, wholeRequest } from "./kafka_inputs.ts";

/** A topic of 10,000 partitions must not take the memory of the whole run: it is refused for want of room. */
const DISK_BYTES = 64 * 1024 * 1024;
/** A request that is not answered after so many turns waits for a codec of the runtime's, or for time to pass. */
const MICROTASKS_MAX = 400;
const TURNS_BEFORE_TIME_PASSES = 8;
const WAIT_STEP_MS = 60_000;
/** Of so many requests one comes behind the one before it again, without a wait between them. */
const PIPELINED_EVERY = 8;
/** Members and numbers that are remembered of answers. */
const REMEMBERED_MAX = 8;

export const kafkaRequests: FuzzTarget = {
  name: "kafka_requests",
  weight: 16,
  inputsPerSubject: 4_000,
  async open() {
    const clock = new ManualClock();
    const random = new SimulatedRandom(1);
    const platform = {
      ...currentPlatform({ memory: true }),
      disk: memoryDisk({ capacityBytes: DISK_BYTES }),
      clock,
      // The same ids every time, or an input would not be the same when it is made again.
      random,
    };
    const { broker } = await Broker.open(platform, BROKER_OPTIONS);
    broker.setEndpoints({ id: 1, host: "broker.test", port: 9092, http: null });
    const { topicId } = await broker.createTopic("orders", { partitions: 2 });
    await broker.createTopic("t", { partitions: 2, config: { "storage.engine": "lsm" } });
    const coverage: Coverage = new Map();
    const bugs: unknown[] = [];
    const onInternalError = (error: SentinelError): void => void bugs.push(error.cause ?? error);
    const fetchSessions = new FetchSessions({ clock, random });
    const services = { broker, clock, nodeId: 1, fetchSessions, onInternalError };
    const handlers = KAFKA_HANDLERS.map((handler) => ({
      ...handler,
      handle(...[request, context]: Parameters<typeof handler.handle>) {
        countIn(coverage, `${handler.api.name} v${context.apiVersion}`, "decoded");
        return handler.handle(request, context);
      },
    }));
    const registry = new HandlerRegistry(handlers);
    const known = { topicId, memberIds: [] as string[], numbers: [] as number[] };
    let session = new KafkaSession(services, registry, "10.0.0.1:5000");
    let before: Uint8Array | null = null;
    const checkOne = async (input: Uint8Array, handled: ReturnType<KafkaSession["handle"]>): Promise<void> => {
      const row = rowOf(input, registry);
      countIn(coverage, row, "inputs");
      const reply = await settled(handled, clock);
      if (bugs.length > 0) throw bugs[0];
      if (reply instanceof Error) {
        // Where Kafka closes the connection; anything else that is thrown is a bug.
        if (!(reply instanceof SentinelError) || reply.code !== "invalid_request") throw reply;
        countIn(coverage, row, "closed");
        session.endWaits();
        session = new KafkaSession(services, registry, "10.0.0.1:5000");
        return;
      }
      countIn(coverage, row, reply === null ? "no answer" : "answered");
      if (reply !== null) remember(checkReply(input, concatBytes(reply), registry), known);
    };
    return {
      coverage,
      make: (chance) => damaged(chance, wholeRequest(chance, chance.pick(SERVED), known), 2),
      async check(input) {
        const inputs = before !== null && input.length % PIPELINED_EVERY === 0 ? [before, input] : [input];
        before = input;
        const sent = inputs.map((each) => ({ each, handled: session.handle(each) }));
        // Looked at one after the other: a later one may fail while an earlier one waits.
        for (const { handled } of sent) handled.catch(() => {});
        for (const { each, handled } of sent) await checkOne(each, handled);
      },
      async close() {
        session.endWaits();
        await broker.close();
      },
    };
  },
};

/** What a client keeps of an answer to say it in its next request: who it is, which generation, producer or session. */
function remember(answer: object, known: { readonly memberIds: string[]; readonly numbers: number[] }): void {
  for (const [name, value] of Object.entries(answer)) {
    if (name === "memberId" && value !== "") keep(known.memberIds, value as string);
    if (/^(generationId|producerId|producerEpoch|sessionId)$/.test(name) && value !== -1) {
      keep(known.numbers, value as number);
    }
  }
}

function keep<Value>(values: Value[], value: Value): void {
  if (values.includes(value)) return;
  values.push(value);
  if (values.length > REMEMBERED_MAX) values.shift();
}

/** The reply, or why there is none. Time passes for a request that waits: it must not wait for ever. */
async function settled(
  handled: Promise<readonly Uint8Array[] | null>,
  clock: ManualClock,
): Promise<readonly Uint8Array[] | null | Error> {
  let isDone = false;
  const done = handled.then(
    (reply) => ((isDone = true), reply),
    (thrown: unknown) => ((isDone = true), thrown instanceof Error ? thrown : new Error(String(thrown))),
  );
  for (let turn = 1; !isDone; turn += 1) {
    for (let left = MICROTASKS_MAX; left > 0 && !isDone; left -= 1) await undefined;
    if (isDone) break;
    await new Promise((resolve) => setImmediate(resolve));
    if (turn % TURNS_BEFORE_TIME_PASSES === 0) clock.advance(WAIT_STEP_MS);
  }
  return await done;
}
