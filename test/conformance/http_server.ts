/** What every `HttpServer` must do, seen from a raw socket: an HTTP library would not send most of this. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import type { HttpListener, HttpServer, HttpServerOptions, RequestContext } from "../../src/platform/http_server.ts";
import { GET, postHead, RawClient } from "./raw_client.ts";

export interface HttpServerUnderTest {
  readonly httpServer: HttpServer;
  /** Whether the server counts connections; one that counts requests only answers 503. */
  readonly countsConnections: boolean;
}

export const OPTIONS: HttpServerOptions = {
  headerMsMax: 1_000,
  idleMsMax: 2_000,
  headerBytesMax: 8 * 1024,
  bodyBytesMax: 256 * 1024,
  bodyMsMax: 1_000,
  writeStallMsMax: 1_000,
  connectionsMax: 100,
};

export type Handler = (request: Request, context: RequestContext) => Response | Promise<Response>;

/** Says what it got: method, path, body; a body that fails is told by its error's code. */
export const echo: Handler = async (request, context) => {
  try {
    const body = await context.readBody();
    return Response.json({ method: request.method, path: new URL(request.url).pathname, bodyBytes: body.length });
  } catch (thrown) {
    return Response.json({ code: thrown instanceof SentinelError ? thrown.code : String(thrown) }, { status: 400 });
  }
};

export interface Scenario {
  readonly title: string;
  readonly handler: Handler;
  readonly run: (connect: () => RawClient, listener: HttpListener) => Promise<void>;
  readonly options?: Partial<HttpServerOptions>;
}

/** Gives a scenario a server of its own, and removes what is left of it. */
export async function runScenario(httpServer: HttpServer, scenario: Scenario): Promise<void> {
  const listener = await httpServer.listen({ host: "127.0.0.1", port: 0 }, scenario.handler, {
    ...OPTIONS,
    ...scenario.options,
  });
  const clients: RawClient[] = [];
  const connect = (): RawClient => {
    const client = new RawClient(listener.address.port);
    clients.push(client);
    return client;
  };
  try {
    await scenario.run(connect, listener);
  } finally {
    for (const client of clients) client.end();
    await listener.stop(0);
  }
}

