import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, readFrame } from "../../src/protocols/native/wire/frame.ts";
import { BinaryConnection, type ConnectionLimits, type ProtocolSession } from "../../src/server/binary_connection.ts";
import { ByteBudget } from "../../src/server/byte_budget.ts";
import { BinaryListener } from "../../src/server/binary_listener.ts";
import type { Connection, Network } from "../../src/platform/network.ts";
import { FakeConnection, ManualClock, turns } from "./fake_connection.ts";

/** A session whose requests are answered when the test says so, with the request's own bytes. */
class HeldSession implements ProtocolSession {
  readonly held: { id: number; answer: () => void; fail: () => void }[] = [];
  readonly repliesInOrder: boolean;
  waitsEnded = 0;
  /** Bytes of each reply's payload. */
  replyBytes = 1;

  constructor(repliesInOrder = false) {
    this.repliesInOrder = repliesInOrder;
  }

  handle(body: Uint8Array): Promise<readonly Uint8Array[]> {
    const { type, correlationId } = readFrame(body);
    return new Promise((resolve, reject) => {
      this.held.push({
        id: correlationId,
        answer: () => resolve(encodeFrame(type, correlationId, new Uint8Array(this.replyBytes))),
        fail: () => reject(new Error("broken session")),
      });
    });
  }

  endWaits(): void {
    this.waitsEnded += 1;
  }

  /** Answers those with these correlation ids, in this order. */
  answer(...ids: number[]): void {
    for (const id of ids) this.held.find((one) => one.id === id)!.answer();
  }
}

function serve(limits: Partial<ConnectionLimits> = {}, options: { kafka?: ProtocolSession; budget?: ByteBudget } = {}) {
  const connection = new FakeConnection();
  const clock = new ManualClock();
  const session = new HeldSession();
  const lines: string[] = [];
  const served = new BinaryConnection(connection, {
    clock,
    limits,
    openNativeSession: () => session,
    openKafkaSession: () => options.kafka ?? session,
    ...(options.budget === undefined ? {} : { budget: options.budget }),
    log: (level, message) => lines.push(`${level} ${message}`),
  });
  let isDone = false;
  const done = served.run().then(() => void (isDone = true));
  return { connection, clock, session, lines, served, done, isDone: () => isDone };
}

const request = (id: number, type = 0x5308, payloadBytes = 1) =>
  new Uint8Array(encodeFrame(type, id, new Uint8Array(payloadBytes)).flatMap((slice) => [...slice]));

/** Correlation ids of the replies in what was written. */
function replyIds(written: readonly number[]): number[] {
  const ids: number[] = [];
  const view = new DataView(new Uint8Array(written).buffer);
  for (let at = 0; at < written.length; at += 4 + view.getUint32(at)) ids.push(view.getUint32(at + 6));
  return ids;
}

test("BinaryConnection sends replies as they are ready: a slow request holds up no other", async () => {
  const { connection, session } = serve();
  connection.send(new Uint8Array([...request(1), ...request(2), ...request(3)]));
  await turns();
  session.answer(3, 2);
  await turns();
  deepEqual(replyIds(connection.written), [3, 2]);
  session.answer(1);
  await turns();
  deepEqual(replyIds(connection.written), [3, 2, 1]);
});

test("BinaryConnection keeps the order of replies where the dialect asks for it", async () => {
  const kafka = new HeldSession(true);
  const { connection } = serve({}, { kafka });
  connection.send(new Uint8Array([...request(1, 18), ...request(2, 18), ...request(3, 18)]));
  await turns();
  kafka.answer(3, 2);
  await turns();
  deepEqual(replyIds(connection.written), []);
  kafka.answer(1);
  await turns();
  deepEqual(replyIds(connection.written), [1, 2, 3]);
});

test("BinaryConnection serves both dialects on one connection, frame by frame", async () => {
  const kafka = new HeldSession(true);
  const { connection, session } = serve({}, { kafka });
  connection.send(new Uint8Array([...request(1, 18), ...request(2, 0x5300), ...request(3, 0x52ff)]));
  await turns();
  deepEqual([kafka.held.map((one) => one.id), session.held.map((one) => one.id)], [[1, 3], [2]]);
});

