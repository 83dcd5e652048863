/**
 * Bun's own HTTP server, twice as fast as one over its sockets. What it does by itself (measured, Bun 1.4.5):
 * it cuts a connection whose head is not whole after 12 s, whatever is set, and an idle one after `idleTimeout`; it
 * refuses doubtful framing (two lengths, length beside chunks, no Host) with 400 and heads above 16 KiB with 431, and
 * ends a connection that sends a request before the last one was answered. It counts time in whole seconds, and looks
 * every four. It tells of no connection, only of requests: those are what `connectionsMax` bounds here. Left to us: the
 * bounds of a body, in bytes and in time, and callers that take nothing.
 */
import { concatBytes } from "../../src/bytes/concat.ts";
import type { HttpListener, HttpServer, HttpServerOptions, RequestContext } from "../../src/platform/http_server.ts";
import { type BodyRead, type BodyReader, endsSoon } from "../node/body_end.ts";
import { bodyTooLarge, bodyTooSlow } from "../node/body_bounds.ts";
import { Deadlines } from "../node/deadlines.ts";
import { formatAddress } from "../node/address.ts";
import { platformError } from "../node/errors.ts";
import { bunClock } from "./clock.ts";

type Handler = (request: Request, context: RequestContext) => Response | Promise<Response>;

const EMPTY = new Uint8Array(0);
/** Bun's bound of a head, in bytes. A smaller one is checked here. */
const BUN_HEADER_BYTES_MAX = 16 * 1024;
/** Bun's bound of a time-out. */
const TIMEOUT_SECONDS_MAX = 255;
/** No bound by Bun: its 413 is empty and ends the connection before the handler is asked. */
const BODY_BYTES_UNBOUNDED = Number.MAX_SAFE_INTEGER;

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{1,5})?$/;

/** Bun looks at its time-outs every four seconds, and one that is due at the next look may come at once: never too early. */
const TICK_MS = 4_000;

const seconds = (ms: number): number => Math.min(TIMEOUT_SECONDS_MAX, Math.max(1, Math.ceil(ms / 1000)));

/** What all requests of a listener share. */
interface Host {
  readonly handler: Handler;
  readonly options: HttpServerOptions;
  readonly bodyDeadlines: Deadlines;
}

class BunRequestContext implements RequestContext {
  readonly #server: Bun.Server<undefined>;
  readonly #request: Request;
  readonly #options: HttpServerOptions;
  readonly #deadlines: Deadlines;
  /** By its headers: `Request.body` would make a stream, and the body would go through it from then on. */
  readonly #declared: string | null;
  isKeptOpen = false;
  /** While there is more of it than the handler has read, the connection cannot carry another request. */
  isBodyRead: boolean;

  constructor(server: Bun.Server<undefined>, request: Request, host: Host) {
    this.#server = server;
    this.#request = request;
    this.#options = host.options;
    this.#deadlines = host.bodyDeadlines;
    this.#declared = request.headers.get("content-length");
    this.isBodyRead = this.#declared === null
      ? request.headers.get("transfer-encoding") === null
      : this.#declared === "0";
  }

  get peer(): string {
    const found = this.#server.requestIP(this.#request);
    return found === null ? "" : formatAddress({ host: found.address, port: found.port });
  }

  keepOpen(): void {
    this.isKeptOpen = true;
    this.#server.timeout(this.#request, 0);
  }