export function describeHttpServer(name: string, made: HttpServerUnderTest): void {
  const scenario = (
    title: string,
    handler: Handler,
    run: Scenario["run"],
    options: Partial<HttpServerOptions> = {},
  ): void => {
    test(
      `${name}: ${title}`,
      { timeout: 40_000 },
      () => runScenario(made.httpServer, { title, handler, run, options }),
    );
  };

  scenario("a connection carries request after request", echo, async (connect) => {
    const client = connect();
    client.send(GET);
    await client.until(`"path":"/a"`);
    client.send(`${postHead("Content-Length: 5")}hello`);
    await client.until(`"bodyBytes":5`);
    client.send(`${postHead("Transfer-Encoding: chunked")}3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n`);
    await client.until(`"bodyBytes":19`);
    client.send(GET + GET);
    await client.until(`"path":"/a"`, 3);
  });

  scenario("a request may come byte by byte", echo, async (connect) => {
    const client = connect();
    for (const character of `${postHead("Content-Length: 5")}hello`) {
      client.send(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.until(`"bodyBytes":5`);
  });

  scenario("the handler learns who calls", (_, context) => new Response(context.peer), async (connect) => {
    const client = connect();
    client.send(GET);
    await client.until("127.0.0.1:");
  });

  const early: Handler = () => new Response("no", { status: 413 });
  scenario(
    "an answer that comes before its body was read reaches the caller, and the connection ends",
    early,
    async (connect) => {
      const client = connect();
      client.send(`${postHead("Content-Length: 200000")}${"x".repeat(100_000)}`);
      await client.closed;
      assert.match(client.text, /^HTTP\/1.1 413 .*connection: close.*no$/is);
    },
  );

  scenario("Expect: 100-continue is answered before the body is sent", echo, async (connect) => {
    const client = connect();
    client.send(postHead("Content-Length: 2\r\nExpect: 100-continue"));
    await client.until("100 Continue\r\n\r\n");
    client.send("hi");
    await client.until(`"bodyBytes":2`);
  });

  scenario("trailers are passed over or refused, never taken for a request", echo, async (connect) => {
    const client = connect();
    client.send(`${postHead("Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n${GET}`);
    await Promise.race([client.until(`"path":"/a"`).catch(() => {}), client.closed]);
    // A server that knows no trailers may end the connection there, but not take them for something else.
    const paths = client.text.match(/"path":"[^"]*"/g) ?? [];
    assert.deepEqual(paths, [`"path":"/b"`, `"path":"/a"`].slice(0, paths.length));
    assert.ok(client.isClosed || paths.length === 2, client.text);
  });

  const headerBack: Handler = (request) => new Response(null, { headers: { "x-a": request.headers.get("x-a")! } });
  scenario("header values keep their bytes above 127", headerBack, async (connect) => {
    const client = connect();
    client.send(
      Uint8Array.from("GET / HTTP/1.1\r\nHost: a\r\nX-A: \t \xe9 \t\r\n\r\n", (character) => character.charCodeAt(0)),
    );
    await client.until("\r\n\r\n");
    assert.match(client.text, /x-a: \xe9\r\n/i);
  });

  scenario("HTTP/1.0 gets its answer without chunks, and the connection's end", () => {
    const parts = ["part", "part"].map((part) => new TextEncoder().encode(part));
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(resolve));
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(part);
        },
      }),
    );
  }, async (connect) => {
    const client = connect();
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    await client.closed;
    assert.match(client.text, /\r\n\r\npartpart$/);
  });

  const doubtful: readonly (readonly [string, string])[] = [
    ["no Host", "GET / HTTP/1.1\r\n\r\n"],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["a length beside chunks", `${postHead("Content-Length: 5\r\nTransfer-Encoding: chunked")}0\r\n\r\n`],
    ["two lengths", `${postHead("Content-Length: 5\r\nContent-Length: 6")}hello!`],
    ["a negative length", postHead("Content-Length: -1")],
    ["a length with a sign", `${postHead("Content-Length: +5")}hello`],
    ["an unknown transfer encoding", `${postHead("Transfer-Encoding: xchunked")}0\r\n\r\n`],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n"],
    ["a header without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"],
    ["a NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n"],
    ["no HTTP at all", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"],
    ["a head whose lines end with LF only", "GET / HTTP/1.1\nHost: a\n\n"],
    ["a line that ends with LF only", "GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n"],
    ["a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"],
    ["a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n"],
    ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["CONNECT", "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ];
  for (const [what, text] of doubtful) {
    let calls = 0;
    scenario(`refuses ${what}`, () => new Response(String(++calls)), async (connect) => {
      calls = 0;
      const client = connect();
      client.send(new Uint8Array(Array.from(text, (character) => character.charCodeAt(0))));
      await client.closed;
      assert.equal(calls, 0, "the handler was called");
      assert.ok(client.text === "" || [400, 505].includes(client.status), client.text);
    });
  }

  scenario("refuses a head above its bound with 431, and takes one below", echo, async (connect) => {
    const [small, large, huge] = [connect(), connect(), connect()];
    const many = connect();
    const withHeader = (bytes: number): string =>
      `GET /a HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(bytes)}\r\n\r\n`;
    small.send(withHeader(7_000));
    large.send(withHeader(9_000));
    huge.send(withHeader(100_000));
    many.send(`GET /a HTTP/1.1\r\nHost: localhost\r\n${"X: y\r\n".repeat(3_000)}\r\n`);
    await many.until("\r\n\r\n");
    assert.equal(many.status, 431);
    await Promise.all([small.until("\r\n\r\n"), large.until("\r\n\r\n"), huge.until("\r\n\r\n")]);
    assert.deepEqual([small.status, large.status, huge.status], [200, 431, 431]);
  });

  scenario("a body at its bound is taken, above it fails, whatever was declared", echo, async (connect) => {
    const bytesMax = OPTIONS.bodyBytesMax;
    const [at, above, chunked] = [connect(), connect(), connect()];
    at.send(postHead(`Content-Length: ${bytesMax}`));
    at.send(new Uint8Array(bytesMax));
    above.send(postHead(`Content-Length: ${bytesMax + 1}`));
    above.send(new Uint8Array(1_000));
    chunked.send(postHead("Transfer-Encoding: chunked"));
    chunked.send(`${(bytesMax + 1).toString(16)}\r\n`);
    chunked.send(new Uint8Array(bytesMax + 1));
    chunked.send("\r\n0\r\n\r\n");
    await Promise.all([at.until(`"bodyBytes":${bytesMax}`), above.until(`"too_large"`), chunked.until(`"too_large"`)]);
  });

  scenario("a body without an end is not taken for ever", echo, async (connect) => {
    const client = connect();
    client.send(postHead("Content-Length: 1000000000"));
    const chunk = new Uint8Array(64 * 1024);
    const sent = client.sendMany(chunk, 16_000);
    await client.until(`"too_large"`);
    await client.closed;
    assert.ok((await sent) * chunk.length < 100_000_000);
  });

  const damaged: readonly (readonly [string, string])[] = [
    ["a length that is no number", "xyz\r\n"],
    ["a length with a sign", "+3\r\nabc\r\n0\r\n\r\n"],
    ["a length of 17 digits", "10000000000000000\r\n"],
    ["a line that ends with LF only", "3\nabc\r\n0\r\n\r\n"],
    ["data longer than its length", "3\r\nabcd\r\n0\r\n\r\n"],
    ["an extension without an end", `3;${"x".repeat(40_000)}`],
  ];
  scenario("trailers without an end end the connection", echo, async (connect) => {
    const client = connect();
    client.send(`${postHead("Transfer-Encoding: chunked")}0\r\n${"A: bbbbbbbbbbbbbbbb\r\n".repeat(3_000)}`);
    await client.closed;
  });
  for (const [what, body] of damaged) {
    scenario(`a chunked body with ${what} fails`, echo, async (connect) => {
      const client = connect();
      client.send(postHead("Transfer-Encoding: chunked") + body);
      await client.closed;
      assert.ok(!client.text.includes(`"bodyBytes"`), client.text);
    });
  }

  let cancelled: () => void = () => {};
  const whenCancelled = new Promise<void>((resolve) => cancelled = resolve);
  const endless: Handler = (_, context) => {
    context.keepOpen();
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
        cancel: () => cancelled(),
      }),
    );
  };
  scenario("a stream whose reader leaves is cancelled", endless, async (connect, listener) => {
    const client = connect();
    client.send(GET);
    await client.until("begun");
    client.end();
    await whenCancelled;
    while (listener.openRequests() > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  let aborted: () => void = () => {};
  const whenAborted = new Promise<void>((resolve) => aborted = resolve);
  const untilAborted: Handler = async (request, context) => {
    context.keepOpen();
    request.signal.addEventListener("abort", () => aborted());
    await whenAborted;
    return new Response("nobody");
  };
  scenario("a request whose caller leaves is aborted", untilAborted, async (connect, listener) => {
    const client = connect();
    client.send(GET);
    while (listener.openRequests() === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.end();
    await whenAborted;
    while (listener.openRequests() > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  let pulledBytes = 0;
  const flood: Handler = (_, context) => {
    context.keepOpen();
    return new Response(
      new ReadableStream({
        pull(controller) {
          pulledBytes += 64 * 1024;
          controller.enqueue(new Uint8Array(64 * 1024));
        },
      }),
    );
  };
  scenario("a stream is made no faster than its reader takes it", flood, async (connect) => {
    const client = connect();
    client.pause();
    client.send(GET);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 500)), client.closed]);
    assert.ok(pulledBytes > 0 && pulledBytes < 64 * 1024 * 1024, `${pulledBytes} bytes were made`);
  }, { writeStallMsMax: 30_000 });

  scenario("a handler that throws is a 500 without its text", () => {
    throw new Error("secret");
  }, async (connect) => {
    const client = connect();
    client.send(GET);
    await client.until("\r\n\r\n");
    assert.equal(client.status, 500);
    assert.ok(!client.text.includes("secret"));
  });

  const statuses: Handler = (request) => {
    const path = new URL(request.url).pathname;
    if (path === "/204") return new Response(null, { status: 204 });
    if (path === "/empty") return new Response("");
    return new Response("~".repeat(300_000), { headers: { etag: "1" } });
  };
  scenario("answers without a body, and large ones, keep the connection usable", statuses, async (connect) => {
    const client = connect();
    for (const request of ["HEAD /", "GET /204", "GET /empty", "GET /large", "HEAD /large", "GET /204"]) {
      const before = client.text.split("HTTP/1.1 20").length;
      client.send(`${request} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await client.until("HTTP/1.1 20", before);
    }
    assert.equal(client.text.split("~").length - 1, 300_000);
  });

  let release: () => void = () => {};
  let onHeld: () => void = () => {};
  const held: Handler = async (request) => {
    if (new URL(request.url).pathname !== "/held") return new Response("at once");
    onHeld();
    await new Promise<void>((resolve) => release = resolve);
    return new Response("finished");
  };
  scenario("stop() lets a request finish and takes no other", held, async (connect, listener) => {
    const client = connect();
    const idle = connect();
    idle.send(GET);
    await idle.until("at once");
    // The other request may still count as open: only the handler itself knows that this one is there.
    const isHeld = new Promise<void>((resolve) => onHeld = resolve);
    client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    await isHeld;
    const stopped = listener.stop(10_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const late = connect();
    late.send(GET);
    await late.closed;
    assert.ok(late.text === "" || late.status === 503, late.text);
    release();
    await Promise.all([client.until("finished"), stopped, idle.closed]);
    assert.equal(listener.openRequests(), 0);
  });

  scenario(
    "stop() cuts what does not finish in its time",
    () => new Promise<Response>(() => {}),
    async (connect, listener) => {
      const client = connect();
      client.send(GET);
      while (listener.openRequests() === 0) await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([listener.stop(100), client.closed]);
      assert.equal(client.text, "");
    },
  );

  scenario("stop() ends connections without a request", echo, async (connect, listener) => {
    const [fresh, used, half] = [connect(), connect(), connect()];
    used.send(GET);
    half.send("GET / HTTP/1.1\r\nHos");
    await Promise.all([used.until(`"path":"/a"`), fresh.connected, half.connected]);
    await Promise.all([listener.stop(60_000), used.closed, half.closed]);
    // The system may hold a connection for a server that has not accepted it; then its first bytes end it.
    fresh.send(GET);
    await fresh.closed;
    assert.equal(fresh.text, "");
  });

  let inWork = 0;
  const oneAtATime: Handler = async () => {
    inWork++;
    await new Promise((resolve) => setImmediate(resolve));
    return new Response(`one of ${inWork--}`);
  };
  scenario("what a peer sends ahead is answered in turn, one at a time", oneAtATime, async (connect) => {
    const client = connect();
    const count = 300;
    client.send(GET.repeat(count));
    // Bun closes a connection whose peer does not wait for a slow answer.
    await Promise.race([client.until("one of 1", count).catch(() => {}), client.closed]);
    const answers = client.text.match(/one of \d+/g) ?? [];
    assert.ok(client.isClosed || answers.length === count, `${answers.length} answers`);
    assert.deepEqual(new Set(answers).size <= 1, true, "several at a time");
  });

  const waits: (() => void)[] = [];
  const untilReleased: Handler = async (request, context) => {
    if (new URL(request.url).pathname === "/free") { for (const free of waits) free(); }
    else {
      context.keepOpen();
      await new Promise<void>((resolve) => waits.push(resolve));
    }
    return new Response("served");
  };
  scenario("connections above their bound are not served", untilReleased, async (connect, listener) => {
    const held = [connect(), connect()];
    for (const client of held) client.send(GET);
    while (listener.openRequests() < 2) await new Promise((resolve) => setImmediate(resolve));
    const third = connect();
    third.send(GET);
    await third.closed;
    assert.ok(third.text === "" || (!made.countsConnections && third.status === 503), third.text);
    for (const free of waits) free();
    await Promise.all(held.map((client) => client.until("served")));
    for (const client of held) client.end();
    await Promise.all(held.map((client) => client.closed));
    // The server may learn of it later than its peer.
    let fourth = connect();
    fourth.send("GET /free HTTP/1.1\r\nHost: a\r\n\r\n");
    while (await Promise.race([fourth.closed.then(() => true), fourth.until("served").then(() => false, () => true)])) {
      fourth = connect();
      fourth.send("GET /free HTTP/1.1\r\nHost: a\r\n\r\n");
    }
  }, { connectionsMax: 2 });

  test(`${name}: a port that is taken is address_in_use`, async () => {
    const first = await made.httpServer.listen({ host: "127.0.0.1", port: 0 }, echo, OPTIONS);
    await assert.rejects(made.httpServer.listen(first.address, echo, OPTIONS), { code: "address_in_use" });
    await first.stop(0);
  });
}
