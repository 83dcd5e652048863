import assert from "node:assert/strict";
import * as net from "node:net";
import { test } from "node:test";
import { makeHttpServer } from "../../../adapters/http1/server.ts";
import { SentinelError } from "../../../src/base/errors.ts";
import { currentPlatform } from "../current.ts";

const OPTIONS = {
  headerMsMax: 1_000,
  idleMsMax: 2_000,
  headerBytesMax: 8_192,
  bodyBytesMax: 100_000,
  bodyMsMax: 1_000,
};

/** Sends `parts`, each after the text before it has come, and gives all that the server said until it closed. */
async function talk(handler: (request: Request) => Promise<Response>, ...parts: (string | RegExp)[]): Promise<string> {
  const platform = currentPlatform();
  const server = await makeHttpServer(platform.network, platform.clock)
    .listen({ host: "127.0.0.1", port: 0 }, handler, OPTIONS);
  const socket = net.connect({ port: server.address.port, host: "127.0.0.1" });
  let text = "";
  let onChange: () => void = () => {};
  let isClosed = false;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    onChange();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
    onChange();
  });
  for (const part of parts) {
    if (typeof part === "string") socket.write(part);
    else while (!part.test(text) && !isClosed) await new Promise<void>((resolve) => onChange = resolve);
  }
  while (!isClosed) await new Promise<void>((resolve) => onChange = resolve);
  await server.stop(0);
  return text;
}

const echo = async (request: Request): Promise<Response> => {
  try {
    return new Response(`${request.method} ${request.url} [${await request.text()}]`);
  } catch (thrown) {
    return new Response(thrown instanceof SentinelError ? thrown.code : String(thrown), { status: 400 });
  }
};

const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const LAST = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

test("trailers are passed over and the next request begins behind them", async () => {
  const text = await talk(echo, `${CHUNKED}3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n${LAST}`);
  assert.match(text, /\[abc\]/);
  assert.match(text, /GET http:\/\/a\/last \[\]/);
});

test("a chunk's data may come in any pieces", async () => {
  const parts: (string | RegExp)[] = [];
  for (const character of `${CHUNKED}a;x=1\r\n0123456789\r\n5\r\nabcde\r\n0\r\n\r\n`) parts.push(character);
  assert.match(await talk(echo, ...parts, LAST), /\[0123456789abcde\]/);
});

const DAMAGED: readonly (readonly [string, string])[] = [
  ["a length that is no number", "xyz\r\n"],
  ["a length with a sign", "+3\r\nabc\r\n0\r\n\r\n"],
  ["a length of nine digits", "100000000\r\n"],
  ["a line that ends with LF only", "3\nabc\r\n0\r\n\r\n"],
  ["data longer than its length", "3\r\nabcd\r\n0\r\n\r\n"],
  ["an extension without an end", `3;${"x".repeat(10_000)}`],
  ["trailers without an end", `0\r\n${"A: bbbbbbbbbbbbbbbb\r\n".repeat(1_000)}`],
];
for (const [what, body] of DAMAGED) {
  test(`a chunked body with ${what} fails as invalid_request and ends the connection`, async () => {
    const text = await talk(echo, CHUNKED + body);
    assert.match(text, /invalid_request$/);
    assert.match(text, /connection: close/);
  });
}

test("Expect: 100-continue is answered before the body is sent", async () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
  assert.match(await talk(echo, head, /100 Continue\r\n\r\n/, "hi"), /\[hi\]$/);
});

test("HTTP/1.0 gets its answer without chunks, and the connection's end", async () => {
  const stream = () => {
    let left = 3;
    return Promise.resolve(
      new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setImmediate(resolve));
            if (left-- > 0) controller.enqueue(new TextEncoder().encode("part"));
            else controller.close();
          },
        }),
      ),
    );
  };
  const text = await talk(stream, "GET / HTTP/1.0\r\n\r\n");
  assert.match(text, /\r\n\r\npartpartpart$/);
  assert.doesNotMatch(text, /chunked/);
});

test("an answer that comes before its request's body was read reaches the caller, and the connection ends", async () => {
  const text = await talk(
    () => Promise.resolve(new Response("no", { status: 413 })),
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n${"x".repeat(80_000)}`,
  );
  assert.match(text, /^HTTP\/1.1 413 .*connection: close.*no$/s);
});

test("header values keep their bytes above 127", async () => {
  const text = await talk(
    (request) => Promise.resolve(new Response(null, { headers: { "x-a": request.headers.get("x-a")! } })),
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: \t é \t\r\nConnection: close\r\n\r\n",
  );
  assert.match(text, /x-a: Ã©\r\n/);
});

test("an absolute target is taken with its Host, and CONNECT is refused", async () => {
  assert.match(
    await talk(echo, "GET http://b/c?d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    /GET http:\/\/b\/c\?d \[\]/,
  );
  assert.match(await talk(echo, "CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n"), /^HTTP\/1.1 405/);
  assert.match(await talk(echo, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), /^HTTP\/1.1 405/);
});
