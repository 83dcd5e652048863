/** Bodies of Kafka requests, nearly right, for every API in every version that is served. */
import type { KafkaHandler } from "../../../src/protocols/kafka/handler.ts";
import type { HandlerRegistry } from "../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../src/protocols/kafka/handlers.ts";
import { requestFrame } from "../../protocols/kafka/request_frame.ts";
import { randomStruct } from "../../schema/random_value.ts";
import { SeededRandom } from "../../seeded_random.ts";
import { nearlyTopic } from "../grammar.ts";
import { mutate, randomBytes } from "../mutation.ts";
import { anyBatch } from "./batches.ts";

/** Every API and version once: what inputs are drawn from, so that each gets its share. */
export const SERVED: readonly { readonly handler: KafkaHandler; readonly version: number }[] = KAFKA_HANDLERS.flatMap(
  (handler) => {
    const { min, max } = handler.versions;
    return Array.from({ length: max - min + 1 }, (_, at) => ({ handler, version: min + at }));
  },
);

/** What earlier answers told a client: the next requests are about it. */
export interface KnownNames {
  readonly topicId: string;
  readonly memberIds: readonly string[];
  readonly numbers: readonly number[];
}

/** What the fields of most requests are about: topics, groups and members that there are, small numbers. */
function suggest(random: SeededRandom, known: KnownNames, type: string, name: string): unknown {
  if (random.below(10) === 0) return undefined;
  if (type === "records") return anyBatch(random);
  if (type === "uuid") return random.below(3) === 0 ? undefined : known.topicId;
  if (type === "string") {
    if (/topic|^name$/i.test(name)) return nearlyTopic(random);
    if (/memberid/i.test(name) && known.memberIds.length > 0 && random.below(4) > 0) {
      return random.pick(known.memberIds);
    }
    return random.pick(["g", "g", "h", "m", "consumer", "range", "a"]);
  }
  if (type === "int32" && /timeout/i.test(name)) return random.pick([0, 6_000, 10_000, 300_000]);
  if (/maxwait/i.test(name)) return random.pick([0, 0, 5]);
  if (/bytes/i.test(name)) return random.pick([0, 1, 1_000, 1_048_576]);
  if (!/^u?int/.test(type)) return undefined;
  if (known.numbers.length > 0 && random.below(6) === 0) return random.pick(known.numbers) | 0;
  return random.pick([0, 0, 1, 2, -1, -2, 3, 7]);
}

/** A request that its reader takes, without its length. */
export function wholeRequest(
  random: SeededRandom,
  { handler, version }: (typeof SERVED)[number],
  known: KnownNames,
): Uint8Array {
  const value = randomStruct(random, handler.api.request.fields, {
    version,
    suggest: (type, name) => suggest(random, known, type, name),
  });
  return requestFrame(handler.api, version, value as never, { correlationId: 7 }).subarray(4);
}

const SAMPLES_A_VERSION = 12;
let samples: readonly (readonly Uint8Array[])[] | null = null;

/**
 * Whole requests of each row of `SERVED`, made once for a process and always the same: making one takes far longer than
 * changing one.
 */
export function sampleRequests(): readonly (readonly Uint8Array[])[] {
  if (samples !== null) return samples;
  const random = new SeededRandom(9092);
  const known = { topicId: "AAAAAAAAAAAAAAAAAAAAAQ", memberIds: [], numbers: [] };
  return samples = SERVED.map((served) =>
    Array.from({ length: SAMPLES_A_VERSION }, () => wholeRequest(random, served, known))
  );
}

/** A request as it may come: now and then as it should be, mostly changed, sometimes nothing of the kind. */
export function damaged(random: SeededRandom, body: Uint8Array, wholeIn: number): Uint8Array {
  if (random.below(40) === 0) return randomBytes(random, random.below(60));
  return random.below(wholeIn) === 0 ? body : mutate(random, body);
}

/** The API and version that a body says it is of, as coverage counts them. */
export function rowOf(body: Uint8Array, registry: HandlerRegistry): string {
  if (body.length < 8) return "too short for a header";
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const handler = registry.get(view.getInt16(0));
  if (handler === undefined) return "an API that is not served";
  const version = view.getInt16(2);
  const { min, max } = handler.versions;
  return version >= min && version <= max ? `${handler.api.name} v${version}` : "a version that is not served";
}
