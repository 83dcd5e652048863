import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "../../../src/bytes/concat.ts";
import { decodeHex } from "../../../src/bytes/hex.ts";
import {
  CloseConnection,
  defineHandler,
  type HandlerAnswer,
  type KafkaHandler,
} from "../../../src/protocols/kafka/handler.ts";
import { HandlerRegistry } from "../../../src/protocols/kafka/handler_registry.ts";
import { apiVersionsHandler } from "../../../src/protocols/kafka/handlers/api_versions.ts";
import { KafkaSession } from "../../../src/protocols/kafka/kafka_session.ts";
import { apiVersionsApi, apiVersionsResponse } from "../../../src/protocols/kafka/wire/messages/api_versions.ts";
import { heartbeatApi, type HeartbeatResponse } from "../../../src/protocols/kafka/wire/messages/heartbeat.ts";
import { produceApi, type ProduceResponse } from "../../../src/protocols/kafka/wire/messages/produce.ts";
import { isSchemaFault } from "../../../src/schema/message_schema.ts";
import { ManualClock } from "../../manual_clock.ts";
import { FakeBroker } from "../fake_broker.ts";
import { requestFrame } from "./request_frame.ts";

/** Requests that the test answers; what began is told by correlation-like group names. */
class Held {
  readonly begun: string[] = [];
  readonly #answers = new Map<string, (answer: HandlerAnswer<HeartbeatResponse & ProduceResponse>) => void>();

  readonly heartbeat = defineHandler(heartbeatApi, {
    handle: (request) => this.#hold(request.groupId),
    fail: (_request, { errorCode }) => ({ errorCode }),
  });
  readonly produce = defineHandler(produceApi, {
    overlaps: true,
    handle: (request) => this.#hold(request.transactionalId ?? "?"),
    fail: () => ({ responses: [] }),
  });

  answer(name: string, answer: HandlerAnswer<HeartbeatResponse> = { errorCode: 0 }): void {
    this.#answers.get(name)!(
      answer === null || answer instanceof CloseConnection ? answer : { ...answer, responses: [] },
    );
  }

  #hold(name: string): Promise<HandlerAnswer<HeartbeatResponse & ProduceResponse>> {
    this.begun.push(name);
    return new Promise((resolve) => this.#answers.set(name, resolve));
  }
}

function open(handlers: readonly KafkaHandler[]) {
  const internal: string[] = [];
  const session = new KafkaSession(
    {
      broker: new FakeBroker(),
      clock: new ManualClock(),
      nodeId: 1,
      onInternalError: (error) => internal.push(String(error.cause)),
    },
    new HandlerRegistry(handlers),
    "127.0.0.1:5",
  );
  return { session, internal };
}

const beat = (groupId: string) =>
  requestFrame(heartbeatApi, 4, { groupId, generationId: 1, memberId: "m" }).subarray(4);
const produce = (transactionalId: string) =>
  requestFrame(produceApi, 9, { transactionalId, acks: -1, timeoutMs: 1, topicData: [] }).subarray(4);
const hex = (text: string) => decodeHex(text.replaceAll(" ", ""))!;

test("one request is in work at a time; the next begins when it is answered", async () => {
  const held = new Held();
  const { session } = open([held.heartbeat]);
  const replies = ["a", "b", "c"].map((name) => session.handle(beat(name)));
  deepEqual(held.begun, ["a"]);
  held.answer("a");
  await replies[0];
  deepEqual(held.begun, ["a", "b"]);
  held.answer("b");
  await replies[1];
  deepEqual(held.begun, ["a", "b", "c"]);
});

test("produces begin in their order without waiting for each other; what is behind them waits for all", async () => {
  const held = new Held();
  const { session } = open([held.heartbeat, held.produce]);
  const replies = [produce("1"), produce("2"), beat("a"), produce("3"), produce("4")].map((body) =>
    session.handle(body)
  );
  deepEqual(held.begun, ["1", "2"]);
  held.answer("2");
  await replies[1];
  deepEqual(held.begun, ["1", "2"]);
  held.answer("1");
  await replies[0];
  deepEqual(held.begun, ["1", "2", "a"]);
  // One that comes now must not overtake those that wait.
  const last = session.handle(produce("5"));
  held.answer("a");
  await replies[2];
  deepEqual(held.begun, ["1", "2", "a", "3", "4", "5"]);
  for (const name of ["3", "4", "5"]) held.answer(name);
  await last;
});

