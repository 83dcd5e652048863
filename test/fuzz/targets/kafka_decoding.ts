/**
 * Kafka requests of every API and version through all that a session does by itself: the frame, the header, the body in
 * its version, an answer of the request's shape, its encoding. There is no broker behind it: `kafka_requests` has one.
 */
import assert from "node:assert/strict";
import { SentinelError } from "../../../src/base/errors.ts";
import { compareBytes } from "../../../src/bytes/compare_bytes.ts";
import { concatBytes } from "../../../src/bytes/concat.ts";
import type { KafkaHandler, KafkaServices } from "../../../src/protocols/kafka/handler.ts";
import { HandlerRegistry } from "../../../src/protocols/kafka/handler_registry.ts";
import { KAFKA_HANDLERS } from "../../../src/protocols/kafka/handlers.ts";
import { KafkaSession } from "../../../src/protocols/kafka/kafka_session.ts";
import { KAFKA_ERRORS } from "../../../src/protocols/kafka/wire/error_codes.ts";
import { FrameDecoder } from "../../../src/protocols/native/wire/frame_decoder.ts";
import { SchemaReader } from "../../../src/schema/schema_reader.ts";
import { SchemaWriter } from "../../../src/schema/schema_writer.ts";
import { ManualClock } from "../../manual_clock.ts";
import { readResponse } from "../../protocols/kafka/kafka_fixture.ts";
import { countIn, type Coverage } from "../coverage.ts";
import type { FuzzTarget } from "../fuzz_target.ts";
import { damaged, rowOf, sampleRequests } from "./kafka_inputs.ts";

/** What a request says of a failure: longer than what the smallest text field holds, and not ASCII. */
const FAILURE = { errorCode: KAFKA_ERRORS.UNKNOWN_SERVER_ERROR, errorMessage: `grün ${"x".repeat(200)}` };
const FRAME_BYTES_MAX = 1_048_576;

/** What the answers of failures ask of a broker: who it is. */
const CLUSTER = {
  clusterId: "AAAAAAAAAAAAAAAAAAAAAQ",
  controller: 1,
  nodes: [{ id: 1, host: "broker.test", port: 9092, http: null }],
};

/** The real handlers' messages and the answers that they give when they fail; what they would do is left out. */
function withoutWork(handler: KafkaHandler, onRequest: (request: object, version: number) => void): KafkaHandler {
  return {
    ...handler,
    handle(request, context) {
      onRequest(request, context.apiVersion);
      return handler.fail(request, FAILURE, context);
    },
  };
}

/** Of so many requests one is also written again: that takes as long as all the rest. */
const REWRITTEN_EVERY = 4;

/** What was read, written and read again says the same. */
function checkRewritten({ api }: KafkaHandler, request: object, version: number): void {
  const written = encoded(api.request, request, version);
  const reader = new SchemaReader(written);
  const again = api.request.read(reader, version);
  reader.finish();
  assert.equal(reader.fault, null, `${api.name} v${version}: what we wrote cannot be read`);
  assert.ok(
    compareBytes(encoded(api.request, again, version), written) === 0,
    `${api.name} v${version} is not what was written`,
  );
}

function encoded(schema: KafkaHandler["api"]["request"], value: object, version: number): Uint8Array {
  const writer = new SchemaWriter();
  schema.write(writer, value as never, version);
  return concatBytes(writer.finish());
}

/** The body behind its length, as it comes out when the bytes come in two pieces. */
function throughFrame(body: Uint8Array): Uint8Array | null {
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setInt32(0, body.length);
  frame.set(body, 4);
  const decoder = new FrameDecoder({ bodyBytesMax: FRAME_BYTES_MAX });
  const cut = (body.length * 7) % (frame.length + 1);
  decoder.push(frame.subarray(0, cut));
  const early = decoder.next();
  if (early instanceof Uint8Array) return early;
  if (early !== null) return null;
  decoder.push(frame.subarray(cut));
  const late = decoder.next();
  if (late instanceof Uint8Array) {
    assert.ok(compareBytes(late, body) === 0, "Another body came out of the frame");
    return late;
  }
  assert.ok(late !== null, "A whole frame did not come out");
  return null;
}

export const kafkaDecoding: FuzzTarget = {
  name: "kafka_decoding",
  weight: 180,
  inputsPerSubject: 100_000,
  open: async () => {
    const coverage: Coverage = new Map();
    const bugs: unknown[] = [];
    let row = "";
    let size = 0;
    const handlers = KAFKA_HANDLERS.map((handler) =>
      withoutWork(handler, (request, version) => {
        countIn(coverage, row, "decoded");
        if (size % REWRITTEN_EVERY === 0) checkRewritten(handler, request, version);
      })
    );
    const registry = new HandlerRegistry(handlers);
    const services: KafkaServices = {
      broker: { describeCluster: () => CLUSTER } as unknown as KafkaServices["broker"],
      clock: new ManualClock(),
      nodeId: 1,
      onInternalError: (error) => void bugs.push(error.cause ?? error),
    };
    let session = new KafkaSession(services, registry, "10.0.0.1:5000");
    return {
      coverage,
      make: (random) => damaged(random, random.pick(random.pick(sampleRequests())), 8),
      async check(input) {
        const body = throughFrame(input);
        size = input.length;
        row = body === null ? "no frame" : rowOf(body, registry);
        countIn(coverage, row, "inputs");
        if (body === null) return;
        try {
          const reply = await session.handle(body);
          if (bugs.length > 0) throw bugs[0];
          countIn(coverage, row, reply === null ? "no answer" : "answered");
          if (reply !== null) checkReply(body, concatBytes(reply), registry);
        } catch (thrown) {
          // Where Kafka closes the connection; anything else that is thrown is a bug.
          if (!(thrown instanceof SentinelError) || thrown.code !== "invalid_request") throw thrown;
          countIn(coverage, row, "closed");
          session = new KafkaSession(services, registry, "10.0.0.1:5000");
        }
      },
    };
  },
};

/** An answer is one of the request's API in the request's version, whole, with its correlation id. */
export function checkReply(body: Uint8Array, frame: Uint8Array, registry: HandlerRegistry): object {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const { api, versions } = registry.get(view.getInt16(0))!;
  const asked = view.getInt16(2);
  const isServed = asked >= versions.min && asked <= versions.max;
  assert.ok(isServed || api.name === "ApiVersions", `${api.name} v${asked} was answered`);
  const value = readResponse(api, isServed ? asked : 0, frame) as object;
  assert.equal(new DataView(frame.buffer, frame.byteOffset).getInt32(4), view.getInt32(4), "Another correlation id");
  return value;
}