test("BinaryConnection closes behind a request without an answer: what came before it is answered, what comes after is not", async () => {
  const kafka = new HeldSession(true);
  const { connection, lines, done } = serve({}, { kafka });
  connection.send(new Uint8Array([...request(1, 18), ...request(2, 18), ...request(3, 18)]));
  await turns();
  kafka.held.find((one) => one.id === 2)!.fail();
  kafka.answer(3);
  await turns();
  equal(connection.closed, "no");
  kafka.answer(1);
  await done;
  deepEqual(replyIds(connection.written), [1]);
  equal(connection.closed, "closed");
  match(lines[0]!, /error .*broken session/);
  equal(lines.length, 1);
});

test("BinaryConnection ends at a frame whose length is outside the rules", async () => {
  for (const [length, expected] of [[5, /below 6/], [101, /above the limit of 100/]] as const) {
    const { connection, lines, done } = serve({ frameBytesMax: 100 });
    connection.send(new Uint8Array([0, 0, 0, length]));
    await done;
    equal(connection.closed, "aborted");
    match(lines[0]!, expected);
  }
});

test("BinaryConnection takes no more requests than may be in work, and goes on when one is done", async () => {
  const { connection, session, served } = serve({ connectionRequestsInWorkMax: 2 });
  for (const id of [1, 2, 3, 4]) connection.send(request(id));
  await turns();
  deepEqual(session.held.map((one) => one.id), [1, 2]);
  equal(served.isReading, false);
  equal(connection.unread.length, 2);
  session.answer(2);
  await turns();
  deepEqual(session.held.map((one) => one.id), [1, 2, 3]);
  session.answer(1, 3);
  await turns();
  equal(served.isReading, true);
});

test("BinaryConnection stops reading at its byte budget, but takes one frame of any size", async () => {
  const { connection, session, served } = serve({ connectionBytesMax: 1_000 });
  connection.send(request(1, 0x5302, 993)); // a body of 999 bytes: below
  await turns();
  equal(served.isReading, true);
  connection.send(request(2));
  connection.send(request(3));
  await turns();
  equal(served.isReading, false);
  equal(session.held.length, 2);
  session.answer(1);
  await turns();
  equal(session.held.length, 3);
  equal(served.isReading, true);
  connection.send(request(4, 0x5302, 5_000));
  await turns();
  deepEqual(session.held.map((one) => one.id), [1, 2, 3, 4]);
});

test("BinaryConnection counts replies that the peer does not take to its budget", async () => {
  const { connection, session, served } = serve({ connectionBytesMax: 1_000 });
  connection.isStalled = true;
  session.replyBytes = 2_000;
  connection.send(request(1));
  await turns();
  session.answer(1);
  connection.send(request(2));
  connection.send(request(3));
  await turns();
  equal(served.isReading, false);
  deepEqual(connection.unread.length + session.held.length, 3);
});

test("BinaryConnection tells a session of a reply that was sent to the last byte, and of no other", async () => {
  const sent: (readonly Uint8Array[])[] = [];
  const reply = encodeFrame(0x5308, 1, new Uint8Array(600_000));
  const kafka: ProtocolSession = {
    handle: () => Promise.resolve(reply),
    noteSent: (slices) => void sent.push(slices),
    endWaits: () => {},
  };
  const { connection, done } = serve({}, { kafka });
  const writes: (() => void)[] = [];
  connection.write = () => new Promise((resolve) => writes.push(resolve));
  connection.send(request(1, 0x0001));
  await turns();
  // Written in pieces of 256 KiB: three of them.
  for (let piece = 0; piece < 3; piece += 1) {
    deepEqual(sent.length, 0);
    writes[piece]!();
    await turns();
  }
  deepEqual(sent.length, 1);
  equal(sent[0], reply);
  connection.send(request(2, 0x0001));
  await turns();
  connection.send(null);
  connection.write = () => Promise.reject(new Error("broken"));
  writes[3]!();
  await done;
  deepEqual(sent.length, 1);
});