  async readBody(onBytes: (count: number) => void = () => {}): Promise<Uint8Array> {
    if (this.isBodyRead) return EMPTY;
    const { bodyBytesMax, bodyMsMax, idleMsMax } = this.#options;
    if (this.#declared !== null) {
      // Bun lets no more bytes through than were declared.
      if (Number(this.#declared) > bodyBytesMax) throw bodyTooLarge(bodyBytesMax);
      onBytes(Number(this.#declared));
    }
    // Ours tells the handler why; Bun's own would cut the connection without a word, and up to a tick too early.
    const mayBeCutByBun = idleMsMax <= bodyMsMax + TICK_MS;
    if (mayBeCutByBun) this.#server.timeout(this.#request, seconds(bodyMsMax + idleMsMax + TICK_MS));
    const reading = this.#declared === null ? this.#readChunks(onBytes) : this.#request.bytes();
    const bytes = await inTime(reading, this.#deadlines, bodyMsMax);
    this.isBodyRead = true;
    if (mayBeCutByBun && !this.isKeptOpen) this.#server.timeout(this.#request, seconds(idleMsMax));
    return bytes;
  }

  async #readChunks(onBytes: (count: number) => void): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const reader = this.#request.body!.getReader();
    try {
      while (true) {
        const { value } = await reader.read();
        if (value === undefined) return concatBytes(chunks);
        length += value.length;
        if (length > this.#options.bodyBytesMax) throw bodyTooLarge(this.#options.bodyBytesMax);
        onBytes(value.length);
        chunks.push(value);
      }
    } catch (thrown) {
      reader.cancel().catch(() => {});
      throw thrown;
    }
  }
}

/** What `work` gives, or `timed_out`; `work` is then left to itself. */
function inTime(work: Promise<Uint8Array>, deadlines: Deadlines, bodyMsMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const cancel = deadlines.begin(() => reject(bodyTooSlow(bodyMsMax)));
    work.then((bytes) => {
      cancel();
      resolve(bytes);
    }, (thrown) => {
      cancel();
      reject(thrown);
    });
  });
}

function headBytes(request: Request): number {
  let count = request.method.length + request.url.length + 12;
  request.headers.forEach((value, name) => count += name.length + value.length + 4);
  return count;
}

/** Methods that no `Request` may have (fetch §4.6); Bun makes one all the same. */
const REFUSED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** The last Host that was looked at and is fine: nearly all requests of a server name the same. */
let soundHost = "";

/**
 * What Bun takes and two readers could understand in two ways. It joins two Host headers with a comma; which of them a
 * proxy went by cannot be known (RFC 9112 §3.2).
 */
function isDoubtful(request: Request): boolean {
  if (REFUSED_METHODS.has(request.method)) return true;
  const host = request.headers.get("host") ?? "";
  if (host === soundHost && host !== "") return false;
  if (!HOST.test(host) || !URL.canParse(request.url)) return true;
  soundHost = host;
  return false;
}

/** Ends the connection after this answer. */
function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

async function serveOne(request: Request, server: Bun.Server<undefined>, host: Host): Promise<Response> {
  const { handler, options } = host;
  if (isDoubtful(request)) return closing(new Response(null, { status: 400 }));
  if (options.headerBytesMax < BUN_HEADER_BYTES_MAX && headBytes(request) > options.headerBytesMax) {
    return closing(new Response(null, { status: 431 }));
  }
  const context = new BunRequestContext(server, request, host);
  const response = await handler(request, context);
  const answer = context.isKeptOpen ? await boundStall(response, server, request, options.writeStallMsMax) : response;
  return context.isBodyRead ? answer : closing(answer);
}

/**
 * The answer to a request that is kept open, with Bun's time-out on while there is something that the caller does not
 * take. While the handler makes the next piece it is off: a quiet stream is not a stalled one.
 */
async function boundStall(
  response: Response,
  server: Bun.Server<undefined>,
  request: Request,
  writeStallMsMax: number,
): Promise<Response> {
  const stallSeconds = seconds(writeStallMsMax + TICK_MS);
  const { status, statusText, headers } = response;
  const init = { status, statusText, headers };
  const reader = response.body?.getReader() as BodyReader | undefined;
  const first = await reader?.read();
  if (reader === undefined || first === undefined || first.done) {
    server.timeout(request, stallSeconds);
    return new Response(response.body === null ? null : "", init);
  }
  let next: Promise<BodyRead> | null = reader.read();
  if (await endsSoon(next)) {
    server.timeout(request, stallSeconds);
    return new Response(first.value, init);
  }
  const give = (controller: ReadableStreamDefaultController<Uint8Array>, piece: Uint8Array): void => {
    controller.enqueue(piece);
    server.timeout(request, stallSeconds);
  };
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => give(controller, first.value),
    async pull(controller) {
      server.timeout(request, 0);
      const read = await (next ?? reader.read());
      next = null;
      if (!read.done) return give(controller, read.value);
      server.timeout(request, stallSeconds);
      controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(stream, init);
}

export const bunHttpServer: HttpServer = {
  async listen(address, handler, options): Promise<HttpListener> {
    const host = { handler, options, bodyDeadlines: new Deadlines(bunClock, options.bodyMsMax) };
    let isStopping = false;
    let server: Bun.Server<undefined>;
    try {
      server = Bun.serve({
        hostname: address.host,
        port: address.port,
        development: false,
        // With `development: false` its default is true, and a second broker on the port would silently share it.
        reusePort: false,
        idleTimeout: seconds(options.idleMsMax),
        maxRequestBodySize: BODY_BYTES_UNBOUNDED,
        fetch: async (request, of) => {
          // Connections without a request cannot be counted; Bun cuts them itself (see above).
          const isAboveBound = of.pendingRequests > options.connectionsMax;
          if (isStopping || isAboveBound) return closing(new Response(null, { status: 503 }));
          const response = await serveOne(request, of, host);
          return isStopping ? closing(response) : response;
        },
        error: () => new Response(null, { status: 500 }),
      });
    } catch (thrown) {
      throw platformError(thrown, "listen on", formatAddress(address));
    }
    return {
      address: { host: address.host, port: server.port! },
      openRequests: () => server.pendingRequests,
      close() {
        // Its promise is not waited for: it comes when the connections have ended.
        void server.stop(false);
        return Promise.resolve();
      },
      async stop(deadlineMs) {
        // Not `stop(false)` first: after it Bun knows the idle connections no more, and they would stay.
        isStopping = true;
        await waitForRequests(server, deadlineMs);
        server.closeIdleConnections();
        await server.stop(true);
      },
    };
  },
};

/** Bun tells of no request's end; a stop can afford to look. */
async function waitForRequests(server: Bun.Server<undefined>, deadlineMs: number): Promise<void> {
  const endMs = bunClock.monotonicMs() + deadlineMs;
  while (server.pendingRequests > 0 && bunClock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => bunClock.after(5, resolve));
  }
}
