/** Kafka requests of every API and version into a session, over a real broker that keeps everything in memory. */
import assert from "node:assert/strict";
import { memoryDisk } from "../../../adapters/memory/disk.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { concatBytes } from "../../../src/bytes/concat.ts";
import { FetchSessions } from "../../../src/protocols/kafka/fetch_sessions.ts";
import type { KafkaHandler } from "../../../src/protocols/kafka/handler.ts";
import { HandlerRegistry } from "../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../../src/protocols/kafka/kafka_session.ts";
import { currentPlatform } from "../../adapters/current.ts";
import { BROKER_OPTIONS } from "../../broker/broker_fixture.ts";
import { ManualClock } from "../../manual_clock.ts";
import { readResponse } from "../../protocols/kafka/kafka_fixture.ts";
import { requestFrame } from "../../protocols/kafka/request_frame.ts";
import { randomStruct } from "../../schema/random_value.ts";
import type { SeededRandom } from "../../seeded_random.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { nearlyTopic } from "../grammar.ts";
import { mutate, randomBytes } from "../mutation.ts";
import { anyBatch } from "./batches.ts";

/** A topic of 10,000 partitions must not take the memory of the whole run: it is refused for want of room. */
const DISK_BYTES = 64 * 1024 * 1024;
/** Turns of the event loop before a request counts as one that waits for time to pass. */
const TURNS_MAX = 50;
const WAIT_STEP_MS = 60_000;
const API_VERSIONS_KEY = 18;

/** What the fields of most requests are about: topics, groups and members that there are, small numbers. */
function suggest(random: SeededRandom, topicId: string, type: string, name: string): unknown {
  if (random.below(10) === 0) return undefined;
  if (type === "records") return anyBatch(random);
  if (type === "uuid") return random.below(3) === 0 ? undefined : topicId;
  if (type === "string") {
    if (/topic|^name$/i.test(name)) return nearlyTopic(random);
    return random.pick(["g", "g", "h", "m", "consumer", "range", "a"]);
  }
  if (type === "int32" && /timeout/i.test(name)) return random.pick([0, 6_000, 10_000, 300_000]);
  if (/maxwait/i.test(name)) return random.pick([0, 0, 5]);
  if (/bytes/i.test(name)) return random.pick([0, 1, 1_000, 1_048_576]);
  return /^u?int/.test(type) ? random.pick([0, 0, 1, 2, -1, -2, 3, 7]) : undefined;
}

function nearlyRequest(random: SeededRandom, handler: KafkaHandler, topicId: string): Uint8Array {
  const { api, versions } = handler;
  const version = versions.min + random.below(versions.max - versions.min + 1);
  const value = randomStruct(random, api.request.fields, {
    version,
    suggest: (type, name) => suggest(random, topicId, type, name),
  });
  const body = requestFrame(api, version, value as never, { correlationId: 7 }).subarray(4);
  return random.below(3) === 0 ? mutate(random, body) : body;
}

export const kafkaRequests: FuzzTarget = {
  name: "kafka_requests",
  weight: 8,
  inputsPerSubject: 500,
  async open() {
    const clock = new ManualClock();
    const platform = {
      ...currentPlatform({ memory: true }),
      disk: memoryDisk({ capacityBytes: DISK_BYTES }),
      clock,
    };
    const { broker } = await Broker.open(platform, BROKER_OPTIONS);
    const { topicId } = await broker.createTopic("orders", { partitions: 2 });
    const bugs: unknown[] = [];
    const onInternalError = (error: SentinelError): void => void bugs.push(error.cause ?? error);
    const fetchSessions = new FetchSessions({ clock, random: platform.random });
    const services = { broker, clock, nodeId: 1, fetchSessions, onInternalError };
    const registry = new HandlerRegistry(KAFKA_HANDLERS);
    return {
      make(random) {
        if (random.below(20) === 0) return randomBytes(random, random.below(40));
        return nearlyRequest(random, random.pick(KAFKA_HANDLERS), topicId);
      },
      async check(input) {
        const session = new KafkaSession(services, registry, "10.0.0.1:5000");
        const reply = await settled(session.handle(input), clock);
        if (bugs.length > 0) throw bugs[0];
        if (reply instanceof Error) {
          // Where Kafka closes the connection; anything else that is thrown is a bug.
          if (reply instanceof SentinelError && reply.code === "invalid_request") return;
          throw reply;
        }
        if (reply !== null) checkReply(input, concatBytes(reply), registry);
      },
      close: () => broker.close(),
    };
  },
};

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
    await new Promise((resolve) => setTimeout(resolve));
    if (turn % TURNS_MAX === 0) clock.advance(WAIT_STEP_MS);
  }
  return await done;
}

function checkReply(input: Uint8Array, frame: Uint8Array, registry: HandlerRegistry): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const { api, versions } = registry.get(view.getInt16(0))!;
  const asked = view.getInt16(2);
  const isServed = asked >= versions.min && asked <= versions.max;
  assert.ok(isServed || api.key === API_VERSIONS_KEY, `${api.name} v${asked} was answered`);
  readResponse(api, isServed ? asked : 0, frame);
  assert.equal(new DataView(frame.buffer, frame.byteOffset).getInt32(4), view.getInt32(4), "Another correlation id");
}