test("BinaryConnection cuts a peer that takes nothing of its replies", async () => {
  const { connection, clock, session, served, lines, done } = serve({ connectionWriteStallMsMax: 500 });
  connection.isStalled = true;
  connection.send(request(1));
  await turns();
  session.answer(1);
  await turns();
  await clock.pass(500);
  served.checkTime(clock.monotonicMs());
  equal(connection.closed, "no");
  await clock.pass(100);
  served.checkTime(clock.monotonicMs());
  await done;
  equal(connection.closed, "aborted");
  match(lines[0]!, /took no byte of its replies for 500 ms/);
});

test("BinaryConnection cuts a peer that drips a frame", async () => {
  const { connection, clock, served, lines, done } = serve({ frameReadMsMax: 500 });
  connection.send(request(1).subarray(0, 5));
  await turns();
  await clock.pass(400);
  connection.send(request(1).subarray(5, 6));
  await turns();
  served.checkTime(clock.monotonicMs());
  equal(connection.closed, "no");
  await clock.pass(200);
  served.checkTime(clock.monotonicMs());
  await done;
  match(lines[0]!, /did not arrive whole within 500 ms/);
});

test("BinaryConnection cuts an idle peer, but not one that waits for a reply", async () => {
  const { connection, clock, session, served, done } = serve({ connectionIdleMsMax: 500 });
  connection.send(request(1));
  await turns();
  await clock.pass(10_000);
  served.checkTime(clock.monotonicMs());
  equal(connection.closed, "no");
  session.answer(1);
  await turns();
  await clock.pass(500);
  served.checkTime(clock.monotonicMs());
  equal(connection.closed, "no");
  await clock.pass(100);
  served.checkTime(clock.monotonicMs());
  await done;
  equal(connection.closed, "aborted");
});

test("BinaryConnection answers what is in work after its peer has closed its side", async () => {
  const { connection, session, done, isDone } = serve();
  connection.send(request(1));
  connection.send(null);
  await turns();
  equal(session.waitsEnded, 1);
  equal(isDone(), false);
  session.answer(1);
  await done;
  deepEqual(replyIds(connection.written), [1]);
  equal(connection.closed, "closed");
});

test("BinaryConnection ends when a session fails without an answer", async () => {
  const { connection, session, lines, done } = serve();
  connection.send(request(1));
  await turns();
  session.held[0]!.fail();
  await done;
  equal(connection.closed, "aborted");
  match(lines[0]!, /error .*broken session/);
});

/** A network whose connections the test makes. */
function fakeNetwork() {
  let accept: (connection: Connection) => void = () => {};
  let isListening = true;
  const network: Network = {
    listen: (address, onConnection) => {
      accept = onConnection;
      return Promise.resolve({
        address,
        close: () => {
          isListening = false;
          return Promise.resolve();
        },
      });
    },
    connect: () => Promise.reject(new Error("not used")),
  };
  return { network, connect: (connection: Connection) => accept(connection), isListening: () => isListening };
}

async function listen(connectionsMax = 10) {
  const { network, connect, isListening } = fakeNetwork();
  const clock = new ManualClock();
  const session = new HeldSession();
  const lines: string[] = [];
  const listener = await BinaryListener.open({
    network,
    clock,
    address: { host: "127.0.0.1", port: 9092 },
    connectionsMax,
    openNativeSession: () => session,
    openKafkaSession: () => session,
    log: (level, message) => lines.push(`${level} ${message}`),
  });
  const open = () => {
    const connection = new FakeConnection();
    connect(connection);
    return connection;
  };
  return { listener, clock, session, lines, open, isListening };
}

test("connections read no further while all together hold what they may, and go on when there is room", async () => {
  const budget = new ByteBudget(100);
  const [first, second] = [serve({}, { budget }), serve({}, { budget })];
  first.connection.send(request(1, 0x5308, 200));
  await turns();
  equal(budget.heldBytes, 206);
  second.connection.send(request(2));
  await turns();
  // A read that had begun already is finished; the next one waits.
  second.connection.send(request(3));
  await turns();
  equal(second.served.isReading, false);
  equal(second.connection.unread.length, 1);
  first.session.answer(1);
  await turns();
  equal(second.served.isReading, true);
  deepEqual(second.session.held.map((one) => one.id), [2, 3]);
  second.session.answer(2, 3);
  await turns();
  equal(budget.heldBytes, 0);
});

