/** What an `HttpServer` must do about time. The scenarios wait for time-outs, so they run at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpServer } from "../../src/platform/http_server.ts";
import { echo, type Handler, runScenario, type Scenario } from "./http_server.ts";
import { GET, postHead } from "./raw_client.ts";

export interface TimesUnderTest {
  readonly httpServer: HttpServer;
  /** How long this server may take to cut a head that does not arrive, however little was set. */
  readonly headerCutMsMax: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const waitThenAnswer: Handler = async (_, context) => {
  context.keepOpen();
  await sleep(4_000);
  return new Response("waited");
};

/** A part every 700 ms. */
const countdown: Handler = (_, context) => {
  context.keepOpen();
  let left = 5;
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      async pull(controller) {
        await sleep(700);
        if (left === 0) controller.close();
        else controller.enqueue(encoder.encode(`event ${left--}\n`));
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
};

/** One piece, then nothing for longer than a reader may stall: a quiet stream is not a stalled one. */
const quietStream: Handler = (_, context) => {
  context.keepOpen();
  const texts = ["first", "second"];
  return new Response(
    new ReadableStream({
      async pull(controller) {
        if (texts.length === 1) await sleep(5_000);
        const text = texts.shift();
        if (text === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(text));
      },
    }),
  );
};

function stalledReader(): Scenario {
  let whenCancelled: () => void = () => {};
  const cancelled = new Promise<void>((resolve) => whenCancelled = resolve);
  return {
    title: "a stream whose reader takes nothing is cut",
    handler: (_, context) => {
      context.keepOpen();
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
          cancel: () => whenCancelled(),
        }),
      );
    },
    run: async (connect, listener) => {
      const client = connect();
      client.pause();
      client.send(GET);
      await cancelled;
      while (listener.openRequests() > 0) await sleep(10);
    },
  };
}

/** Larger than what the system's buffers take. */
const stalledWholeAnswer: Scenario = {
  title: "a large answer of a long poll whose reader takes nothing is cut",
  handler: (_, context) => {
    context.keepOpen();
    return new Response(new Uint8Array(24 * 1024 * 1024));
  },
  run: async (connect, listener) => {
    const client = connect();
    client.pause();
    client.send(GET);
    while (listener.openRequests() === 0) await sleep(1);
    while (listener.openRequests() > 0) await sleep(10);
    client.resume();
    await client.closed;
    assert.ok(client.text.length < 24 * 1024 * 1024);
  },
};

/** Takes a part every 300 ms, for longer than the bound: slow, but never still. The bound leaves a loaded machine room. */
const slowReader: Scenario = {
  title: "a reader that is slow but takes is not cut",
  options: { writeStallMsMax: 2_000 },
  handler: (_, context) => {
    context.keepOpen();
    return new Response(new Uint8Array(24 * 1024 * 1024));
  },
  run: async (connect) => {
    const client = connect();
    client.send(GET);
    const wantedChars = 24 * 1024 * 1024;
    while (client.text.length < wantedChars && !client.isClosed) {
      client.pause();
      await sleep(300);
      client.resume();
      await client.untilChars(client.text.length + 2 * 1024 * 1024, wantedChars);
    }
    assert.ok(client.text.length >= wantedChars, `cut after ${client.text.length} bytes`);
  },
};

const SCENARIOS: readonly Scenario[] = [
  {
    title: "a body that does not arrive in time fails, small or large",
    handler: echo,
    run: async (connect) => {
      const started = Date.now();
      const clients = ["Content-Length: 10", "Content-Length: 100000", "Transfer-Encoding: chunked"].map((header) => {
        const client = connect();
        client.send(postHead(header));
        client.send("1");
        return client;
      });
      await Promise.all(clients.map((client) => client.closed));
      for (const client of clients) assert.ok(client.status === 0 || client.status >= 400, client.text);
      assert.ok(Date.now() - started >= 900, "cut before its time");
    },
  },
  {
    title: "a body that drips fails in its time",
    handler: echo,
    run: async (connect) => {
      const clients = ["Content-Length: 1000", "Content-Length: 100000"].map((header) => {
        const client = connect();
        client.send(postHead(header));
        return client;
      });
      const drip = setInterval(() => clients.forEach((client) => client.send("x")), 200);
      await Promise.all(clients.map((client) => client.closed));
      clearInterval(drip);
      for (const client of clients) assert.ok(client.status === 0 || client.status >= 400, client.text);
    },
  },
  {
    title: "a request that is kept open outlives the idle time",
    handler: waitThenAnswer,
    run: async (connect) => {
      const client = connect();
      client.send(GET);
      await client.until("waited");
      client.send(GET);
      await client.until("waited", 2);
      // And the idle time counts again behind it.
      await client.closed;
    },
    options: { idleMsMax: 1_000 },
  },
  {
    title: "a request that is not kept open is cut",
    handler: () => new Promise(() => {}),
    run: async (connect) => {
      const client = connect();
      client.send(GET);
      await client.closed;
      assert.equal(client.text, "");
    },
    options: { idleMsMax: 1_000 },
  },
  {
    title: "a stream's parts come as they are made and may take long",
    handler: countdown,
    run: async (connect) => {
      const client = connect();
      client.send(GET);
      await client.until("event 5");
      assert.ok(!client.text.includes("event 4"), "parts were held back");
      await client.until("event 1");
      await client.until("\r\n0\r\n\r\n");
    },
    options: { idleMsMax: 1_000 },
  },
  {
    title: "a stream that is quiet for longer than a stall goes on",
    handler: quietStream,
    run: async (connect) => {
      const client = connect();
      client.send(GET);
      await client.until("second");
    },
    options: { idleMsMax: 1_000 },
  },
  stalledReader(),
  stalledWholeAnswer,
  slowReader,
];

export function describeHttpServerTimes(name: string, made: TimesUnderTest): void {
  const lateHeads: Scenario = {
    title: "a head that drips and a connection without a request are cut",
    handler: echo,
    run: async (connect) => {
      const [slow, idle, used] = [connect(), connect(), connect()];
      slow.send("GET / HTTP/1.1\r\nHost: a\r\n");
      const drip = setInterval(() => slow.send("X-A: b\r\n"), 200);
      used.send(GET);
      const started = Date.now();
      await Promise.all([slow.closed, idle.closed, used.closed]);
      clearInterval(drip);
      assert.equal(used.status, 200);
      assert.ok(slow.status === 0 || slow.status === 408 || slow.status === 400, slow.text);
      assert.ok(Date.now() - started <= made.headerCutMsMax);
    },
  };
  const scenarios = [lateHeads, ...SCENARIOS];
  test(`${name}: ${scenarios.map(({ title }) => title).join("; ")}`, { timeout: 40_000 }, async () => {
    const failures: Error[] = [];
    await Promise.all(scenarios.map(async (scenario) => {
      try {
        await runScenario(made.httpServer, scenario);
      } catch (thrown) {
        failures.push(new Error(`${scenario.title}: ${thrown}`, { cause: thrown }));
      }
    }));
    assert.deepEqual(failures, []);
  });
}