test("golden bytes: a flexible response has tags in its header, ApiVersions never has", async () => {
  const held = new Held();
  const { session } = open([held.heartbeat, apiVersionsHandler]);
  const reply = session.handle(hex("000c 0004 00000007 0001 63 00  02 67 00000001 02 6d 00 00"));
  held.answer("g", { errorCode: 27 });
  deepEqual(concatBytes((await reply)!), hex("0000000c 00000007 00 00000000 001b 00"));
  const versions = await session.handle(hex("0012 0003 00000008 ffff 00  02 61 02 31 00"));
  deepEqual(
    concatBytes(versions!),
    hex("0000001a 00000008 0000 03 000c 0000 0004 00 0012 0000 0004 00 00000000 00"),
  );
});

test("ApiVersions: a version of the future is answered in v0 with 35 and our range; bad names with 42", async () => {
  const { session } = open([apiVersionsHandler]);
  // The body is of a version that nobody knows.
  const future = await session.handle(hex("0012 0009 00000001 0001 63 00 ffffffffff"));
  deepEqual(concatBytes(future!), hex("00000010 00000001 0023 00000001 0012 0000 0004"));
  const named = await session.handle(
    requestFrame(apiVersionsApi, 3, { clientSoftwareName: "-x", clientSoftwareVersion: "1" }).subarray(4),
  );
  const value = apiVersionsResponse.decode(concatBytes(named!).subarray(8), 3);
  ok(!isSchemaFault(value));
  deepEqual([value.errorCode, value.apiKeys], [42, []]);
});

test("an unknown API, a version that is not served and a body that cannot be read end the connection", async () => {
  const held = new Held();
  for (
    const [body, expected] of [
      ["0063 0000 00000001 ffff", /API key 99/],
      ["000c 0005 00000001 ffff", /Version 5 of Heartbeat/],
      ["000c 0000 00000001 ffff 0001", /Heartbeat v0/],
      ["000c 0000 0000", /Request header/],
    ] as const
  ) {
    const { session } = open([held.heartbeat]);
    await rejects(session.handle(hex(body)), expected);
    await rejects(session.handle(beat("after")), expected);
  }
  deepEqual(held.begun, []);
});

test("what came before a bad request is still served", async () => {
  const held = new Held();
  const { session } = open([held.heartbeat]);
  const [first, second] = [session.handle(beat("a")), session.handle(beat("b"))];
  const bad = rejects(session.handle(hex("0063 0000 00000001 ffff")), /API key 99/);
  await bad;
  held.answer("a");
  await first;
  held.answer("b");
  ok(await second !== null);
});

test("a handler may answer nothing, or end the connection with all that waits", async () => {
  const held = new Held();
  const { session } = open([held.heartbeat, held.produce]);
  const none = session.handle(produce("1"));
  held.answer("1", null);
  equal(await none, null);
  const replies = [session.handle(produce("2")), session.handle(beat("a"))];
  held.answer("2", new CloseConnection("acks 0 failed"));
  await rejects(replies[0]!, /acks 0 failed/);
  await rejects(replies[1]!, /acks 0 failed/);
  deepEqual(held.begun, ["1", "2"]);
});

test("a handler that throws answers in its API's form; our own bug is told, its text is not", async () => {
  const broken = defineHandler(heartbeatApi, {
    handle: () => {
      throw new TypeError("secret");
    },
    fail: (_request, { errorCode }) => ({ errorCode }),
  });
  const { session, internal } = open([broken]);
  const reply = concatBytes((await session.handle(beat("a")))!);
  deepEqual([...reply.subarray(-3)], [0xff, 0xff, 0]);
  deepEqual(internal, ["TypeError: secret"]);
});

test("the end of the waits reaches requests in work and those whose turn comes later", async () => {
  const canceled: string[] = [];
  const waiting = defineHandler(heartbeatApi, {
    handle: (request, context) =>
      new Promise((resolve) => {
        const wait = { cancel: () => (canceled.push(request.groupId), resolve({ errorCode: 0 })) };
        context.track(wait);
      }),
    fail: (_request, { errorCode }) => ({ errorCode }),
  });
  const { session } = open([waiting]);
  const replies = [session.handle(beat("a")), session.handle(beat("b"))];
  session.endWaits();
  await Promise.all(replies);
  deepEqual(canceled, ["a", "b"]);
});
