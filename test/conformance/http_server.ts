/** What every `HttpServer` must do, seen from a raw socket: an HTTP library would not send most of this. */
import assert from "node:assert/strict";
import * as net from "node:net";
import { test } from "node:test";
import { SentinelError } from "../../src/base/errors.ts";
import type { HttpListener, HttpServer, HttpServerOptions, RequestContext } from "../../src/platform/http_server.ts";

export interface HttpServerUnderTest {
  readonly httpServer: HttpServer;
  /** How long this server may take to cut a head that does not arrive, however little was set. */
  readonly headerCutMsMax: number;
}

const OPTIONS: HttpServerOptions = {
  headerMsMax: 1_000,
  idleMsMax: 2_000,
  headerBytesMax: 8 * 1024,
  bodyBytesMax: 256 * 1024,
  bodyMsMax: 1_000,
};

type Handler = (request: Request, context: RequestContext) => Response | Promise<Response>;

/** Says what it got: method, path, body; a body that fails is told by its error's code. */
const echo: Handler = async (request) => {
  try {
    const body = new Uint8Array(await request.arrayBuffer());
    return Response.json({ method: request.method, path: new URL(request.url).pathname, bodyBytes: body.length });
  } catch (thrown) {
    return Response.json({ code: thrown instanceof SentinelError ? thrown.code : String(thrown) }, { status: 400 });
  }
};

/** A client that sends what it is told and keeps what comes. */
class RawClient {
  text = "";
  isClosed = false;
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  #onText: (() => void) | null = null;

  constructor(port: number) {
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
      this.#onText?.();
    });
    this.#socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      this.#socket.on("close", () => {
        this.isClosed = true;
        this.#onText?.();
        resolve();
      })
    );
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Sends as fast as the server takes it, until all is sent or the connection has ended. */
  async sendMany(chunk: Uint8Array, count: number): Promise<number> {
    for (let sent = 0; sent < count; sent++) {
      if (this.isClosed) return sent;
      if (!this.#socket.write(chunk)) {
        await Promise.race([new Promise((resolve) => this.#socket.once("drain", resolve)), this.closed]);
      }
    }
    return count;
  }

  /** Waits until `wanted` has come; fails when the connection ends before. */
  async until(wanted: string, times = 1): Promise<void> {
    while (this.text.split(wanted).length <= times) {
      assert.ok(
        !this.isClosed,
        `the connection ended, wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(this.text)}`,
      );
      await new Promise<void>((resolve) => this.#onText = resolve);
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  end(): void {
    this.#socket.destroy();
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? 0);
  }
}

const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
const postHead = (headers: string): string => `POST /b HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`;

export function describeHttpServer(name: string, made: HttpServerUnderTest): void {
  const scenario = (
    title: string,
    handler: Handler,
    run: (connect: () => RawClient, listener: HttpListener) => Promise<void>,
    options: Partial<HttpServerOptions> = {},
  ): void => {
    test(`${name}: ${title}`, { timeout: 40_000 }, async () => {
      const listener = await made.httpServer.listen({ host: "127.0.0.1", port: 0 }, handler, {
        ...OPTIONS,
        ...options,
      });
      const clients: RawClient[] = [];
      const connect = (): RawClient => {
        const client = new RawClient(listener.address.port);
        clients.push(client);
        return client;
      };
      try {
        await run(connect, listener);
      } finally {
        for (const client of clients) client.end();
        await listener.stop(0);
      }
    });
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
    const withHeader = (bytes: number): string =>
      `GET /a HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(bytes)}\r\n\r\n`;
    small.send(withHeader(7_000));
    large.send(withHeader(9_000));
    huge.send(withHeader(100_000));
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

  scenario("a body whose chunks are damaged fails", echo, async (connect) => {
    const client = connect();
    client.send(`${postHead("Transfer-Encoding: chunked")}zz\r\nabc\r\n`);
    await client.closed;
    assert.ok(!client.text.includes(`"bodyBytes"`), client.text);
  });

  scenario("a body that does not arrive in time fails, small or large", echo, async (connect) => {
    const started = Date.now();
    const clients = ["Content-Length: 10", "Content-Length: 100000", "Transfer-Encoding: chunked"].map((header) => {
      const client = connect();
      client.send(postHead(header));
      client.send("1");
      return client;
    });
    await Promise.all(clients.map((client) => Promise.race([client.until("\r\n\r\n").catch(() => {}), client.closed])));
    for (const client of clients) assert.ok(client.status === 0 || client.status >= 400, client.text);
    assert.ok(Date.now() - started >= 900, "cut before its time");
  });

  scenario("a head that drips and a connection without a request are cut", echo, async (connect) => {
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
  });

  const waitThenAnswer: Handler = async (_, context) => {
    context.keepOpen();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    return new Response("waited");
  };
  scenario("a request that is kept open outlives the idle time", waitThenAnswer, async (connect) => {
    const client = connect();
    client.send(GET);
    await client.until("waited");
  }, { idleMsMax: 1_000 });

  const countdown: Handler = (_, context) => {
    context.keepOpen();
    let left = 5;
    const encoder = new TextEncoder();
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 700));
          if (left === 0) controller.close();
          else controller.enqueue(encoder.encode(`event ${left--}\n`));
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    );
  };
  scenario("a stream's parts come as they are made and may take long", countdown, async (connect) => {
    const client = connect();
    client.send(GET);
    await client.until("event 5");
    assert.ok(!client.text.includes("event 4"), "parts were held back");
    await client.until("event 1");
    await client.until("\r\n0\r\n\r\n");
  }, { idleMsMax: 1_000 });

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
  scenario("a stream whose reader leaves is cancelled", endless, async (connect) => {
    const client = connect();
    client.send(GET);
    await client.until("begun");
    client.end();
    await whenCancelled;
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
  });

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
  const held: Handler = async (request) => {
    if (new URL(request.url).pathname === "/a") return new Response("at once");
    await new Promise<void>((resolve) => release = resolve);
    return new Response("finished");
  };
  scenario("stop() lets a request finish and takes no other", held, async (connect, listener) => {
    const client = connect();
    const idle = connect();
    idle.send(GET);
    await idle.until("at once");
    client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    while (listener.openRequests() === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
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

  test(`${name}: a port that is taken is address_in_use`, async () => {
    const first = await made.httpServer.listen({ host: "127.0.0.1", port: 0 }, echo, OPTIONS);
    await assert.rejects(made.httpServer.listen(first.address, echo, OPTIONS), { code: "address_in_use" });
    await first.stop(0);
  });
}
