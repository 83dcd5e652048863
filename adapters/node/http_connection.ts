/** One connection of the HTTP server: request after request, each with its time and its bounds. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SentinelError } from "../../src/base/errors.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { Deadlines } from "./deadlines.ts";
import type { HttpServerOptions, RequestContext } from "../../src/platform/http_server.ts";
import { formatAddress } from "./address.ts";
import { writeAnswer } from "./http_answer.ts";
import { readBody, readHead, type RequestHead } from "./http_request.ts";

export type Handler = (request: Request, context: RequestContext) => Response | Promise<Response>;

/** What the peer still sends after a refusal is read for this long: a reset would take the answer from it. */
const LINGER_MS = 1_000;
const LINGER_BYTES_MAX = 8 * 1024 * 1024;

/** The end of an answer up to this size is copied, so that it goes out with its head. */
const JOINED_BYTES_MAX = 16 * 1024;

/** What all connections of a server share. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly bodyDeadlines: Deadlines;
  readonly handler: Handler;
  readonly options: HttpServerOptions;
  isStopping(): boolean;
  onRequest(): void;
  onRequestEnd(): void;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

export class HttpConnection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #peer: string;
  /** Requests that came before the one in work was answered. */
  readonly #waiting: Exchange[] = [];
  #inWork: Exchange | null = null;
  #isKeptOpen = false;
  #abort: AbortController | null = null;
  #stream: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #onGone: () => void = () => {};

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.#peer = formatAddress({ host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
    socket.on("error", () => {});
    socket.once("close", () => this.#leave());
  }

  /** Serves a request when those before it are answered. */
  take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#inWork === null) return void this.#serve({ incoming, outgoing });
    // Node would call the handler for all that a peer sends ahead, and read on: that is without bound.
    this.#waiting.push({ incoming, outgoing });
    this.#socket.pause();
  }

  endIfIdle(): void {
    if (this.#inWork === null) this.#socket.destroy();
  }

  /** Whether bytes that cannot be read may be answered: not in front of or within the answer of another request. */
  mayRefuse(): boolean {
    if (!this.#socket.writable) return false;
    return this.#inWork === null || (!this.#inWork.incoming.complete && !this.#inWork.outgoing.headersSent);
  }

  async #serve(first: Exchange): Promise<void> {
    let next: Exchange | undefined = first;
    while (next !== undefined && !this.#socket.destroyed) {
      this.#inWork = next;
      this.#host.onRequest();
      try {
        await this.#serveOne(next);
      } catch {
        // The peer has left, was too slow, or the answer failed after its head was sent: nobody can be told.
        this.#socket.destroy();
      } finally {
        this.#inWork = null;
        this.#abort = null;
        this.#stream = null;
        this.#host.onRequestEnd();
      }
      next = this.#waiting.shift();
      if (next !== undefined && this.#waiting.length === 0) this.#socket.resume();
    }
  }

  async #serveOne({ incoming, outgoing }: Exchange): Promise<void> {
    const { handler, options } = this.#host;
    this.#isKeptOpen = false;
    const head = readHead(incoming, options.headerBytesMax);
    let response: Response;
    if (typeof head === "number") {
      response = new Response(null, { status: head });
    } else {
      response = await this.#handle(incoming, head, handler);
    }
    if (this.#socket.destroyed) {
      // Nobody will tell the body's maker later: the connection's end has been told already.
      await response.body?.cancel();
      throw gone();
    }
    const closes = !incoming.complete || typeof head === "number" || this.#host.isStopping();
    if (this.#isKeptOpen) this.#socket.setTimeout(options.writeStallMsMax);
    let last = await writeAnswer(response, outgoing, {
      closes,
      isKeptOpen: this.#isKeptOpen,
      onStream: (reader) => {
        this.#stream = reader;
        if (this.#isKeptOpen) this.#socket.setTimeout(0);
      },
      taken: () => this.#taken(outgoing),
    });
    if (!incoming.complete) {
      if (last !== null) outgoing.write(last);
      last = null;
      await this.#linger(incoming);
    }
    if (this.#isKeptOpen) this.#socket.setTimeout(options.writeStallMsMax);
    await new Promise<void>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(gone());
      this.#onGone = () => reject(gone());
      if (last === null) outgoing.end(resolve);
      else if (last.length > JOINED_BYTES_MAX) outgoing.end(last, resolve);
      // As text it is joined with the head; bytes beside it would be a gathered write, which is a fifth of Deno's time.
      else outgoing.end(Buffer.from(last.buffer, last.byteOffset, last.length).toString("latin1"), "latin1", resolve);
    });
  }

  async #handle(
    incoming: IncomingMessage,
    head: RequestHead,
    handler: Handler,
  ): Promise<Response> {
    const { bodyDeadlines: deadlines, options: { bodyBytesMax, bodyMsMax } } = this.#host;
    let request: Request;
    try {
      request = new Request(head.url, { method: incoming.method!, headers: head.headers });
    } catch {
      // What the parser let through and a Request does not take.
      return new Response(null, { status: 400 });
    }
    // A signal is made when somebody asks for it: most handlers do not, and it costs as much as the parsing.
    Object.defineProperty(request, "signal", { get: () => (this.#abort ??= new AbortController()).signal });
    try {
      return await handler(request, {
        peer: this.#peer,
        keepOpen: () => this.#keepOpen(),
        readBody: (onBytes) => readBody(incoming, { deadlines, bodyBytesMax, bodyMsMax }, onBytes),
      });
    } catch {
      return new Response(null, { status: 500 });
    }
  }

  #keepOpen(): void {
    this.#isKeptOpen = true;
    this.#socket.setTimeout(0);
  }

  /** Waits until the socket has taken what was written. A peer that takes nothing holds bytes that others need. */
  async #taken(outgoing: ServerResponse): Promise<void> {
    if (this.#isKeptOpen) this.#socket.setTimeout(this.#host.options.writeStallMsMax);
    await new Promise<void>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(gone());
      this.#onGone = () => reject(gone());
      outgoing.once("drain", resolve);
    });
    this.#onGone = () => {};
    if (this.#isKeptOpen) this.#socket.setTimeout(0);
  }

  /** Tells whoever works for this connection that nobody waits for it any more. */
  #leave(): void {
    const reason = gone();
    this.#abort?.abort(reason);
    this.#stream?.cancel(reason).catch(() => {});
    this.#onGone();
  }

  /** Reads what the peer still sends, for a while: the connection ends after it. */
  #linger(incoming: IncomingMessage): Promise<void> {
    return new Promise((resolve) => {
      let leftBytes = LINGER_BYTES_MAX;
      const done = (): void => {
        cancel();
        resolve();
      };
      const cancel = this.#host.clock.after(LINGER_MS, resolve);
      incoming.removeAllListeners("readable");
      incoming.on("data", (piece: Uint8Array) => {
        leftBytes -= piece.length;
        if (leftBytes < 0) done();
      });
      incoming.on("end", done);
      incoming.on("close", done);
      incoming.resume();
    });
  }
}

const gone = (): SentinelError => new SentinelError("shutting_down", "The peer has left");

const REFUSALS: Readonly<Record<string, readonly [status: number, title: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Content Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};

/** Answers what never became a request, and ends the connection. */
export function refuseConnection(socket: Socket, code: string | undefined): void {
  const [status, title] = REFUSALS[code ?? ""] ?? [400, "Bad Request"];
  const body = JSON.stringify({ type: "about:blank", title, status });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
  // What it still sends is read and dropped.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