test("of the connections inside a frame one reads on although nothing is left, then the next", async () => {
  const budget = new ByteBudget(100);
  const [first, second] = [serve({}, { budget }), serve({}, { budget })];
  const frames = [request(1, 0x5308, 1_000), request(2, 0x5308, 1_000)];
  first.connection.send(frames[0]!.subarray(0, 500));
  second.connection.send(frames[1]!.subarray(0, 500));
  await turns();
  equal(budget.isFull, true);
  deepEqual([first.served.isReading, second.served.isReading], [true, false]);
  first.connection.send(frames[0]!.subarray(500));
  await turns();
  // Outside a frame it is not let through any more; the other one is.
  deepEqual([first.served.isReading, second.served.isReading], [false, true]);
  second.connection.send(frames[1]!.subarray(500));
  await turns();
  first.session.answer(1);
  second.session.answer(2);
  await turns();
  deepEqual([first.served.isReading, second.served.isReading, budget.heldBytes], [true, true, 0]);
});

test("a connection that ends gives back what it held, and one that waits for room can end", async () => {
  const budget = new ByteBudget(100);
  const [first, second] = [serve({}, { budget }), serve({}, { budget })];
  first.connection.send(request(1, 0x5308, 1_000));
  await turns();
  second.connection.send(request(2));
  await turns();
  second.session.answer(2);
  await turns();
  equal(second.served.isReading, false);
  second.served.finish();
  await second.done;
  first.served.cut("the test says so");
  await first.done;
  equal(budget.heldBytes, 0);
});

test("reads of the log are granted what is left, and never less than a small part", () => {
  const budget = new ByteBudget(1_000_000);
  equal(budget.take(900_000), 900_000);
  equal(budget.take(900_000), 100_000);
  equal(budget.isFull, true);
  equal(budget.take(900_000), 65_536);
  budget.giveBack(900_000 + 100_000 + 65_536);
  equal(budget.heldBytes, 0);
});

test("BinaryListener counts its connections and refuses those above its bound", async () => {
  const { listener, lines, open } = await listen(2);
  const [first, second, third, fourth] = [open(), open(), open(), open()];
  equal(listener.activeConnections, 2);
  deepEqual([first!.closed, second!.closed, third!.closed, fourth!.closed], ["no", "no", "aborted", "aborted"]);
  equal(lines.length, 1);
  first!.send(null);
  await turns();
  equal(listener.activeConnections, 1);
  equal(open().closed, "no");
});

test("BinaryListener.stop() lets requests in work finish", async () => {
  const { listener, session, open, isListening } = await listen();
  const idle = open();
  const busy = open();
  busy.send(request(1));
  await turns();
  const stopped = listener.stop(1_000);
  await turns();
  equal(isListening(), false);
  equal(idle.closed, "closed");
  equal(busy.closed, "no");
  equal(session.waitsEnded, 1);
  session.answer(1);
  await stopped;
  deepEqual(replyIds(busy.written), [1]);
  equal(busy.closed, "closed");
});

test("seed-V3: BinaryListener.stop() cuts a reader that takes nothing at the deadline", async () => {
  const { listener, clock, session, open } = await listen();
  const connection = open();
  connection.isStalled = true;
  connection.send(request(1));
  await turns();
  session.answer(1);
  await turns();
  let isStopped = false;
  const stopped = listener.stop(1_000).then(() => void (isStopped = true));
  await turns();
  await clock.pass(900);
  equal(isStopped, false);
  await clock.pass(100);
  await stopped;
  equal(connection.closed, "aborted");
});

test("BinaryListener looks at its connections' time bounds by itself", async () => {
  const { clock, lines, open } = await listen();
  const connection = open();
  connection.send(new Uint8Array([0, 0]));
  await turns();
  await clock.pass(32_000);
  equal(connection.closed, "aborted");
  match(lines[0]!, /did not arrive whole/);
});
